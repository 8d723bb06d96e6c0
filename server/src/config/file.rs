//! The file of settings: TOML, a key for each long option, without the dashes.

use toml::de::{DeTable, DeValue};

/// A key of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// The line that it is on, from 1.
    pub line: usize,
    /// Its value, or those of its array, as they would be on the command line.
    pub values: Vec<String>,
    /// Is it `true` or `false`?
    pub is_bool: bool,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Reads a file.
///
/// # Errors
/// If it is no TOML, or has values that no option can have.
pub fn read(text: &str) -> Result<Vec<Setting>, Refusal> {
    if let Some(line) = yaml_line(text) {
        let message = "this is YAML, as mongod's configuration file is; here the file is TOML, a \
                       line such as port = 27017 or dbpath = \"/data\" for each option";
        return Err(Refusal { line, message: message.to_owned() });
    }
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        let message = error.message().trim().replace('\n', ", ");
        Refusal { line, message: format!("no TOML: {message} (texts need quotes)") }
    })?;
    let mut settings = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_of(text, key.span().start);
        let key = key.get_ref().to_string();
        let refuse = |message| Refusal { line, message: format!("{key}: {message}") };
        let value = value.get_ref();
        let values = match value {
            DeValue::Array(values) => {
                let values = values.iter().map(|value| plain(value.get_ref()));
                values.collect::<Result<_, _>>().map_err(refuse)?
            }
            DeValue::Table(table) => {
                let pairs = table.iter().map(|(name, value)| {
                    Ok(format!("{}={}", name.get_ref(), plain(value.get_ref())?))
                });
                pairs.collect::<Result<_, _>>().map_err(refuse)?
            }
            value => vec![plain(value).map_err(refuse)?],
        };
        let is_bool = matches!(value, DeValue::Boolean(_));
        settings.push(Setting { key, line, values, is_bool });
    }
    settings.sort_by_key(|setting| setting.line);
    Ok(settings)
}

/// A single value as the command line has it.
fn plain(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Boolean(is_so) => Ok(is_so.to_string()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(_) => Err("write the number in tens, or as a text"),
        _ => Err("expected a text, a number, true or false, or a list of them"),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// The first line with something on it, if that is a key of YAML.
fn yaml_line(text: &str) -> Option<usize> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let (number, line) = lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))?;
    let (key, rest) = line.split_once(':')?;
    let is_key = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let is_yaml = line == "---" || is_key && (rest.is_empty() || rest.starts_with(' '));
    is_yaml.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (usize, String) {
        let refusal = read(text).expect_err("refused");
        (refusal.line, refusal.message)
    }

    #[test]
    fn keys_with_their_lines() {
        let text = "# ours\nport = 27_018\n\nbind_ip = [\"::1\", \"localhost\"]\nauth = true\n\
                    syncdelay = 0.5\nsetParameter = { logLevel = 2 }\n";
        let settings = read(text).expect("TOML");
        let seen: Vec<_> = settings
            .iter()
            .map(|one| (one.line, one.key.as_str(), one.values.join(" "), one.is_bool))
            .collect();
        assert_eq!(
            seen,
            [
                (2, "port", "27018".to_owned(), false),
                (4, "bind_ip", "::1 localhost".to_owned(), false),
                (5, "auth", "true".to_owned(), true),
                (6, "syncdelay", "0.5".to_owned(), false),
                (7, "setParameter", "logLevel=2".to_owned(), false),
            ]
        );
        assert_eq!(read(" \n# nothing\n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_toml() {
        let (line, message) = refusal("# mongod's\nnet:\n  port: 27017\n");
        assert_eq!(line, 2);
        assert!(message.contains("YAML"), "{message}");
        assert!(refusal("storage.dbPath: /data\n").1.contains("YAML"));
        let (line, message) = refusal("port = 1\ndbpath = /data\n");
        assert_eq!(line, 2);
        assert!(message.contains("quotes"), "{message}");
        assert_eq!(refusal("port = 1\nport = 2\n").0, 2);
        assert_eq!(refusal("x = 1\nfilePermissions = 0o700\n").0, 2);
        assert_eq!(refusal("\nport = 2010-10-10\n").0, 2);
    }
}

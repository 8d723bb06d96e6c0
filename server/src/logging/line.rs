//! One line of the log, as text and as JSON.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// `F`, `E`, `W`, `I` or `D`.
    pub severity: char,
    /// Which part of the server.
    pub component: String,
    /// The number that tools know it by.
    pub id: Option<u64>,
    /// The thread.
    pub context: String,
    /// What happened, always in the same words.
    pub message: String,
    /// What differs from one time to the next.
    pub attributes: Map<String, Value>,
    /// Does it belong to the warnings of the start?
    pub is_of_startup: bool,
}

impl Line {
    /// The time, in the form that both kinds of line have it.
    fn time(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%S.%3f+00:00").to_string()
    }

    /// It as a document of one line, with the names that mongod has for its fields.
    pub fn to_json(&self) -> String {
        let mut out = Map::new();
        out.insert("t".to_owned(), json!({ "$date": self.time() }));
        out.insert("s".to_owned(), self.severity.to_string().into());
        out.insert("c".to_owned(), self.component.as_str().into());
        if let Some(id) = self.id {
            out.insert("id".to_owned(), id.into());
        }
        out.insert("ctx".to_owned(), self.context.as_str().into());
        out.insert("msg".to_owned(), self.message.as_str().into());
        if !self.attributes.is_empty() {
            out.insert("attr".to_owned(), Value::Object(self.attributes.clone()));
        }
        if self.is_of_startup {
            out.insert("tags".to_owned(), json!(["startupWarnings"]));
        }
        Value::Object(out).to_string()
    }

    /// It as text. Whatever it holds, it is one line.
    pub fn to_text(&self) -> String {
        let (time, severity, component) = (self.time(), self.severity, &self.component);
        let mut out = format!("{time} {severity} {component:<8} [{}] ", self.context);
        push_printable(&mut out, &self.message);
        for (name, value) in &self.attributes {
            match value {
                Value::String(text) if is_plain(text) => {
                    out.extend([" ", name, "=", text]);
                }
                value => {
                    out.extend([" ", name, "="]);
                    // JSON leaves some control characters as they are.
                    push_printable(&mut out, &value.to_string());
                }
            }
        }
        out
    }
}

/// May it stand without quotes?
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"')
}

fn push_printable(out: &mut String, text: &str) {
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let mut attributes = Map::new();
        attributes.insert("remote".to_owned(), "127.0.0.1:4711".into());
        attributes.insert("note".to_owned(), "two words\nand \"more\"".into());
        attributes.insert("command".to_owned(), json!({ "find": "c" }));
        Line {
            at: "2010-10-10T13:55:36.5Z".parse().expect("a time"),
            severity: 'I',
            component: "NETWORK".to_owned(),
            id: Some(22943),
            context: "listener".to_owned(),
            message: "Connection\naccepted".to_owned(),
            attributes,
            is_of_startup: true,
        }
    }

    #[test]
    fn json_has_the_fields_of_mongods_log() {
        let expected = concat!(
            r#"{"t":{"$date":"2010-10-10T13:55:36.500+00:00"},"s":"I","c":"NETWORK","id":22943,"#,
            r#""ctx":"listener","msg":"Connection\naccepted","attr":{"remote":"127.0.0.1:4711","#,
            r#""note":"two words\nand \"more\"","command":{"find":"c"}},"#,
            r#""tags":["startupWarnings"]}"#,
        );
        assert_eq!(line().to_json(), expected);
    }

    #[test]
    fn text_is_one_line_whatever_it_says() {
        let expected = concat!(
            r"2010-10-10T13:55:36.500+00:00 I NETWORK  [listener] Connection\naccepted ",
            r#"remote=127.0.0.1:4711 note="two words\nand \"more\"" command={"find":"c"}"#,
        );
        assert_eq!(line().to_text(), expected);
        let mut line = line();
        line.attributes.insert("appName".to_owned(), "red\u{9b}31m".into());
        assert!(line.to_text().ends_with(r#" appName="red\u{9b}31m""#), "{}", line.to_text());
    }
}

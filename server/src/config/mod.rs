//! What `tallymap` is told: by its line, and for `serve` also by the environment and by a file.
//!
//! An option on the line outranks the variable of its name, that a key of the file, that the
//! default. All of them are the options of `serve`, by the one definition that clap has: a
//! variable or a key is checked as the option is.
//!
//! G1. What is not known is refused, and so is what is twice said on one rank.

mod file;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use self::file::{Refusal, Setting};
use crate::cli::Cli;
use crate::error::CliError;

/// The command that can be told by environment and file.
const SERVE: &str = "serve";
/// Options of which at most one is meant.
const OPPOSITES: [(&str, &str); 3] =
    [("journal", "nojournal"), ("auth", "noauth"), ("bind_ip", "bind_ip_all")];

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Stop {
    /// The line is wrong, or asks for help.
    Line(Box<clap::Error>),
    /// The settings are wrong.
    Settings(CliError),
}

impl Stop {
    /// Says why, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            Stop::Line(error) => {
                // Where nobody listens nothing can be said.
                let _ = error.print();
                ExitCode::from(error.exit_code() as u8)
            }
            Stop::Settings(error) => error.report(),
        }
    }
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Stop {
        Stop::Line(Box::new(error))
    }
}

/// Reads the line, and what it names.
///
/// # Errors
/// What is wrong with it; help is asked for in the same way.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Cli, Stop> {
    let line: Vec<_> = line.into_iter().collect();
    let first = definition(&[], &[]).try_get_matches_from(&line)?;
    let Some((SERVE, told)) = first.subcommand() else { return Ok(Cli::from_arg_matches(&first)?) };
    let settings = match told.get_one::<PathBuf>("config") {
        None => Vec::new(),
        Some(path) => read(path).map_err(Stop::Settings)?,
    };
    let weaker = weaker(told, &settings).map_err(Stop::Settings)?;
    let matches = definition(&settings, &weaker).try_get_matches_from(&line)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// The settings of a file, each one that `serve` knows.
fn read(path: &PathBuf) -> Result<Vec<Setting>, CliError> {
    let text = std::fs::read_to_string(path).map_err(CliError::file(path))?;
    let refuse = |Refusal { line, message }| {
        CliError::Usage(format!("{}:{line}: {message}", path.display()))
    };
    let mut settings = file::read(&text).map_err(refuse)?;
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut(SERVE).cloned().unwrap_or_default();
    for at in 0..settings.len() {
        let line = settings[at].line;
        let checked =
            check(&serve, &settings[at]).map_err(|message| refuse(Refusal { line, message }))?;
        if settings[..at].iter().any(|other| other.key == checked) {
            let message = format!("{checked} is there twice, by two names");
            return Err(refuse(Refusal { line, message }));
        }
        settings[at].key = checked;
    }
    Ok(settings)
}

/// Checks a setting as if it was on the line. Answers the id of its option.
fn check(serve: &Command, setting: &Setting) -> Result<String, String> {
    let key = setting.key.as_str();
    let options = || serve.get_arguments().filter(|option| is_setting(option));
    let has_name = |option: &&Arg| {
        let mut aliases = option.get_all_aliases().unwrap_or_default().into_iter();
        option.get_long() == Some(key) || aliases.any(|alias| alias == key)
    };
    let Some(option) = options().find(has_name) else {
        let same = |option: &&Arg| option.get_long().is_some_and(|it| it.eq_ignore_ascii_case(key));
        let meant = options().find(same).and_then(Arg::get_long);
        let hint = meant.map(|name| format!("; it is spelled '{name}'")).unwrap_or_default();
        return Err(format!("unknown key '{key}'{hint}"));
    };
    let is_flag = matches!(option.get_action(), ArgAction::SetTrue);
    if is_flag != setting.is_bool && !(setting.is_bool && option.get_id() == "smallfiles") {
        let expected = if is_flag { "true or false" } else { "a value" };
        return Err(format!("{key}: expected {expected}"));
    }
    if setting.values.len() > 1
        && option.get_value_delimiter().is_none()
        && !matches!(option.get_action(), ArgAction::Append)
    {
        return Err(format!("{key}: expected one value"));
    }
    if !is_flag && !matches!(option.get_action(), ArgAction::Count) {
        let line = setting.values.iter().map(|value| format!("--{key}={value}"));
        let tried = serve.clone().no_binary_name(true).try_get_matches_from(line);
        if let Err(error) = tried {
            let text = error.to_string();
            let text = text.lines().next().unwrap_or_default();
            return Err(text.trim_start_matches("error: ").to_owned());
        }
    }
    Ok(option.get_id().to_string())
}

/// Options that are set, not those that ask for something.
fn is_setting(option: &Arg) -> bool {
    !matches!(option.get_id().as_str(), "config" | "help" | "version")
}

/// Ids of the options that an opposite on a higher rank takes the word from.
fn weaker(told: &ArgMatches, settings: &[Setting]) -> Result<Vec<&'static str>, CliError> {
    // 3 on the line, 2 in the environment, 1 in the file, 0 nowhere.
    let rank = |id: &str| {
        let is_meant = match told.try_get_one::<bool>(id) {
            Ok(is_so) => is_so.copied().unwrap_or(false),
            Err(_) => true,
        };
        let in_file = settings.iter().any(|one| one.key == id && one.values != ["false"]);
        match told.value_source(id) {
            Some(ValueSource::CommandLine) if is_meant => 3,
            Some(ValueSource::EnvVariable) if is_meant => 2,
            _ => i32::from(in_file),
        }
    };
    let mut weaker = Vec::new();
    for (one, other) in OPPOSITES {
        match (rank(one), rank(other)) {
            (0, _) | (_, 0) => {}
            (a, b) if a == b => {
                return Err(CliError::Usage(format!("--{one} and --{other} exclude each other")));
            }
            (a, b) => weaker.push(if a < b { one } else { other }),
        }
    }
    Ok(weaker)
}

/// The definition of the line. The options of `serve` can be told by variables, and what the file
/// says is their default; but for the `weaker` ones.
fn definition(settings: &[Setting], weaker: &[&str]) -> Command {
    Cli::command().mut_subcommand(SERVE, |serve| {
        serve.mut_args(|option| {
            let id = option.get_id().to_string();
            if id == "help" || id == "version" || weaker.contains(&id.as_str()) {
                return option;
            }
            let Some(variable) = option.get_long().map(variable) else { return option };
            let option = option.env(variable).hide_env(true);
            match settings.iter().find(|setting| setting.key == id) {
                Some(setting) => option.default_values(setting.values.clone()),
                None => option,
            }
        })
    })
}

/// The variable of an option: `journalCommitInterval` has `TALLYMAP_JOURNAL_COMMIT_INTERVAL`.
fn variable(long: &str) -> String {
    let letters: Vec<char> = long.chars().collect();
    let mut out = "TALLYMAP_".to_owned();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let next_is_lower = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins = letter.is_ascii_uppercase()
            && before
                .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_uppercase() && next_is_lower);
        if begins {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command as Verb;

    fn line(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    fn serve(text: &str) -> Result<String, String> {
        match parse(line(text)) {
            Ok(Cli { command: Verb::Serve(serve) }) => Ok(format!("{serve:?}")),
            Ok(_) => Err("another command".to_owned()),
            Err(Stop::Line(error)) => Err(error.to_string()),
            Err(Stop::Settings(error)) => Err(error.to_string()),
        }
    }

    fn with_file(text: &str, rest: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("t.toml");
        std::fs::write(&path, text).expect("written");
        serve(&format!("tallymap serve --config {} {rest}", path.display()))
    }

    #[test]
    fn variables_of_options() {
        assert_eq!(variable("port"), "TALLYMAP_PORT");
        assert_eq!(variable("bind_ip"), "TALLYMAP_BIND_IP");
        assert_eq!(variable("journalCommitInterval"), "TALLYMAP_JOURNAL_COMMIT_INTERVAL");
        assert_eq!(variable("tlsCAFile"), "TALLYMAP_TLS_CA_FILE");
    }

    #[test]
    fn the_line_outranks_the_file_and_that_the_default() {
        let text =
            "port = 1\nbind_ip = [\"a\", \"b\"]\nauth = true\nverbose = 2\nsslMode = \"allowSSL\"";
        let told = with_file(text, "--port 2").expect("settings");
        for part in ["port: 2", r#"bind_ip: ["a", "b"]"#, "auth: true", "verbose: 2", "Allow"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(serve("tallymap serve").expect("defaults").contains("port: 27017"));
        let told =
            with_file("nojournal = true\nsmallfiles = false", "--journal").expect("settings");
        for part in [" journal: true", "nojournal: false", "smallfiles: false"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn what_a_file_must_not_say() {
        for (text, expected) in [
            ("\nprot = 1", "t.toml:2: unknown key 'prot'"),
            ("bindip = 1", "t.toml:1: unknown key 'bindip'"),
            ("maxconns = 1", "it is spelled 'maxConns'"),
            ("port = 70000", "t.toml:1: invalid value '70000' for '--port <PORT>'"),
            ("port = [1, 2]", "t.toml:1: port: expected one value"),
            ("auth = 1", "t.toml:1: auth: expected true or false"),
            ("port = true", "t.toml:1: port: expected a value"),
            (
                "tlsMode = \"requireTLS\"\nsslMode = \"disabled\"",
                "t.toml:2: tls_mode is there twice",
            ),
            ("auth = true\nnoauth = true", "--auth and --noauth exclude each other"),
            ("net:\n  port: 1", "t.toml:1: this is YAML"),
        ] {
            let error = with_file(text, "").expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            serve("tallymap serve --config /nonexistent").expect_err("none").contains("/nonex")
        );
        let error = serve("tallymap serve --journal --nojournal").expect_err("both");
        assert!(error.contains("exclude each other"), "{error}");
    }
}

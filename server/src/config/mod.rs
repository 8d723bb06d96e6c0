//! What `tallymap` is told: by its line, and for `serve` also by the environment and by a file.
//!
//! An option on the line outranks the variable of its name, that a key of the file, that the
//! default. All of them are the options of `serve`, by the one definition that clap has: a
//! variable or a key is checked as the option is.
//!
//! G1. What is not known is refused, and so is what is twice said on one rank. A variable that is
//!     not known may be somebody else's: of that there is a warning.
//! G2. What is wrong is said of the place where it stands: the line, a variable, a line of the
//!     file.

mod file;
mod origin;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use self::file::{Refusal, Setting};
use self::origin::{nearest, plain};
use crate::cli::Cli;
use crate::command::Command as Verb;
use crate::error::CliError;

pub use self::origin::Origins;

/// What the names of variables begin with.
const PREFIX: &str = "TALLYMAP_";
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
    let first = definition(&[], &[]).try_get_matches_from(&line);
    let first = first.map_err(|error| why(error, &line))?;
    let Some((SERVE, told)) = first.subcommand() else { return Ok(Cli::from_arg_matches(&first)?) };
    let file = told.get_one::<PathBuf>("config");
    let settings = match file {
        None => Vec::new(),
        Some(path) => read(path).map_err(Stop::Settings)?,
    };
    let weaker = weaker(told, &settings).map_err(Stop::Settings)?;
    let matches = definition(&settings, &weaker).try_get_matches_from(&line)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Verb::Serve(serve), Some((_, told))) = (&mut cli.command, matches.subcommand()) {
        let file = file.map(|file| file.display().to_string()).unwrap_or_default();
        serve.set_origins(Origins::of(&serve_command(), told, &file, &settings));
    }
    Ok(cli)
}

/// The definition of `serve`, by its line alone.
fn serve_command() -> Command {
    Cli::command().find_subcommand_mut(SERVE).cloned().unwrap_or_default()
}

/// Variables that look like those of options and are not, with what may have been meant.
pub fn unknown_variables() -> Vec<(String, Option<String>)> {
    origin::unknown_variables(&serve_command())
}

/// Why there is nothing to run: the line, or a variable if the line alone is right.
fn why(error: clap::Error, line: &[OsString]) -> Stop {
    if Cli::command().try_get_matches_from(line).is_err() {
        return Stop::from(error);
    }
    let serve = serve_command().no_binary_name(true);
    let options = serve.get_arguments().filter_map(|it| Some((it.get_id(), it.get_long()?)));
    for (id, name) in options.map(|(id, long)| (id, variable(long))) {
        let alone = serve.clone().mut_arg(id, |option| option.env(name.clone()));
        if let Err(error) = alone.try_get_matches_from(None::<OsString>) {
            return Stop::Settings(CliError::Usage(format!("{name}: {}", plain(&error))));
        }
    }
    Stop::from(error)
}

/// The settings of a file, each one that `serve` knows.
fn read(path: &PathBuf) -> Result<Vec<Setting>, CliError> {
    let text = std::fs::read_to_string(path).map_err(CliError::file(path))?;
    let refuse = |Refusal { line, message }| {
        CliError::Usage(format!("{}:{line}: {message}", path.display()))
    };
    let mut settings = file::read(&text).map_err(refuse)?;
    let serve = serve_command();
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
        let known: Vec<_> = options().filter_map(Arg::get_long).collect();
        let hint = match nearest(key, &known) {
            Some((name, false)) => format!("; it is spelled '{name}'"),
            Some((name, true)) => format!("; is '{name}' meant?"),
            None => String::new(),
        };
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
            return Err(format!("{key}: {}", plain(&error)));
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
    let mut out = PREFIX.to_owned();
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
            ("port = 70000", "t.toml:1: port: invalid value '70000': 70000 is not in"),
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

//! Where options were told, so that what is wrong with one is said of the place where it stands;
//! and what in the environment only looks like one.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::file::Setting;
use super::{PREFIX, is_setting, variable};
use crate::error::CliError;

/// The most changes of letters that make one name of another one.
const TYPOS_MAX: usize = 2;

/// The places of options that were not told on the line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<(String, String)>);

impl Origins {
    /// Those of options that are `told`, by the environment or by the settings of `file`.
    pub(super) fn of(
        serve: &Command,
        told: &ArgMatches,
        file: &str,
        settings: &[Setting],
    ) -> Origins {
        let place = |option: &Arg| {
            let id = option.get_id().as_str();
            let long = option.get_long()?;
            let place = match told.value_source(id)? {
                ValueSource::EnvVariable => variable(long),
                ValueSource::DefaultValue => {
                    let setting = settings.iter().find(|setting| setting.key == id)?;
                    format!("{file}:{}", setting.line)
                }
                _ => return None,
            };
            Some((long.to_owned(), place))
        };
        Origins(serve.get_arguments().filter_map(place).collect())
    }

    /// Says of a refusal that begins with the name of an option where that was told.
    pub fn blame(&self, error: CliError) -> CliError {
        let CliError::Usage(message) = &error else { return error };
        let Some(rest) = message.strip_prefix("--") else { return error };
        let end = rest.find([' ', ':', ',']).unwrap_or(rest.len());
        match self.0.iter().find(|(long, _)| *long == rest[..end]) {
            Some((_, place)) => CliError::Usage(format!("{place}: {rest}")),
            None => error,
        }
    }
}

/// A refusal of clap's as it is said of another place than the line: without the option's dashes.
pub(super) fn plain(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ");
    let mut out = match (first.find(" for '--"), first.find("' for '--")) {
        (Some(from), Some(_)) => match first[from + 6..].find('\'') {
            Some(len) => [&first[..from], &first[from + 6 + len + 1..]].concat(),
            None => first.to_owned(),
        },
        _ => first.to_owned(),
    };
    for line in lines {
        out.extend([" ", line]);
    }
    out
}

/// Variables that begin as those of options do, and are of none; with what may have been meant.
pub fn unknown_variables(serve: &Command) -> Vec<(String, Option<String>)> {
    let options = serve.get_arguments().filter(|it| is_setting(it) || it.get_id() == "config");
    let known: Vec<String> = options.filter_map(Arg::get_long).map(variable).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unknown: Vec<_> = names
        .filter(|name| name.starts_with(PREFIX) && !known.contains(&name.as_str()))
        .map(|name| {
            let own: Vec<&str> = known.iter().filter_map(|it| it.strip_prefix(PREFIX)).collect();
            let meant = nearest(name.trim_start_matches(PREFIX), &own);
            let meant = meant.map(|(meant, _)| format!("{PREFIX}{meant}"));
            (name, meant)
        })
        .collect();
    unknown.sort();
    unknown
}

/// The name that was probably meant, and whether it differs by more than its spelling.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<(&'a str, bool)> {
    let letters = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let own = letters(name);
    let distance = |other: &str| strsim::damerau_levenshtein(&own, &letters(other));
    let best = known.iter().map(|other| (distance(other), *other)).min()?;
    // Of a short name every letter counts.
    let is_near = best.0 <= TYPOS_MAX.min(own.len() / 3);
    is_near.then_some((best.1, best.0 > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_were_meant() {
        let known = ["port", "bind_ip", "maxConns", "slowms", "ipv6"];
        for (name, expected) in [
            ("bindip", Some(("bind_ip", false))),
            ("maxconns", Some(("maxConns", false))),
            ("prot", Some(("port", true))),
            ("slowMss", Some(("slowms", true))),
            ("pip6", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }

    #[test]
    fn a_refusal_is_said_of_the_place() {
        let origins = Origins(vec![("replSet".to_owned(), "t.toml:3".to_owned())]);
        let blamed = |text: &str| origins.blame(CliError::Usage(text.to_owned())).to_string();
        assert_eq!(blamed("--replSet cannot be had"), "t.toml:3: replSet cannot be had");
        assert_eq!(blamed("--replSetName: no"), "--replSetName: no");
        assert_eq!(blamed("something else"), "something else");
    }
}

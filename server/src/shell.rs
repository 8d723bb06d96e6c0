//! Command lines that are shown to be copied.

use std::path::Path;

use crate::chart::Period;

/// `word` as a shell takes it for one word: as it is, or in single quotes.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// This program, as it was called: what follows works where this did.
pub fn program() -> String {
    let called = std::env::args_os().next();
    called.map_or_else(|| "tallymap".to_owned(), |called| quoted(&called.to_string_lossy()))
}

/// The line that charts a page, in two lines for a narrow terminal, the first one indented.
pub fn chart_line(dbpath: &Path, db: &str, site: &str, page: &str, period: Period) -> String {
    let period = match period {
        Period::Day(date) => format!("--day {date}"),
        Period::Hour(date, hour) => format!("--day {date} --hour {hour}"),
        Period::Month(_) => format!("--month {period}"),
    };
    let (dbpath, db) = (quoted(&dbpath.to_string_lossy()), quoted(db));
    let (site, page) = (quoted(site), quoted(page));
    let program = program();
    format!(
        "  {program} chart --dbpath {dbpath} --db {db} \\\n    \
         --site {site} --page {page} {period}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn only_what_needs_it_is_quoted() {
        for (word, expected) in [
            ("/blog/a-b_c.html", "/blog/a-b_c.html"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("/ä", "'/ä'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_line_for_each_period() {
        let line = |period| chart_line(Path::new("my data"), "stats", "s", "/a b", period);
        let day = date(2010, 10, 1);
        assert_eq!(
            line(Period::Hour(day, 7)),
            format!(
                "  {} chart --dbpath 'my data' --db stats \\\n    \
                 --site s --page '/a b' --day 2010-10-01 --hour 7",
                program()
            )
        );
        assert!(line(Period::Day(day)).ends_with(" --day 2010-10-01"));
        assert!(line(Period::Month(day)).ends_with(" --month 2010-10"));
    }
}

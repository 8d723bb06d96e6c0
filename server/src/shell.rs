//! Words of a command line that is shown to be copied.

/// `word` as a shell takes it for one word: as it is, or in single quotes.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}

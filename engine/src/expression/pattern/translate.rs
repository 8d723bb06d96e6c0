//! Perl's regular expressions in the library's words.
//!
//! `\d`, `\w` and `\s` are of ASCII; `$` stands before a last newline too; brackets within
//! brackets, braces that count nothing and `\<` are what they look like; `\Q…\E`, `\h`, `\R`,
//! comments and the `x` flag are resolved.

use std::iter::Peekable;
use std::str::Chars;

const SPACES: &str =
    "\\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}\\x20";
const LINE_ENDS: &str = "\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}";

/// The members of a class like `\d`, and whether the letter negates it.
fn class(letter: char) -> Option<(&'static str, bool)> {
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0B\\f\\r\\x20",
        'h' => SPACES,
        'v' => LINE_ENDS,
        _ => return None,
    };
    Some((members, letter.is_ascii_uppercase()))
}

struct Translation<'p> {
    chars: Peekable<Chars<'p>>,
    out: String,
    multi_line: bool,
    extended: bool,
    /// What stands for the end, before a last newline too.
    end: &'static str,
}

/// The same pattern in the library's syntax. If it is told what is matched, a last newline that
/// `$` stands before is not; else it may be, which takes less time.
pub(super) fn translate(pattern: &str, multi_line: bool, extended: bool, told: bool) -> String {
    let mut translation = Translation {
        chars: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        multi_line: multi_line || has_inline_flag(pattern, 'm'),
        extended,
        end: if told { "(?=\\n?\\z)" } else { "(?:\\n?\\z)" },
    };
    while let Some(c) = translation.chars.next() {
        translation.outside(c);
    }
    translation.out
}

/// Is there a group like `(?im)` with this flag?
fn has_inline_flag(pattern: &str, flag: char) -> bool {
    pattern.match_indices("(?").any(|(at, _)| {
        let flags = pattern[at + 2..].chars().take_while(char::is_ascii_alphabetic);
        flags.into_iter().any(|c| c == flag)
    })
}

impl Translation<'_> {
    fn outside(&mut self, c: char) {
        match c {
            '\\' => self.escape(),
            '[' => self.bracket(),
            '{' if !self.counts() => self.out.push_str("\\{"),
            '{' => {
                self.out.push('{');
                for c in self.chars.by_ref() {
                    self.out.push(c);
                    if c == '}' {
                        break;
                    }
                }
            }
            '}' => self.out.push_str("\\}"),
            ']' => self.out.push_str("\\]"),
            '$' if !self.multi_line => self.out.push_str(self.end),
            '(' if self.starts_with("?#") => {
                self.chars.by_ref().find(|c| *c == ')');
            }
            '#' if self.extended => {
                self.chars.by_ref().find(|c| *c == '\n');
            }
            c if self.extended && c.is_ascii_whitespace() => {}
            c => self.out.push(c),
        }
    }

    fn starts_with(&self, text: &str) -> bool {
        let mut ahead = self.chars.clone();
        text.chars().all(|c| ahead.next() == Some(c))
    }

    /// Is what follows a brace a quantifier: `2}`, `2,}` or `2,3}`?
    fn counts(&self) -> bool {
        let text: String = self.chars.clone().take_while(|c| *c != '}').take(16).collect();
        let closed = self.chars.clone().take(17).any(|c| c == '}');
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (least, most) = text.split_once(',').unwrap_or((&text, ""));
        closed && !least.is_empty() && digits(least) && digits(most)
    }

    fn escape(&mut self) {
        let Some(c) = self.chars.next() else { return self.out.push('\\') };
        if let Some((members, negated)) = class(c) {
            let start = if negated { "[^" } else { "[" };
            self.out.extend([start, members, "]"]);
            return;
        }
        match c {
            'Q' => self.quoted(),
            'E' => {}
            'R' => self.out.extend(["(?:\\r\\n|[", LINE_ENDS, "])"]),
            'N' => self.out.push_str("[^\\n]"),
            'Z' => self.out.push_str(self.end),
            '<' | '>' | '\'' | '"' | '`' => self.out.push(c),
            '0' => self.out.push_str("\\x00"),
            'e' => self.out.push_str("\\x1B"),
            'a' => self.out.push_str("\\x07"),
            ' ' => self.out.push_str("\\x20"),
            c => self.copied(c),
        }
    }

    /// Copies an escape that means the same in both, with what it has in braces.
    fn copied(&mut self, c: char) {
        self.out.extend(['\\', c]);
        if matches!(c, 'p' | 'P' | 'x' | 'g' | 'k') && self.chars.peek() == Some(&'{') {
            for c in self.chars.by_ref() {
                self.out.push(c);
                if c == '}' {
                    break;
                }
            }
        }
    }

    /// What follows `\Q`, up to `\E`, taken literally.
    fn quoted(&mut self) {
        while let Some(c) = self.chars.next() {
            if c == '\\' && self.chars.peek() == Some(&'E') {
                self.chars.next();
                return;
            }
            self.literal(c);
        }
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '\'' | '"' | '`' | '_') {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// A class in brackets.
    fn bracket(&mut self) {
        self.out.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        // A bracket that comes first is a member.
        if self.chars.next_if_eq(&']').is_some() {
            self.out.push_str("\\]");
        }
        let mut after_dash = false;
        while let Some(c) = self.chars.next() {
            let dash = c == '-' && !after_dash;
            match c {
                ']' => return self.out.push(']'),
                '\\' => self.escape_in_bracket(),
                '[' if self.chars.peek() == Some(&':') && self.posix() => {}
                '[' | '&' | '~' | '#' => self.out.extend(['\\', c]),
                ' ' => self.out.push_str("\\x20"),
                '-' if after_dash => self.out.push_str("\\-"),
                c => self.out.push(c),
            }
            after_dash = dash;
        }
    }

    fn escape_in_bracket(&mut self) {
        let Some(c) = self.chars.next() else { return self.out.push('\\') };
        match class(c) {
            Some((members, false)) => return self.out.push_str(members),
            Some((members, true)) => return self.out.extend(["[^", members, "]"]),
            None => {}
        }
        match c {
            'b' => self.out.push_str("\\x08"),
            '0' => self.out.push_str("\\x00"),
            'e' => self.out.push_str("\\x1B"),
            'a' => self.out.push_str("\\x07"),
            'Q' => self.quoted(),
            'E' => {}
            '<' | '>' | '\'' | '"' | '`' => self.out.push(c),
            ' ' => self.out.push_str("\\x20"),
            c => self.copied(c),
        }
    }

    /// Copies a class like `[:alpha:]`, whose first bracket was read, if there is one.
    fn posix(&mut self) -> bool {
        let mut name: String =
            self.chars.clone().skip(1).take_while(|c| *c != ':').take(12).collect();
        let len = name.chars().count();
        let end: String = self.chars.clone().skip(1 + len).take(2).collect();
        if end != ":]" {
            return false;
        }
        name.insert_str(0, "[:");
        self.out.extend([&name, ":]"]);
        self.chars.nth(len + 2);
        true
    }
}

/// Do the parentheses of a pattern pair?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Balance {
    Even,
    Unclosed,
    Unopened,
}

/// Do the parentheses pair, those that are escaped or in brackets left out?
pub(super) fn balance(pattern: &str) -> Balance {
    let (mut open, mut in_bracket) = (0_usize, false);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' if !in_bracket => in_bracket = true,
            ']' => in_bracket = false,
            '(' if !in_bracket => open += 1,
            ')' if !in_bracket && open == 0 => return Balance::Unopened,
            ')' if !in_bracket => open -= 1,
            _ => {}
        }
    }
    if open > 0 { Balance::Unclosed } else { Balance::Even }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balance_of_parentheses() {
        assert_eq!(balance("a(b[(])\\("), Balance::Even);
        assert_eq!(balance("(a"), Balance::Unclosed);
        assert_eq!(balance("a)("), Balance::Unopened);
    }

    #[test]
    fn translations() {
        for (pattern, expected) in [
            ("^abc", "^abc"),
            ("a{2,3}{b}", "a{2,3}\\{b\\}"),
            ("[[a]", "[\\[a]"),
            ("[[:alpha:]&&b]", "[[:alpha:]\\&\\&b]"),
            ("[]a]", "[\\]a]"),
            ("\\Qa.b\\Ec", "a\\.bc"),
            ("\\d[\\D]", "[0-9][[^0-9]]"),
            ("c$", "c(?:\\n?\\z)"),
            ("(?m)c$", "(?m)c$"),
            ("a(?#note)b", "ab"),
        ] {
            assert_eq!(translate(pattern, false, false, false), expected, "{pattern}");
        }
        assert_eq!(translate("c$", false, false, true), "c(?=\\n?\\z)");
        assert_eq!(translate("a b # c\n[ d]", false, true, false), "ab[\\x20d]");
    }
}

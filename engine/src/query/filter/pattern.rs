//! Regular expressions of filters: parsed once, compiled once.
//!
//! A match that backtracks too much is an error and not a silent no.

use std::fmt;
use std::sync::Arc;

use fancy_regex::Regex;

use super::bad_value;
use crate::bson::element::{Elements, OwnedValue, Value, name_end};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::expression::pattern;

/// A compiled regular expression.
#[derive(Clone)]
pub struct Pattern {
    /// The same as a BSON value: pattern, NUL, flags, NUL.
    value: OwnedValue,
    pattern: Box<str>,
    flags: Box<str>,
    regex: Arc<Regex>,
}

impl Pattern {
    /// Compiles a pattern. Of the flags `imxs` count, others are ignored.
    ///
    /// # Errors
    /// [`Reason::Location`] 51091 if it is none.
    pub fn new(pattern: &str, flags: &str) -> Result<Pattern> {
        let regex = pattern::compile(pattern, flags, false).map_err(|why| {
            let message = format!("Regular expression is invalid: {why}");
            Error::refused(Reason::Location(51091), message)
        })?;
        let bytes = [pattern.as_bytes(), b"\0", flags.as_bytes(), b"\0"].concat();
        Ok(Pattern {
            value: OwnedValue { ty: ty::REGEX, bytes: bytes.into() },
            pattern: pattern.into(),
            flags: flags.into(),
            regex: Arc::new(regex),
        })
    }

    /// Compiles a BSON regular expression.
    pub(super) fn of_regex(value: Value<'_>) -> Result<Pattern> {
        let (pattern, flags) = halves(value)?;
        Pattern::new(pattern, flags)
    }

    /// Compiles `{ $regex: …, $options: … }`.
    pub(super) fn of_operators(operators: &[u8]) -> Result<Pattern> {
        let (mut pattern, mut flags) = ("", "");
        let (mut options_first, mut options_last) = (false, false);
        let mut regex = None;
        for element in Elements::new(operators)? {
            let element = element?;
            match (element.name, element.ty) {
                (b"$regex", ty::STRING) => pattern = text(element.val())?,
                (b"$regex", ty::REGEX) => {
                    options_first = options_last;
                    regex = Some(halves(element.val())?);
                }
                (b"$regex", _) => return Err(bad_value("$regex has to be a string")),
                (b"$options", ty::STRING) => {
                    flags = text(element.val())?;
                    options_last = true;
                }
                (b"$options", _) => return Err(bad_value("$options has to be a string")),
                _ => {}
            }
        }
        if let Some((own_pattern, own_flags)) = regex {
            if options_last && !own_flags.is_empty() {
                let code = if options_first { 51074 } else { 51075 };
                let message = "options set in both $regex and $options";
                return Err(Error::refused(Reason::Location(code), message));
            }
            pattern = own_pattern;
            flags = if options_last { flags } else { own_flags };
        }
        let embedded = "cannot contain an embedded null byte";
        if pattern.contains('\0') {
            return Err(bad_value(format!("Regular expression {embedded}")));
        }
        if flags.contains('\0') {
            return Err(bad_value(format!("Regular expression options string {embedded}")));
        }
        Pattern::new(pattern, flags)
    }

    /// Refuses `$options` where there is no `$regex`.
    pub(super) fn check_options(operators: &[u8]) -> Result<()> {
        for element in Elements::new(operators)? {
            if element?.name == b"$regex" {
                return Ok(());
            }
        }
        Err(bad_value("$options needs a $regex"))
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The flags as they were written.
    pub fn flags(&self) -> &str {
        &self.flags
    }

    /// The pattern and flags as a BSON value, which the pattern matches too.
    pub fn value(&self) -> Value<'_> {
        self.value.as_ref()
    }

    /// What every string that matches begins with, and whether every string that does begin so
    /// matches; `None` if no beginning is known.
    pub fn prefix(&self) -> Option<(String, bool)> {
        if self.flags.contains(['i', 'm', 'x']) || self.pattern.contains('|') {
            return None;
        }
        let rest = &*self.pattern;
        let rest = rest.strip_prefix('^').or_else(|| rest.strip_prefix("\\A"))?;
        let mut prefix = String::new();
        let mut chars = rest.chars().peekable();
        while let Some(&next) = chars.peek() {
            match next {
                '\\' => {
                    let mut ahead = chars.clone();
                    ahead.next();
                    match ahead.next() {
                        Some(escaped) if !escaped.is_ascii_alphanumeric() => prefix.push(escaped),
                        // Nothing by itself: what counts may follow.
                        Some('Q' | 'E') => {
                            prefix.pop();
                            break;
                        }
                        _ => break,
                    }
                    chars = ahead;
                    continue;
                }
                '*' | '?' | '{' => {
                    prefix.pop();
                    break;
                }
                '(' if chars.clone().nth(2) == Some('#') => {
                    prefix.pop();
                    break;
                }
                '.' | '[' | '(' | ')' | '$' | '^' | '+' => break,
                literal => prefix.push(literal),
            }
            chars.next();
        }
        let exact = chars.peek().is_none();
        (!prefix.is_empty()).then_some((prefix, exact))
    }

    /// Is it the same expression, or a string or symbol like it?
    ///
    /// # Errors
    /// [`Reason::Location`] 51156 if that takes too long to find out.
    pub(in crate::query) fn holds(&self, value: Value<'_>) -> Result<bool> {
        match value.ty {
            ty::STRING | ty::SYMBOL => {}
            ty::REGEX => return Ok(value.bytes == &*self.value.bytes),
            _ => return Ok(false),
        }
        let Value { bytes, .. } = value;
        let text = bytes.get(4..bytes.len().saturating_sub(1)).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(text) else { return Ok(false) };
        self.holds_text(text)
    }

    /// Is a text like it?
    pub(super) fn holds_text(&self, text: &str) -> Result<bool> {
        self.regex.is_match(text).map_err(|error| {
            let pattern = &self.pattern;
            let message = format!(
                "Error occurred while executing regular expression '{pattern}'. Reason: {error}"
            );
            Error::refused(Reason::Location(51156), message)
        })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern(/{}/{})", self.pattern, self.flags)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.value == other.value
    }
}

fn text(value: Value<'_>) -> Result<&str> {
    value.as_str().ok_or_else(|| Error::invalid_bson(0, "text is UTF-8"))
}

fn halves(value: Value<'_>) -> Result<(&str, &str)> {
    let halves = || {
        let pattern_end = name_end(value.bytes, 0)?;
        let flags_end = name_end(value.bytes, pattern_end + 1)?;
        let pattern = std::str::from_utf8(&value.bytes[..pattern_end]).ok()?;
        let flags = std::str::from_utf8(&value.bytes[pattern_end + 1..flags_end]).ok()?;
        Some((pattern, flags))
    };
    halves().ok_or_else(|| Error::invalid_bson(0, "text is UTF-8"))
}

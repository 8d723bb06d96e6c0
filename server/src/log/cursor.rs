//! A place in a log line, moving right; and what it says when the line is not as expected.
//!
//! C1: the cursor never moves left, and never past the end of the line.

use std::fmt;

/// Where a line stops being a log line, and what should have stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Column, counted in bytes from 1.
    pub column: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}", self.column, self.expected)
    }
}

impl std::error::Error for Malformed {}

/// The bytes of one line and how many of them are read.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first byte of `line`.
    pub fn new(line: &'a [u8]) -> Cursor<'a> {
        Cursor { line, at: 0 }
    }

    /// The bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    /// The error "expected `what` here".
    pub fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { column: self.at + 1, expected }
    }

    /// Steps over `byte`, or fails.
    pub fn byte(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        if self.rest().first() != Some(&byte) {
            return Err(self.malformed(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes what lies before `end`, which must come, and leaves the cursor on `end`.
    pub fn until(&mut self, end: &[u8], expected: &'static str) -> Result<&'a [u8], Malformed> {
        let rest = self.rest();
        let len = rest.windows(end.len()).position(|w| w == end);
        let len = len.ok_or_else(|| self.malformed(expected))?;
        self.at += len;
        Ok(&rest[..len])
    }

    /// Takes a non-empty run of bytes other than space.
    pub fn word(&mut self, expected: &'static str) -> Result<&'a [u8], Malformed> {
        let rest = self.rest();
        let len = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        if len == 0 {
            return Err(self.malformed(expected));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    /// Takes exactly `count` decimal digits; `count` is at most 9.
    pub fn digits(&mut self, count: usize, expected: &'static str) -> Result<u32, Malformed> {
        let digits = self.rest().get(..count).filter(|d| d.iter().all(u8::is_ascii_digit));
        let digits = digits.ok_or_else(|| self.malformed(expected))?;
        self.at += count;
        Ok(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// Takes a quoted string without its quotes. A backslash protects the byte after it, so the
    /// answer is still escaped.
    pub fn quoted(&mut self, expected: &'static str) -> Result<&'a [u8], Malformed> {
        self.byte(b'"', expected)?;
        let rest = self.rest();
        let mut len = 0;
        while let Some(&byte) = rest.get(len) {
            match byte {
                b'"' => {
                    self.at += len + 1;
                    return Ok(&rest[..len]);
                }
                b'\\' => len += 2,
                _ => len += 1,
            }
        }
        self.at = self.line.len();
        Err(self.malformed("a closing quote"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_words_digits_and_quotes_in_turn() {
        let mut cursor = Cursor::new(br#"host 200 "a \"b\" c" rest"#);
        assert_eq!(cursor.word("host"), Ok(&b"host"[..]));
        assert_eq!(cursor.byte(b' ', "a space"), Ok(()));
        assert_eq!(cursor.digits(3, "status"), Ok(200));
        assert_eq!(cursor.byte(b'-', "a dash"), Err(Malformed { column: 9, expected: "a dash" }));
        assert_eq!(cursor.byte(b' ', "a space"), Ok(()));
        assert_eq!(cursor.quoted("agent"), Ok(&br#"a \"b\" c"#[..]));
        assert_eq!(cursor.rest(), b" rest");
    }

    #[test]
    fn an_open_quote_fails_at_the_end_of_the_line() {
        for line in [&br#""abc"#[..], br#""abc\"#, br#""abc\""#] {
            let failed = Cursor::new(line).quoted("agent");
            let column = line.len() + 1;
            assert_eq!(failed, Err(Malformed { column, expected: "a closing quote" }));
        }
    }

    #[test]
    fn digits_neither_short_nor_signed() {
        assert!(Cursor::new(b"12").digits(3, "x").is_err());
        assert!(Cursor::new(b"+12").digits(3, "x").is_err());
        assert!(Cursor::new(b"1 2").digits(3, "x").is_err());
        assert!(Cursor::new(b"").word("x").is_err());
        assert!(Cursor::new(b"abc").until(b" [", "x").is_err());
    }
}

//! One line of a log in common or combined format:
//! `host ident user [time] "request" status bytes` and, combined, `"referrer" "user agent"`.
//!
//! L1: works on bytes; nothing is assumed to be UTF-8. L2: every byte string gives an [`Entry`] or
//! a [`Malformed`], never a panic. L3: what other columns follow, after a space, is ignored:
//! both servers are often told to log more.

use std::borrow::Cow;

use super::cursor::{Cursor, Malformed};
use super::escape::unescape;
use super::request::Request;
use super::time::{LogTime, parse_time};

/// A well-formed line. A column that holds `-` is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Name or address of the client.
    pub host: &'a [u8],
    /// The authenticated user. It may contain spaces.
    pub user: Option<&'a [u8]>,
    /// When the request came.
    pub time: LogTime,
    /// What was asked; `None` if the client sent no request line.
    pub request: Option<Request<'a>>,
    /// The answer's status.
    pub status: u16,
    /// Length of the answer's body, bytes.
    pub body_len: Option<u64>,
    /// The page that the client came from, escapes undone.
    pub referrer: Option<Cow<'a, [u8]>>,
    /// What the client says it is, escapes undone.
    pub user_agent: Option<Cow<'a, [u8]>>,
}

/// Reads one line, without its line feed.
///
/// # Errors
/// The first column that is not as the format demands.
pub fn parse_line(line: &[u8]) -> Result<Entry<'_>, Malformed> {
    let mut cursor = Cursor::new(line.strip_suffix(b"\r").unwrap_or(line));
    let host = cursor.word("a host")?;
    cursor.byte(b' ', "a space after the host")?;
    cursor.word("an identity, or -")?;
    cursor.byte(b' ', "a space after the identity")?;
    let user = cursor.until(b" [", "a user, a space and '['")?;
    cursor.byte(b' ', "a space")?;
    cursor.byte(b'[', "'['")?;
    let time = parse_time(&mut cursor)?;
    cursor.byte(b']', "']' after the time")?;
    cursor.byte(b' ', "a space after the time")?;
    let request = Request::parse(cursor.quoted("a request in quotes")?);
    cursor.byte(b' ', "a space after the request")?;
    let status = cursor.digits(3, "a status of three digits")? as u16;
    cursor.byte(b' ', "a space after the status")?;
    let body_len = parse_body_len(&mut cursor)?;
    let (referrer, user_agent) = match cursor.rest() {
        [] => (None, None),
        _ => parse_combined(&mut cursor)?,
    };
    let user = (user != b"-").then_some(user);
    Ok(Entry { host, user, time, request, status, body_len, referrer, user_agent })
}

type Columns<'a> = (Option<Cow<'a, [u8]>>, Option<Cow<'a, [u8]>>);

/// The two columns that combined has and common has not.
fn parse_combined<'a>(cursor: &mut Cursor<'a>) -> Result<Columns<'a>, Malformed> {
    cursor.byte(b' ', "a space after the length")?;
    let referrer = cursor.quoted("a referrer in quotes")?;
    cursor.byte(b' ', "a space after the referrer")?;
    let user_agent = cursor.quoted("a user agent in quotes")?;
    if !cursor.rest().is_empty() {
        cursor.byte(b' ', "a space or the end of the line")?;
    }
    let present = |column: &'a [u8]| (column != b"-").then(|| unescape(column));
    Ok((present(referrer), present(user_agent)))
}

fn parse_body_len(cursor: &mut Cursor<'_>) -> Result<Option<u64>, Malformed> {
    const EXPECTED: &str = "a length in bytes, or -";
    let start = *cursor;
    match cursor.word(EXPECTED)? {
        b"-" => Ok(None),
        digits if digits.iter().all(u8::is_ascii_digit) => {
            let len = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            len.map(Some).ok_or_else(|| start.malformed(EXPECTED))
        }
        _ => Err(start.malformed(EXPECTED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APACHE: &str = concat!(
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0""#,
        r#" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)""#
    );

    fn parse(line: &str) -> Result<Entry<'_>, Malformed> {
        parse_line(line.as_bytes())
    }

    #[test]
    fn the_line_of_apaches_manual() {
        let entry = parse(APACHE).expect("valid");
        assert_eq!((entry.host, entry.user), (&b"127.0.0.1"[..], Some(&b"frank"[..])));
        assert_eq!((entry.status, entry.body_len), (200, Some(2326)));
        assert_eq!(entry.request.and_then(|r| r.page()).as_deref(), Some("/apache_pb.gif"));
        assert_eq!(entry.referrer.as_deref(), Some(&b"http://www.example.com/start.html"[..]));
        assert_eq!(entry.user_agent.as_deref(), Some(&b"Mozilla/4.08 [en] (Win98; I ;Nav)"[..]));
    }

    #[test]
    fn the_common_format_ends_after_the_length() {
        let line = r#"::1 - - [10/Oct/2000:13:55:36 +0000] "-" 408 -"#;
        let entry = parse(line).expect("valid");
        assert_eq!((entry.request, entry.body_len, entry.user), (None, None, None));
        assert_eq!((entry.referrer, entry.user_agent), (None, None));
        assert_eq!(parse(&format!("{line}\r")).map(|e| e.status), Ok(408));
    }

    #[test]
    fn quotes_in_quotes_and_more_columns() {
        let line = concat!(
            r#"h - a b [10/Oct/2000:13:55:36 +0000] "GET /\"x\" HTTP/1.1" 200 1 "-" "a \"b\""#,
            r#" \\ \x41\xzz\t" 0.005 "10.0.0.1""#
        );
        let entry = parse(line).expect("valid");
        assert_eq!(entry.user, Some(&b"a b"[..]));
        assert_eq!(entry.request.and_then(|r| r.page()).as_deref(), Some(r#"/"x""#));
        assert_eq!(entry.referrer, None);
        assert_eq!(entry.user_agent.as_deref(), Some(&b"a \"b\" \\ A\\xzz\t"[..]));
    }

    #[test]
    fn says_which_column_is_wrong() {
        let cut = |len: usize| parse(&APACHE[..len]).expect_err("cut").expected;
        assert_eq!(cut(0), "a host");
        assert_eq!(cut(9), "a space after the host");
        assert_eq!(cut(11), "a space after the identity");
        assert_eq!(cut(39), "a space before the zone");
        assert_eq!(cut(60), "a closing quote");
        let missing = APACHE.replace(" 200 ", " 20x ");
        let status_column = 1 + missing.find("20x").expect("there");
        let expected = "a status of three digits";
        assert_eq!(parse(&missing), Err(Malformed { column: status_column, expected }));
        let huge = APACHE.replace("2326", "99999999999999999999");
        assert_eq!(parse(&huge).expect_err("huge").expected, "a length in bytes, or -");
        let glued = format!("{APACHE}x");
        assert_eq!(parse(&glued).expect_err("glued").column, glued.len());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_an_answer() {
        for len in 0..APACHE.len() {
            let _ = parse(&APACHE[..len]);
        }
        let seed = 0x7a11_0001;
        let mut random = oorandom::Rand32::new(seed);
        let mut accepted = 0;
        for _ in 0..20_000 {
            let mut line = APACHE.as_bytes().to_vec();
            for _ in 0..random.rand_range(1..4) {
                let at = random.rand_range(0..line.len() as u32) as usize;
                match random.rand_range(0..3) {
                    0 => line[at] = random.rand_u32() as u8,
                    1 => line.insert(at, b"\"\\[ -"[random.rand_range(0..5) as usize]),
                    _ => _ = line.remove(at),
                }
            }
            match parse_line(&line) {
                Ok(_) => accepted += 1,
                Err(error) => assert!(error.column <= line.len() + 1, "seed {seed}: {error}"),
            }
        }
        assert!(accepted > 1000, "seed {seed}: most changes of a text column are no error");
    }
}

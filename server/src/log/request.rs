//! The request column, `GET /path?query HTTP/1.1`, and the page that it counts for.
//!
//! A page is named by this rule, in this order:
//! P1: of an absolute target (`http://host/path`) the path is taken, `/` if it has none;
//! P2: the query and the fragment, from the first `?` or `#` on, are dropped;
//! P3: what the log escapes is restored;
//! P4: bytes that are no UTF-8, and control characters, are percent-encoded.
//! Case, trailing slashes and existing percent-encoding stay: to the server they are different
//! pages, and so they are here. A target without a path (`CONNECT host:443`) names no page.

use std::fmt::Write as _;

use super::escape::unescape;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// `GET`, `POST` …: an HTTP token.
    pub method: &'a [u8],
    /// The target as logged, escapes included.
    pub target: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads the request column, without its quotes. `None`: the client sent no request line,
    /// such as `-` after a timeout, or the start of a TLS handshake on a plain port.
    pub fn parse(column: &'a [u8]) -> Option<Request<'a>> {
        let space = column.iter().position(|&b| b == b' ')?;
        let (method, rest) = (&column[..space], &column[space + 1..]);
        let target = match rest.iter().rposition(|&b| b == b' ') {
            Some(last) if rest[last + 1..].starts_with(b"HTTP/") => &rest[..last],
            _ => rest,
        };
        let token = !method.is_empty() && method.iter().all(|&b| is_token(b));
        (token && !target.is_empty()).then_some(Request { method, target })
    }

    /// The page that the request counts for, by the rules P1 to P4.
    pub fn page(&self) -> Option<String> {
        page_of_target(self.target)
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The page that a target names, by the rules P1 to P4.
pub fn page_of_target(target: &[u8]) -> Option<String> {
    let path = match absolute_path(target) {
        Some(path) => path,
        None if target.starts_with(b"/") || target == b"*" => target,
        None => return None,
    };
    let end = path.iter().position(|&b| b == b'?' || b == b'#').unwrap_or(path.len());
    match &path[..end] {
        b"" => Some("/".to_owned()),
        path => Some(readable(path)),
    }
}

/// P1: what follows the authority of `scheme://authority…`.
fn absolute_path(target: &[u8]) -> Option<&[u8]> {
    let scheme_len = target.windows(3).position(|w| w == b"://")?;
    let scheme = &target[..scheme_len];
    let begins = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    if !begins || !scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)) {
        return None;
    }
    let after = &target[scheme_len + 3..];
    let authority_len = after.iter().position(|b| b"/?#".contains(b)).unwrap_or(after.len());
    Some(&after[authority_len..])
}

/// P3 and P4.
fn readable(path: &[u8]) -> String {
    let mut page = String::with_capacity(path.len());
    for chunk in unescape(path).utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                char if char.is_control() => percent(&mut page, char.to_string().as_bytes()),
                char => page.push(char),
            }
        }
        percent(&mut page, chunk.invalid());
    }
    page
}

fn percent(page: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(page, "%{byte:02X}").expect("a String takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(target: &str) -> Option<String> {
        page_of_target(target.as_bytes())
    }

    #[test]
    fn splits_method_target_and_version() {
        let get = |target| Some(Request { method: b"GET", target });
        assert_eq!(Request::parse(b"GET /a HTTP/1.1"), get(b"/a"));
        assert_eq!(Request::parse(b"GET /a"), get(b"/a"), "HTTP/0.9 has no version");
        assert_eq!(Request::parse(b"GET /a b HTTP/1.0"), get(b"/a b"), "a bad client");
        for none in [&b"-"[..], b"", b"GET", b"GET ", br"\x16\x03\x01 \x02", b" / HTTP/1.1"] {
            assert_eq!(Request::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn query_and_fragment_are_dropped() {
        assert_eq!(page("/a/b?c=/d?e#f").as_deref(), Some("/a/b"));
        assert_eq!(page("/a#b?c").as_deref(), Some("/a"));
        assert_eq!(page("/?q").as_deref(), Some("/"));
        assert_eq!(page("/a/").as_deref(), Some("/a/"));
    }

    #[test]
    fn absolute_targets_lose_scheme_and_host() {
        assert_eq!(page("http://example.org/a?b").as_deref(), Some("/a"));
        assert_eq!(page("https://example.org:8443").as_deref(), Some("/"));
        assert_eq!(page("http://example.org?b").as_deref(), Some("/"));
        assert_eq!(page("/go?to=http://example.org/a").as_deref(), Some("/go"));
        assert_eq!(page("/http://example.org/a").as_deref(), Some("/http://example.org/a"));
    }

    #[test]
    fn what_names_no_page() {
        assert_eq!(page("example.org:443"), None);
        assert_eq!(page("a/b"), None);
        assert_eq!(page(""), None);
        assert_eq!(page("?a"), None);
        assert_eq!(page("*").as_deref(), Some("*"));
    }

    #[test]
    fn escapes_and_bad_bytes_become_readable() {
        assert_eq!(page(r#"/say \"hi\" \\ \xe4"#).as_deref(), Some(r#"/say "hi" \ %E4"#));
        assert_eq!(page(r"/\x4 \xzz \n\xc3\xa4").as_deref(), Some(r"/\x4 \xzz %0Aä"));
        assert_eq!(page_of_target(b"/\xe4\xc3\xa4\0\\").as_deref(), Some("/%E4ä%00\\"));
        assert_eq!(page("/%7Euser").as_deref(), Some("/%7Euser"));
    }
}

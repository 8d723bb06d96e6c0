//! The head of a request of HTTP/1: its method and its path.

use std::io::{self, Read};

/// Longest head, bytes.
const HEAD_LEN_MAX: usize = 8 << 10;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A page is wanted.
    Get,
    /// Only what is said of it.
    Head,
    /// Something else.
    Other,
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// With what, without a query.
    pub path: String,
}

/// Reads a head. What is none has the status that says so.
///
/// # Errors
/// The stream's.
pub fn read(from: &mut impl Read) -> io::Result<Result<Request, &'static str>> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    loop {
        let len = from.read(&mut part)?;
        // The end of a head may lie across two parts.
        let seen = head.len().saturating_sub(3);
        head.extend_from_slice(&part[..len]);
        if head[seen..].windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            return Ok(parse(&head));
        }
        if len == 0 {
            return Ok(Err("400 Bad Request"));
        }
        if head.len() > HEAD_LEN_MAX {
            return Ok(Err("431 Request Header Fields Too Large"));
        }
    }
}

fn parse(head: &[u8]) -> Result<Request, &'static str> {
    const BAD: &str = "400 Bad Request";
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| BAD)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BAD);
    };
    if !target.starts_with('/') || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(BAD);
    }
    match version {
        "HTTP/1.1" | "HTTP/1.0" => {}
        version if version.starts_with("HTTP/") => return Err("505 HTTP Version Not Supported"),
        _ => return Err(BAD),
    }
    let path = target.split(['?', '#']).next().unwrap_or(target).to_owned();
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    Ok(Request { method, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn status(text: &str) -> &'static str {
        read(&mut text.as_bytes()).expect("reads").expect_err("refused")
    }

    #[test]
    fn heads() {
        let text = b"GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n\r\nrest";
        let expected = Request { method: Method::Get, path: "/metrics".to_owned() };
        assert_eq!(read(&mut &text[..]).expect("reads"), Ok(expected.clone()));
        assert_eq!(read(&mut Slowly(text)).expect("reads"), Ok(expected));
        for text in [
            "",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1 x\r\n\r\n",
            "GET metrics HTTP/1.1\r\n\r\n",
            "get / HTTP/1.1\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / FTP/1\r\n\r\n",
        ] {
            assert_eq!(status(text), "400 Bad Request", "{text}");
        }
        assert_eq!(status("GET / HTTP/2\r\n\r\n"), "505 HTTP Version Not Supported");
        assert!(status(&"x".repeat(HEAD_LEN_MAX + 1)).starts_with("431"));
    }
}

//! What the servers do to quotes, backslashes and bytes that do not print, undone.
//!
//! Apache writes `\"`, `\\`, `\n`, `\r`, `\t` and `\xe4`; nginx writes `\x22` and `\xE4`.

use std::borrow::Cow;

/// The bytes that `column` stands for. A backslash that begins no escape stays as it is.
pub fn unescape(column: &[u8]) -> Cow<'_, [u8]> {
    if !column.contains(&b'\\') {
        return Cow::Borrowed(column);
    }
    let mut plain = Vec::with_capacity(column.len());
    let mut rest = column;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = if byte == b'\\' { escaped(after) } else { None };
        let (restored, tail) = escape.unwrap_or((byte, after));
        plain.push(restored);
        rest = tail;
    }
    Cow::Owned(plain)
}

/// The byte that the escape at the start of `after` stands for, and what follows the escape.
fn escaped(after: &[u8]) -> Option<(u8, &[u8])> {
    match after {
        [b'x', high, low, tail @ ..] => Some((hex(*high)? << 4 | hex(*low)?, tail)),
        [quoted @ (b'"' | b'\\'), tail @ ..] => Some((*quoted, tail)),
        [b't', tail @ ..] => Some((b'\t', tail)),
        [b'n', tail @ ..] => Some((b'\n', tail)),
        [b'r', tail @ ..] => Some((b'\r', tail)),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_escapes() {
        assert_eq!(&*unescape(br#"a \"b\" \\ \x41\xe4\x22\t"#), b"a \"b\" \\ A\xe4\"\t");
        assert_eq!(&*unescape(br"\xzz \x4 \q \"), br"\xzz \x4 \q \", "not escapes");
        assert_eq!(&*unescape(br"\\x41"), br"\x41", "an escaped backslash escapes nothing");
        assert!(matches!(unescape(b"plain"), Cow::Borrowed(_)));
    }
}

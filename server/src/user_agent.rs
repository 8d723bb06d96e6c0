//! What a browser says it is, reduced to three tokens that make good field names.
//!
//! The `woothee` crate recognises; this file reduces, so that the document of a month stays small
//! whatever clients send:
//! U1: browsers and platforms are the fixed lists below, `other` last.
//! U2: a version is `<major>-<minor>`, each at most 999, or `unknown`. A dot would be a path.
//! U3: `other` browsers have no version: they are many, and their versions do not compare.

use std::collections::HashMap;

/// Every browser token.
pub const BROWSERS: [&str; 6] = ["chrome", "safari", "firefox", "opera", "ie", "other"];
/// Every platform token.
pub const PLATFORMS: [&str; 9] =
    ["mac", "windows", "linux", "iphone", "ipad", "ipod", "android", "blackberry", "other"];
/// The version where none is known.
pub const VERSION_UNKNOWN: &str = "unknown";

/// Longest text that is looked at, bytes.
const TEXT_LEN_MAX: usize = 1024;
/// Most texts that are remembered.
const REMEMBERED_MAX: usize = 4096;
/// `woothee`'s word for "cannot say".
const UNKNOWN: &str = "UNKNOWN";

/// A client as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserAgent {
    /// One of [`BROWSERS`].
    pub browser: &'static str,
    /// Such as `12-0`, or [`VERSION_UNKNOWN`].
    pub version: String,
    /// One of [`PLATFORMS`].
    pub platform: &'static str,
}

impl UserAgent {
    /// Reduces the text of a `User-Agent` header. Never fails: what is not known is `other`.
    pub fn parse(text: &[u8]) -> UserAgent {
        let text = String::from_utf8_lossy(&text[..text.len().min(TEXT_LEN_MAX)]);
        let known = woothee::parser::Parser::new().parse(&text).unwrap_or_default();
        let browser = browser(known.name);
        let version = match browser {
            "other" => None,
            _ => major_minor(known.version),
        };
        let version = version.unwrap_or_else(|| VERSION_UNKNOWN.to_owned());
        let platform = match known.os {
            // Windows versions that the crate does not list.
            UNKNOWN | "" if known.category != "crawler" && text.contains("Windows NT") => "windows",
            os => platform(os),
        };
        UserAgent { browser, version, platform }
    }
}

fn browser(name: &str) -> &'static str {
    match name {
        "Chrome" => "chrome",
        "Safari" => "safari",
        "Firefox" => "firefox",
        "Opera" => "opera",
        "Internet Explorer" => "ie",
        _ => "other",
    }
}

fn platform(os: &str) -> &'static str {
    match os {
        "Mac OSX" | "Mac OS Classic" => "mac",
        "Linux" => "linux",
        "iPhone" => "iphone",
        "iPad" => "ipad",
        "iPod" => "ipod",
        "Android" => "android",
        "BlackBerry" | "BlackBerry 10" => "blackberry",
        os if os.starts_with("Windows") => "windows",
        _ => "other",
    }
}

/// `12.0.742.112` → `12-0`, `9` → `9-0` (U2).
fn major_minor(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = match parts.next() {
        None | Some("") => 0,
        Some(minor) => minor.parse().ok()?,
    };
    let range: std::ops::RangeInclusive<u32> = 0..=999;
    (range.contains(&major) && range.contains(&minor)).then(|| format!("{major}-{minor}"))
}

/// [`UserAgent::parse`] that remembers: a log repeats a few thousand texts.
#[derive(Debug, Default)]
pub struct UserAgents {
    known: HashMap<Box<[u8]>, UserAgent>,
}

impl UserAgents {
    /// The reduced form of `text`, parsed or remembered.
    pub fn parse(&mut self, text: &[u8]) -> &UserAgent {
        let text = &text[..text.len().min(TEXT_LEN_MAX)];
        if !self.known.contains_key(text) {
            if self.known.len() == REMEMBERED_MAX {
                self.known.clear();
            }
            self.known.insert(text.into(), UserAgent::parse(text));
        }
        &self.known[text]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> (&'static str, String, &'static str) {
        let UserAgent { browser, version, platform } = UserAgent::parse(text.as_bytes());
        (browser, version, platform)
    }

    #[track_caller]
    fn assert_tokens(text: &str, browser: &str, version: &str, platform: &str) {
        assert_eq!(tokens(text), (browser, version.to_owned(), platform), "{text}");
    }

    #[test]
    fn browsers_of_the_article() {
        let mac = "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_6; en-us)";
        let windows = "Mozilla/5.0 (Windows NT 6.1)";
        let safari = format!(
            "{mac} AppleWebKit/533.20.25 (KHTML, like Gecko) Version/5.0.4 Safari/533.20.27"
        );
        assert_tokens(&safari, "safari", "5-0", "mac");
        let chrome = format!(
            "{windows} AppleWebKit/534.30 (KHTML, like Gecko) Chrome/12.0.742.112 Safari/534.30"
        );
        assert_tokens(&chrome, "chrome", "12-0", "windows");
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:5.0) Gecko/20100101 Firefox/5.0";
        assert_tokens(firefox, "firefox", "5-0", "linux");
        let ie = "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)";
        assert_tokens(ie, "ie", "9-0", "windows");
        let ie11 = "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko";
        assert_tokens(ie11, "ie", "11-0", "windows");
        let opera = "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/11.11";
        assert_tokens(opera, "opera", "11-11", "windows");
    }

    #[test]
    fn platforms_of_the_article() {
        let ios = |device: &str| {
            format!(
                "Mozilla/5.0 ({device} CPU OS 4_3_2 like Mac OS X) AppleWebKit/533.17.9 \
                 (KHTML, like Gecko) Version/5.0.2 Mobile/8H7 Safari/6533.18.5"
            )
        };
        assert_tokens(&ios("iPhone; U;"), "safari", "5-0", "iphone");
        assert_tokens(&ios("iPad; U;"), "safari", "5-0", "ipad");
        assert_tokens(&ios("iPod; U;"), "safari", "5-0", "ipod");
        let android = "Mozilla/5.0 (Linux; U; Android 2.2; en-us; Nexus One Build/FRF91) \
                       AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1";
        assert_tokens(android, "safari", "4-0", "android");
        let blackberry = "Mozilla/5.0 (BlackBerry; U; BlackBerry 9800; en) AppleWebKit/534.1+ \
                          (KHTML, like Gecko) Version/6.0.0.337 Mobile Safari/534.1+";
        assert_eq!(tokens(blackberry).2, "blackberry");
        assert_eq!(tokens("Mozilla/5.0 (Windows NT 5.2; rv:5.0) Firefox/5.0").2, "windows");
    }

    #[test]
    fn the_rest_is_other() {
        assert_tokens("", "other", "unknown", "other");
        assert_tokens("-", "other", "unknown", "other");
        assert_tokens("curl/7.68.0", "other", "unknown", "other");
        let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        assert_tokens(googlebot, "other", "unknown", "other");
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                    Gecko) Chrome/108.0.0.0 Safari/537.36 Edg/108.0.1462.54";
        assert_tokens(edge, "other", "unknown", "windows");
    }

    #[test]
    fn versions_make_good_field_names() {
        for (version, expected) in [
            ("12.0.742.112", Some("12-0")),
            ("9", Some("9-0")),
            ("9.", Some("9-0")),
            ("3.06", Some("3-6")),
            ("999.999", Some("999-999")),
            ("1000.0", None),
            ("1.1000", None),
            (".5", None),
            ("", None),
            ("UNKNOWN", None),
            ("1.x", None),
            ("99999999999999999999.0", None),
        ] {
            assert_eq!(major_minor(version).as_deref(), expected, "{version:?}");
        }
    }

    #[test]
    fn whatever_comes_the_tokens_are_from_the_lists() {
        let words = ["Firefox/", "Chrome/", "Safari/", "MSIE ", "Opera ", "Windows ", "99.", "\0"];
        let seed = 0x7a11_0002;
        let mut random = oorandom::Rand32::new(seed);
        for _ in 0..2000 {
            let mut text = vec![];
            for _ in 0..random.rand_range(0..12) {
                let word = random.rand_range(0..words.len() as u32 + 1) as usize;
                match words.get(word) {
                    Some(word) => text.extend_from_slice(word.as_bytes()),
                    None => text.push(random.rand_u32() as u8),
                }
            }
            let UserAgent { browser, version, platform } = UserAgent::parse(&text);
            assert!(BROWSERS.contains(&browser) && PLATFORMS.contains(&platform), "seed {seed}");
            assert!(version.len() <= 7 && !version.contains(['.', '$', '\0']), "seed {seed}");
        }
    }

    #[test]
    fn remembering_changes_nothing_and_is_bounded() {
        let mut agents = UserAgents::default();
        for number in 0..(2 * REMEMBERED_MAX) {
            let text = format!("Firefox/{}.0", number % 5000);
            assert_eq!(agents.parse(text.as_bytes()), &UserAgent::parse(text.as_bytes()));
            assert!(agents.known.len() <= REMEMBERED_MAX);
        }
    }
}

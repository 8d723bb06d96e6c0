//! Why a command is answered with `ok: 0`, or a write of a batch with a `writeErrors` entry.

use std::borrow::Cow;
use std::fmt;

use tallymap::bson::builder::Builder;
use tallymap::{Error, Reason};

use super::put::Put;

/// Longest text of a refusal, bytes. Some repeat what was sent, and the last one of a connection is
/// kept for `getLastError`.
const MESSAGE_LEN_MAX: usize = 64 << 10;

/// A refusal as a client is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// MongoDB's number and name; a few old refusals have none.
    code: Option<(i32, Cow<'static, str>)>,
    message: String,
    duplicate: Option<Duplicate>,
    /// What a refused document's `errInfo` says, as BSON.
    info: Option<Box<[u8]>>,
    /// Fields of the reply that are told all the same.
    fields: Option<Box<[u8]>>,
}

/// What a duplicate key adds.
#[derive(Debug, Clone, PartialEq)]
struct Duplicate {
    pattern: Box<[u8]>,
    value: Box<[u8]>,
}

/// What a command comes to.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A refusal for one of the reasons that the engine knows.
    pub fn new(reason: Reason, message: impl Into<String>) -> Failure {
        let code = Some((reason.code(), Cow::Owned(reason.name())));
        Failure::with(code, message.into())
    }

    fn with(code: Option<(i32, Cow<'static, str>)>, message: String) -> Failure {
        Failure { code, message: bounded(message), duplicate: None, info: None, fields: None }
    }

    /// A refusal whose number only a server has.
    pub fn numbered(code: i32, name: &'static str, message: impl Into<String>) -> Failure {
        Failure::with(Some((code, name.into())), message.into())
    }

    /// One of the old ones without a number.
    pub fn unnumbered(message: impl Into<String>) -> Failure {
        Failure::with(None, message.into())
    }

    /// Its number; 0 if it has none.
    pub fn code(&self) -> i32 {
        self.code.as_ref().map_or(0, |(code, _)| *code)
    }

    /// Does it end a command, however many statements that has?
    pub fn is_end(&self) -> bool {
        [Reason::Interrupted.code(), Reason::MaxTimeMSExpired.code()].contains(&self.code())
    }

    /// Its name.
    pub fn code_name(&self) -> &str {
        self.code.as_ref().map_or("", |(_, name)| name)
    }

    /// Its text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same with the fields of a document before all else of its reply.
    pub fn with_fields(mut self, document: Vec<u8>) -> Failure {
        self.fields = Some(document.into());
        self
    }

    /// Does it tell of something else, too?
    pub fn has_fields(&self) -> bool {
        self.fields.is_some()
    }

    /// Another text around it.
    pub fn with_message(mut self, message: impl FnOnce(&str) -> String) -> Failure {
        self.message = bounded(message(&self.message));
        self
    }

    /// What it is if it was met while something was being done.
    pub fn during(self, what: &str) -> Failure {
        self.with_message(|message| format!("{what} :: caused by :: {message}"))
    }

    /// The reply of a command that failed.
    pub fn reply(&self) -> Vec<u8> {
        let mut out = Builder::new();
        if let Some(fields) = &self.fields {
            out.put_fields_of(fields);
        }
        out.put_f64("ok", 0.0);
        out.str("errmsg", &self.message);
        if let Some((code, name)) = &self.code {
            out.put_i32("code", *code);
            out.str("codeName", name);
        }
        self.put_details(&mut out);
        out.finish()
    }

    /// Writes what a `writeErrors` entry says of it.
    pub fn put_write_error(&self, out: &mut Builder, index: usize) {
        out.put_i32("index", index as i32);
        out.put_i32("code", self.code());
        self.put_details(out);
        out.str("errmsg", &self.message);
    }

    /// Bytes of what it says beside its text.
    pub fn details_len(&self) -> usize {
        let duplicate = self.duplicate.as_ref().map_or(0, |it| it.pattern.len() + it.value.len());
        duplicate + self.info.as_ref().map_or(0, |info| info.len())
    }

    /// The same without what it says beside its text.
    pub fn without_details(mut self) -> Failure {
        (self.duplicate, self.info) = (None, None);
        self
    }

    fn put_details(&self, out: &mut Builder) {
        if let Some(Duplicate { pattern, value }) = &self.duplicate {
            out.document("keyPattern", pattern).document("keyValue", value);
        }
        if let Some(info) = &self.info {
            out.document("errInfo", info);
        }
    }
}

/// A text, the end of a very long one left out.
fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE_LEN_MAX {
        let is_whole = |at: &usize| message.is_char_boundary(*at);
        let end = (0..=MESSAGE_LEN_MAX).rev().find(is_whole).unwrap_or(0);
        message.truncate(end);
        message.push_str("...");
        message.shrink_to_fit();
    }
    message
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let code = Some((error.code(), Cow::Owned(error.code_name())));
        let message = bounded(error.to_string());
        let (mut duplicate, mut details) = (None, None);
        match error {
            Error::DuplicateKey { pattern, value, .. } => {
                duplicate = Some(Duplicate { pattern, value });
            }
            Error::DocumentInvalid { info } => details = Some(info),
            _ => {}
        }
        Failure { code, message, duplicate, info: details, fields: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn reply(failure: &Failure) -> RawDocumentBuf {
        RawDocumentBuf::from_bytes(failure.reply()).expect("a document")
    }

    #[test]
    fn replies() {
        let failure = Failure::new(Reason::Location(40415), "what");
        let expected =
            rawdoc! { "ok": 0.0, "errmsg": "what", "code": 40415, "codeName": "Location40415" };
        assert_eq!(reply(&failure), expected);
        let long = "ä".repeat(MESSAGE_LEN_MAX);
        for failure in [
            Failure::unnumbered(long.clone()),
            Failure::new(Reason::BadValue, "x").with_message(|_| long.clone()),
        ] {
            assert!(failure.message().len() <= MESSAGE_LEN_MAX + 3);
            assert!(failure.message().ends_with("ä..."));
        }
        let failure = Failure::unnumbered("no option found to get");
        assert_eq!(reply(&failure), rawdoc! { "ok": 0.0, "errmsg": "no option found to get" });
    }
}

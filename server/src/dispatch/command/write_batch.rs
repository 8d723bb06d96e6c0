//! What insert, update and delete have in common: a batch of statements, some of which may fail.

use bson::RawBson;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::Elements;
use tallymap::bson::ty;
use tallymap::{Reason, interrupt};

use super::hello::WRITE_BATCH_MAX;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// Bytes of refusals' texts after which further ones have none.
const TEXTS_LEN_MAX: usize = 1 << 20;
/// Bytes of what refusals say beside their texts after which further ones say nothing: with 100,000
/// of them a reply is still a document.
const DETAILS_LEN_MAX: usize = 8 << 20;

/// What a batch came to.
#[derive(Debug, Default)]
pub struct BatchResult {
    /// Documents inserted, matched or deleted; those that were upserted count.
    pub n: u64,
    /// Documents that changed; only updates have it.
    pub modified: Option<u64>,
    /// Statements that inserted a document, and its `_id`.
    pub upserted: Vec<(usize, RawBson)>,
    refused: Vec<(usize, Failure)>,
    texts_len: usize,
    details_len: usize,
}

/// The statements of a command: between 1 and 100,000 documents.
///
/// # Errors
/// If it has none, too many, or other values.
pub fn statements<'a>(call: &Call<'a>, path: &'static str) -> Outcome<Vec<&'a [u8]>> {
    let statements = call.request.batch(path)?.collect::<Outcome<Vec<_>>>()?;
    let count = statements.len();
    if count == 0 || count > WRITE_BATCH_MAX {
        let message = format!(
            "Write batch sizes must be between 1 and {WRITE_BATCH_MAX}. Got {count} operations."
        );
        return Err(Failure::new(Reason::InvalidLength, message));
    }
    Ok(statements)
}

impl BatchResult {
    /// That of updates, which count what they changed.
    pub fn of_updates() -> BatchResult {
        BatchResult { modified: Some(0), ..BatchResult::default() }
    }

    /// Runs one statement after the other; `ordered` ones stop at the first refusal. The server
    /// counts what it came to.
    ///
    /// # Errors
    /// What ends work before its time ends the command: what was done stays, and counts.
    pub fn run<S>(
        mut self,
        call: &Call<'_>,
        statements: &[S],
        ordered: bool,
        statement: impl FnMut(&mut BatchResult, usize, &S) -> Outcome<()>,
    ) -> Outcome<BatchResult> {
        let done = self.run_each(statements, ordered, statement);
        let counted = self.counted(call);
        done.map(|()| counted)
    }

    fn run_each<S>(
        &mut self,
        statements: &[S],
        ordered: bool,
        mut statement: impl FnMut(&mut BatchResult, usize, &S) -> Outcome<()>,
    ) -> Outcome<()> {
        for (index, one) in statements.iter().enumerate() {
            interrupt::check()?;
            if let Err(failure) = statement(self, index, one) {
                if failure.is_end() {
                    return Err(failure);
                }
                self.refuse(index, failure);
                if ordered {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Has the server count what it came to.
    fn counted(self, call: &Call<'_>) -> BatchResult {
        let counts = call.counts();
        counts.refused.add_many(self.refused.len() as u64);
        match self.modified {
            Some(_) => counts.updated.add_many(self.n - self.upserted.len() as u64),
            None if call.name == "delete" => counts.removed.add_many(self.n),
            None => {}
        }
        let mut last = call.client.last_write.borrow_mut();
        last.n = if call.name == "insert" { 0 } else { self.n };
        last.upserted = self.upserted.last().map(|(_, id)| id.clone());
        last.updated_existing = self.modified.map(|_| self.n > 0 && last.upserted.is_none());
        last.failure = self.refused.last().map(|(_, failure)| failure.clone());
        last.ns = last.failure.as_ref().and_then(|_| call.namespace().ok());
        drop(last);
        if call.common.write_concern.is_some_and(|concern| concern.is_unacknowledged) {
            return BatchResult { modified: self.modified.map(|_| 0), ..BatchResult::default() };
        }
        self
    }

    fn refuse(&mut self, index: usize, failure: Failure) {
        self.texts_len += failure.message().len();
        let fits = self.texts_len <= TEXTS_LEN_MAX;
        let failure = if fits { failure } else { failure.with_message(|_| String::new()) };
        self.details_len += failure.details_len();
        let fits = self.details_len <= DETAILS_LEN_MAX || self.refused.is_empty();
        let failure = if fits { failure } else { failure.without_details() };
        self.refused.push((index, failure));
    }

    /// The reply.
    pub fn reply(&self) -> Outcome<Builder> {
        let mut out = Builder::new();
        out.put_integer("n", self.n as i64);
        if !self.refused.is_empty() {
            out.put_array("writeErrors", |out| {
                for (at, (index, failure)) in self.refused.iter().enumerate() {
                    out.begin(ty::DOCUMENT, Index::new(at));
                    failure.put_write_error(out, *index);
                    out.end();
                }
            });
        }
        if !self.upserted.is_empty() {
            out.put_array("upserted", |out| {
                for (at, (index, id)) in self.upserted.iter().enumerate() {
                    out.begin(ty::DOCUMENT, Index::new(at));
                    out.put_integer("index", *index as i64);
                    put_bson(out, "_id", id);
                    out.end();
                }
            });
        }
        if let Some(modified) = self.modified {
            out.put_integer("nModified", modified as i64);
        }
        Ok(out)
    }
}

/// Writes a value as the engine gives it.
pub fn put_bson(out: &mut Builder, name: impl AsRef<[u8]>, value: &RawBson) {
    let mut document = bson::RawDocumentBuf::new();
    document.append(bson::cstr!("v"), value.as_raw_bson_ref());
    for field in Elements::new(document.as_bytes()).into_iter().flatten().flatten() {
        out.value(name.as_ref(), field.val());
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;
    use crate::dispatch::put::raw;

    fn refuse_odd(result: &mut BatchResult, n: &i32) -> Outcome<()> {
        if n % 2 == 1 {
            return Err(Failure::new(Reason::BadValue, "odd"));
        }
        result.n += 1;
        Ok(())
    }

    #[test]
    fn ordered_batches_stop_and_others_go_on() {
        let run = |ordered| {
            let mut result = BatchResult::default();
            let done = result.run_each(&[2, 3, 4, 5], ordered, |it, _, n| refuse_odd(it, n));
            done.expect("run to its end");
            raw(result.reply().expect("a reply"))
        };
        let error = |index: i32| rawdoc! { "index": index, "code": 2, "errmsg": "odd" };
        assert_eq!(run(true), rawdoc! { "n": 1, "writeErrors": [error(1)] });
        assert_eq!(run(false), rawdoc! { "n": 2, "writeErrors": [error(1), error(3)] });
    }

    #[test]
    fn the_texts_of_many_refusals_are_bounded() {
        let statements = vec![(); WRITE_BATCH_MAX];
        let refuse = || Err(Failure::new(Reason::BadValue, "x".repeat(1000)));
        let mut result = BatchResult::default();
        result.run_each(&statements, false, |_, _, ()| refuse()).expect("run to its end");
        assert!(result.reply().expect("a reply").finish().len() < 16 << 20);
    }

    #[test]
    fn what_many_refusals_say_beside_their_texts_is_bounded() {
        let statements = vec![(); WRITE_BATCH_MAX];
        let refuse = || {
            let info = vec![5; 10_000].into();
            Err(Failure::from(tallymap::Error::DocumentInvalid { info }))
        };
        let mut result = BatchResult::default();
        result.run_each(&statements, false, |_, _, ()| refuse()).expect("run to its end");
        let told = result.refused.iter().filter(|(_, failure)| failure.details_len() > 0).count();
        assert_eq!((told, result.refused.len()), ((8 << 20) / 10_000, WRITE_BATCH_MAX));
        assert!(result.reply().expect("a reply").finish().len() < 16 << 20);
    }

    #[test]
    fn upserted_documents_are_named() {
        let mut result = BatchResult { n: 1, modified: Some(0), ..BatchResult::default() };
        result.upserted.push((3, "k".into()));
        let expected = rawdoc! { "n": 1, "upserted": [{ "index": 3, "_id": "k" }], "nModified": 0 };
        assert_eq!(raw(result.reply().expect("a reply")), expected);
    }
}

//! `getLastError`: what became of the last write on this connection. Legacy clients ask for it.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;
use tallymap::{Durability, Reason};

use super::write_batch::put_bson;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::is_generic;
use crate::dispatch::last_write::LastWrite;
use crate::dispatch::put::Put;
use crate::dispatch::write_concern::WriteConcern;

/// The fields that are a write concern.
const CONCERN: [&str; 5] = ["w", "j", "fsync", "wtimeout", "wElectionId"];

/// Tells it; with a write concern it waits first.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let last = call.client.last_write.borrow().clone();
    let mut out = Builder::new();
    out.put_i32("connectionId", call.client.id);
    if let Some(failure) = &last.failure {
        put_failure(&mut out, failure, &last);
    } else {
        if let Some(existing) = last.updated_existing {
            out.put_bool("updatedExisting", existing);
        }
        if let Some(id) = &last.upserted {
            put_bson(&mut out, "upserted", id);
        }
        out.put_integer("n", last.n as i64);
    }
    let concern = concern(call).and_then(|concern| {
        let is_durable = call.engine().options().durability != Durability::None;
        match concern.asks_journal && !is_durable {
            true => Err(WriteConcern::no_journal()),
            false => Ok(concern),
        }
    });
    let concern = match concern {
        Ok(concern) => concern,
        Err(failure) => return Err(bad(call, out, &failure)),
    };
    if concern.is_journaled {
        call.engine().wait_durable()?;
    }
    if last.failure.is_none() {
        out.put_i32("syncMillis", 0);
        out.null("writtenTo");
        out.put_document("writeConcern", |out| {
            out.put_i32("w", 1);
            out.put_i32("wtimeout", 0);
        });
        out.null("err");
    }
    Ok(out)
}

fn put_failure(out: &mut Builder, failure: &Failure, last: &LastWrite) {
    out.str("err", failure.message());
    if let Some(ns) = &last.ns {
        out.str("ns", ns);
    }
    out.put_i32("code", failure.code());
    out.str("codeName", failure.code_name());
    out.put_i32("n", 0);
}

/// The write concern that the command's own fields are.
fn concern(call: &Call<'_>) -> Outcome<WriteConcern> {
    let mut concern = Builder::new();
    for field in call.fields("getLastError")? {
        let field = field?;
        match field.name {
            name if CONCERN.contains(&name) => drop(concern.value(name, field.value)),
            name if is_generic(name) => {}
            name => {
                let message = format!("unrecognized write concern field: {name}");
                return Err(Failure::new(Reason::FailedToParse, message));
            }
        }
    }
    WriteConcern::parse(Value { ty: ty::DOCUMENT, bytes: &concern.finish() })
}

/// Refuses the write concern; what became of the write is told all the same.
fn bad(call: &Call<'_>, mut out: Builder, failure: &Failure) -> Failure {
    out.put_document("badGLE", |out| {
        out.value("getLastError", call.target());
        for name in call.request.body_names() {
            if name != "getLastError"
                && !is_generic(name)
                && let Some(value) = call.request.field(name)
            {
                out.value(name, value);
            }
        }
    });
    Failure::unnumbered(failure.message()).with_fields(out.finish())
}

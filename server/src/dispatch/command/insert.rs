//! `insert`: documents, one after the other.

use tallymap::bson::builder::Builder;

use super::write_batch::{BatchResult, statements};
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::Outcome;

/// Inserts.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (mut ordered, mut bypasses) = (true, false);
    for field in call.fields("insert")? {
        let field = field?;
        match field.name {
            "documents" => {}
            "ordered" => ordered = field.bool()?.unwrap_or(true),
            "bypassDocumentValidation" => bypasses = field.number_or_bool()?.unwrap_or(false),
            _ => return field.unknown(),
        }
    }
    let documents = statements(call, "insert.documents")?;
    let collection = call.writable_collection()?.bypassing_validation(bypasses);
    let inserted = collection.insert_together(|| {
        let mut count = 0;
        let insert = |result: &mut BatchResult, _: usize, bytes: &&[u8]| {
            collection.insert_one(document(bytes)?)?;
            result.n += 1;
            count += 1;
            call.counts().inserts.add();
            Ok(())
        };
        let result = BatchResult::default().run(call, &documents, ordered, insert);
        (result, count)
    });
    inserted?.reply()
}

//! What of writes is known to differ: where records lie, and in which order keys are looked for.

use bson::{Bson, Document};

use super::shell;
use super::target::code;

/// Why these replies to writes may differ; none if they may not.
pub(super) fn known_of_writes(
    command: &Document,
    ours: &Document,
    theirs: &Document,
) -> Option<&'static str> {
    if code(ours).is_some() || code(theirs).is_some() {
        return None;
    }
    // A refused write of many documents: by place the one that is refused comes sooner or later.
    if let Some(first) = first_refused_multi(command, ours)
        && first_refused_multi(command, theirs) == Some(first)
        && places(ours) == places(theirs)
        && before(ours, first) == before(theirs, first)
    {
        let ordered = command.get_bool("ordered").unwrap_or(true);
        if !ordered || counts(ours) == counts(theirs) {
            return Some("which document of an update is met first");
        }
    }
    // In 5.0.4 `u: {}` counts what was nothing but its _id.
    let updates = command.get_array("updates").map_or(&[][..], |updates| updates);
    // So it does an empty array that is sorted, if that is indexed.
    let is_sorted = |update: &Bson| {
        let text = shell::value(update);
        text.contains("$each: []") && text.contains("$sort:")
    };
    let empty = |update: &&Bson| {
        is_sorted(update)
            || update
                .as_document()
                .and_then(|one| one.get_document("u").ok())
                .is_some_and(Document::is_empty)
    };
    let empty = updates.iter().filter(empty).count() as i32;
    let ((n, modified, upserted), theirs_counted) = (counts(ours), counts(theirs));
    let more = theirs_counted.1 - modified;
    if (1..=empty).contains(&more)
        && (n, modified + more, upserted) == theirs_counted
        && plain_errors(ours) == plain_errors(theirs)
    {
        return Some("an empty replacement that 5.0.4 counts");
    }
    // Of several keys that are there already, one is told.
    let (a, b) = (plain_errors(ours), plain_errors(theirs));
    if a == b && !a.is_empty() && counts(ours) == counts(theirs) {
        let values = |reply: &Document| errors(reply).iter().map(key_values).collect::<Vec<_>>();
        let told = values(ours).into_iter().chain(values(theirs));
        if told.flatten().all(|(index, value)| is_in_document(command, index, &value)) {
            return Some("which of several duplicate keys is told");
        }
    }
    None
}

/// Was one of the updates of many documents refused, so that some of them may have been written?
pub(super) fn is_partly_written(command: &Document, ours: &Document, theirs: &Document) -> bool {
    let refused = |reply| first_refused_multi(command, reply).is_some();
    refused(ours) && refused(theirs)
}

/// How many were found and changed, and which writes were upserts.
fn counts(reply: &Document) -> (i32, i32, Vec<Option<Bson>>) {
    let count = |name| reply.get_i32(name).unwrap_or(0);
    let upserted = reply.get_array("upserted").map_or(&[][..], |upserted| upserted);
    let index = |one: &Bson| one.as_document().and_then(|one| one.get("index").cloned());
    (count("n"), count("nModified"), upserted.iter().map(index).collect())
}

fn errors(reply: &Document) -> Vec<Document> {
    let errors = reply.get_array("writeErrors").map_or(&[][..], |errors| errors);
    errors.iter().filter_map(|error| error.as_document().cloned()).collect()
}

fn index_of(error: &Document) -> i32 {
    error.get_i32("index").unwrap_or(-1)
}

fn places(reply: &Document) -> Vec<i32> {
    errors(reply).iter().map(index_of).collect()
}

fn first_refused_multi(command: &Document, reply: &Document) -> Option<i32> {
    let updates = command.get_array("updates").ok()?;
    let is_multi = |index: &i32| {
        let update = updates.get(usize::try_from(*index).ok()?)?;
        update.as_document()?.get_bool("multi").ok()
    };
    places(reply).into_iter().find(|index| is_multi(index) == Some(true))
}

/// The errors of the writes before this one, without their texts.
fn before(reply: &Document, index: i32) -> Vec<Document> {
    let mut errors = errors(reply);
    errors.retain(|error| index_of(error) < index);
    errors.iter().map(|error| without(error, "errmsg")).collect()
}

fn without(doc: &Document, name: &str) -> Document {
    let mut doc = doc.clone();
    doc.remove(name);
    doc
}

/// The errors without texts and values, the names of keys being left.
fn plain_errors(reply: &Document) -> Vec<Document> {
    let plain = |error: &Document| {
        let mut out = without(error, "errmsg");
        if let Ok(values) = error.get_document("keyValue") {
            out.insert("keyValue", values.keys().cloned().collect::<Vec<_>>());
        }
        out
    };
    errors(reply).iter().map(plain).collect()
}

/// The values that an error tells, and of which write it is.
fn key_values(error: &Document) -> Vec<(i32, Bson)> {
    let values = error.get_document("keyValue").cloned().unwrap_or_default();
    values.into_iter().map(|(_, value)| (index_of(error), value)).collect()
}

/// Is it in the document that was to be inserted? What an update makes is not known here.
fn is_in_document(command: &Document, index: i32, value: &Bson) -> bool {
    let Ok(documents) = command.get_array("documents") else { return true };
    let document = usize::try_from(index).ok().and_then(|index| documents.get(index));
    let text = document.map(shell::value).unwrap_or_default();
    *value == Bson::Null || text.contains(&shell::value(value))
}

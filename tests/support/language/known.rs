//! What is known to differ from the reference, and why that is right.

use bson::{Bson, Document};

use super::shell;
use super::target::code;

/// Why these replies may differ; none if they may not.
pub fn known(command: &Document, ours: &Document, theirs: &Document) -> Option<&'static str> {
    let text = shell::command(command);
    let message = theirs.get_str("errmsg").unwrap_or_default();
    // MMAPv1 refuses index keys of more than 1,024 bytes.
    if code(ours) == Some(17280) {
        return Some("key too long");
    }
    // 5.0.4 stumbles over some filters when it moves stages; in a find they are fine.
    if message.starts_with("Failed to optimize pipeline") && message.contains("unknown top level") {
        return Some("a filter that 5.0.4 cannot move");
    }
    // What fails for one document depends on which documents reach it, and in which order.
    let running = ["PlanExecutor error", "Failed to optimize", "Executor error"];
    let runs = running.iter().any(|start| message.starts_with(start));
    let moved = code(theirs).is_none() && moves_stages(command);
    // The same the other way round: what we moved ahead leaves nothing to fail.
    if command.contains_key("aggregate") && code(ours).is_none() && runs && moves_stages(command) {
        return Some("a stage that 5.0.4 runs and we need not");
    }
    let ours_runs = code(ours).is_some_and(|code| !is_of_the_form(code));
    if command.contains_key("aggregate") && ours_runs && (runs || moved) {
        return Some("which of several errors is met first");
    }
    // 5.0.4 projects before it sorts, and forgets that a path with a number reads an array.
    let sort = command.get_document("sort").ok();
    let number = |path: &String| path.split('.').any(|part| part.parse::<u32>().is_ok());
    if command.contains_key("projection") && sort.is_some_and(|sort| sort.keys().any(number)) {
        return Some("a sort that 5.0.4 does after the projection");
    }
    // 5.0.4 simplifies what can never match, and then knows nothing of its equalities and names.
    if text.contains("$all: []") && (text.contains("upsert: true") || text.contains("arrayFilters"))
    {
        return Some("an empty $all, simplified by 5.0.4");
    }
    // In 5.0.4 a field that was left out and is set again is where it was.
    if code(ours).is_none() && leaves_out_and_sets(command) && sorted(ours) == sorted(theirs) {
        return Some("where a field is that comes back");
    }
    // The order of documents after a move is the record store's, and with it which fails first.
    let many = text.contains("multi: true");
    if command.contains_key("update") && many && same_places(ours, theirs, true) {
        return Some("which document, or which part of an update, is met first");
    }
    // In 5.0.4 `u: {}` counts what was nothing but its _id.
    let is_counted = ours.get("n") == theirs.get("n") && same_places(ours, theirs, false);
    if command.contains_key("update") && text.contains("u: {}") && is_counted {
        return Some("an empty replacement that 5.0.4 counts");
    }
    // Of several keys that are there already, one is told.
    if keys_of(ours).is_some() && keys_of(ours) == keys_of(theirs) {
        return Some("which of several duplicate keys is told");
    }
    // Groups come in the order of hashes.
    if text.contains("find: \"out\"") && unordered(ours) == unordered(theirs) {
        return Some("the order of groups");
    }
    // Documents that a sort calls equal stand as the sort before left them, or not.
    let sorts = text.matches("$sort:").count();
    if command.contains_key("aggregate") && sorts > 1 && unordered(ours) == unordered(theirs) {
        return Some("ties of two sorts");
    }
    // In which order sets have their elements is up to hashes.
    if ["$setUnion", "$setIntersection"].iter().any(|name| text.contains(name)) {
        return Some("the order of a set");
    }
    None
}

/// Are the same writes refused, and perhaps some at all, if perhaps for other reasons?
fn same_places(ours: &Document, theirs: &Document, is_some: bool) -> bool {
    let places = |reply: &Document| -> Option<Vec<Option<Bson>>> {
        let errors = reply.get_array("writeErrors").ok().cloned().unwrap_or_default();
        let index = |error: &Bson| error.as_document().and_then(|e| e.get("index").cloned());
        code(reply).is_none().then(|| errors.iter().map(index).collect())
    };
    let (ours, theirs) = (places(ours), places(theirs));
    ours == theirs && ours.is_some_and(|places| !is_some || !places.is_empty())
}

/// Which writes were refused by which index.
fn keys_of(reply: &Document) -> Option<Vec<(Option<Bson>, Option<Bson>)>> {
    let errors = reply.get_array("writeErrors").ok()?;
    let of = |error: &Bson| {
        let error = error.as_document().cloned().unwrap_or_default();
        (error.get("index").cloned(), error.get("keyPattern").cloned())
    };
    let keys: Vec<_> = errors.iter().map(of).collect();
    keys.iter().any(|(_, pattern)| pattern.is_some()).then_some(keys)
}

/// A reply's documents, and the arrays in them, in one order.
fn unordered(reply: &Document) -> Option<String> {
    fn text(value: &Bson) -> String {
        match value {
            Bson::Array(values) => {
                let mut values: Vec<String> = values.iter().map(text).collect();
                values.sort();
                format!("[{}]", values.join(", "))
            }
            Bson::Document(fields) => {
                let fields = fields.iter().filter(|(_, value)| value.as_object_id().is_none());
                fields.map(|(name, value)| format!("{name}: {}, ", text(value))).collect()
            }
            other => shell::value(other),
        }
    }
    Some(text(reply.get_document("cursor").ok()?.get("firstBatch")?))
}

/// Is the number one of pipelines that are wrong in themselves? These no order of stages mends, and
/// both must refuse them.
fn is_of_the_form(code: i32) -> bool {
    matches!(
        code,
        // Names, arguments and paths of expressions.
        9 | 168 | 15_983 | 15_998 | 16_020 | 16_410..=16_412 | 16_872 | 17_276 | 28_667 | 40_352
            | 40_353
            // Stages and their arguments.
            | 15_947..=15_976 | 16_990 | 16_994 | 17_390 | 28_812 | 28_818 | 31_002 | 31_119
            | 31_120 | 31_249..=31_256 | 31_324 | 31_394 | 31_395 | 40_169..=40_171
            | 40_176..=40_183 | 40_191..=40_202 | 40_229..=40_247 | 40_272 | 40_323 | 40_324
            | 40_600..=40_602 | 51_047 | 51_272 | 5_107_200 | 5_107_201
    )
}

/// Has the pipeline a stage that leaves fields out before one that sets some?
fn leaves_out_and_sets(command: &Document) -> bool {
    let text = shell::command(command);
    let behind = ["$unset:", "$project:"].iter().filter_map(|name| text.find(name)).min();
    let sets = ["$addFields:", "$set:", "includeArrayIndex:", "$lookup:", "$project:"];
    let last = sets.iter().filter_map(|name| text.rfind(name)).max();
    command.contains_key("aggregate") && behind.is_some_and(|behind| last > Some(behind))
}

/// The documents of a reply with their fields in one order.
fn sorted(reply: &Document) -> Option<Bson> {
    fn in_order(value: &Bson) -> Bson {
        match value {
            Bson::Array(values) => values.iter().map(in_order).collect::<Vec<_>>().into(),
            Bson::Document(fields) => {
                let mut fields: Vec<_> =
                    fields.iter().map(|(name, value)| (name.clone(), in_order(value))).collect();
                fields.sort_by(|(a, _), (b, _)| a.cmp(b));
                fields.into_iter().collect::<Document>().into()
            }
            other => other.clone(),
        }
    }
    Some(in_order(reply.get_document("cursor").ok()?.get("firstBatch")?))
}

/// Stages that the server moves ahead of others or drops, so that fewer documents are computed.
const MOVED: [&str; 4] = ["$match", "$sort", "$count", "$skip"];

/// Has the pipeline a stage that the server would move ahead, or drop?
fn moves_stages(command: &Document) -> bool {
    let stages = command.get_array("pipeline").map_or(&[][..], |stages| stages);
    let name = |stage: &Bson| stage.as_document().and_then(|stage| stage.keys().next().cloned());
    let names: Vec<String> = stages.iter().filter_map(name).collect();
    names.iter().skip(1).any(|name| MOVED.contains(&name.as_str()))
        || names.iter().any(|name| name == "$facet")
}

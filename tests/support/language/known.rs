//! What is known to differ from the reference, and why that is right.

use bson::{Bson, Document};

use super::known_writes::known_of_writes;
use super::shell;
use super::target::code;

/// Why these replies may differ; none if they may not.
pub fn known(command: &Document, ours: &Document, theirs: &Document) -> Option<&'static str> {
    let text = shell::command(command);
    // MMAPv1 refuses index keys of more than 1,024 bytes.
    if code(ours) == Some(17280) {
        return Some("key too long");
    }
    // What fails for one document depends on which documents reach it, and in which order.
    if command.contains_key("aggregate") && fails(ours) && fails(theirs) {
        return Some("which of several errors is met first");
    }
    // These need more digits than a double has.
    let text_of = |reply: &Document| reply.get_str("errmsg").unwrap_or_default().to_owned();
    if code(ours) == Some(115) && text_of(ours).ends_with("of decimals is not supported") {
        return Some("functions of decimals");
    }
    // Of conditions of one kind 5.0.4 runs those first whose contents come first.
    let lists = text.matches("$or:").count() + text.matches("$nor:").count();
    let fails_running = |reply| text_of(reply).contains("Executor error");
    if text.contains("$expr:") && lists > 1 && (fails_running(ours) || fails_running(theirs)) {
        return Some("which condition of a filter is met first");
    }
    // Where it computes fields, too, 5.0.4 keeps the places of what it leaves out of an array.
    if projects_in_array_and_unwinds(command) {
        return Some("what is left of an array's elements");
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
    if code(ours).is_none() && leaves_out_and_sets(command) {
        let (mut a, mut b) = (sorted(ours), sorted(theirs));
        // Groups come in the order of hashes.
        if text.contains("$group:") || text.contains("$sortByCount:") {
            a.iter_mut().chain(&mut b).for_each(|documents| documents.sort());
        }
        if a == b {
            return Some("where a field is that comes back");
        }
    }
    if let Some(why) = known_of_writes(command, ours, theirs) {
        return Some(why);
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
    // In which order sets have their elements is up to hashes; what is made of a set may show it.
    if has_set(command) && (unordered(ours) == unordered(theirs) || reads_set(command)) {
        return Some("the order of a set");
    }
    None
}

/// Does a reply tell of what went wrong with a document, not with the pipeline itself?
pub fn fails(reply: &Document) -> bool {
    code(reply).is_some_and(|code| !is_of_the_form(code))
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

/// Has the pipeline a projection with computed fields that takes a path in what it unwinds next?
fn projects_in_array_and_unwinds(command: &Document) -> bool {
    let stages = command.get_array("pipeline").map_or(&[][..], |stages| stages);
    let stages: Vec<&Document> = stages.iter().filter_map(Bson::as_document).collect();
    let unwound = |stage: &Document| match stage.get("$unwind") {
        Some(Bson::String(path)) => Some(path.clone()),
        Some(Bson::Document(unwind)) => unwind.get_str("path").ok().map(str::to_owned),
        _ => None,
    };
    let computes = |value: &Bson| matches!(value, Bson::Document(_) | Bson::String(_));
    stages.iter().enumerate().any(|(at, stage)| {
        let Ok(project) = stage.get_document("$project") else { return false };
        project.values().any(computes)
            && stages[at + 1..].iter().filter_map(|stage| unwound(stage)).any(|path| {
                let inner = format!("{}.", path.trim_start_matches('$'));
                project.keys().any(|name| name.starts_with(&inner))
            })
    })
}

/// Has the pipeline a stage that leaves fields out, or sets them to nothing, before one that sets
/// some?
fn leaves_out_and_sets(command: &Document) -> bool {
    let text = shell::command(command);
    let behind = ["$unset:", "$project:", "$unwind:", "$addFields:", "$set:"];
    let behind = behind.iter().filter_map(|name| text.find(name)).min();
    let sets = ["$addFields:", "$set:", "includeArrayIndex:", "$lookup:", "$project:"];
    let last = sets.iter().filter_map(|name| text.rfind(name)).max();
    command.contains_key("aggregate") && behind.is_some_and(|behind| last > Some(behind))
}

/// The documents of a reply with their fields in one order, as texts: not-a-number is itself.
fn sorted(reply: &Document) -> Option<Vec<String>> {
    fn in_order(value: &Bson) -> String {
        match value {
            Bson::Array(values) => format!("{:?}", values.iter().map(in_order).collect::<Vec<_>>()),
            Bson::Document(fields) => {
                let mut fields: Vec<_> =
                    fields.iter().map(|(name, value)| (name, in_order(value))).collect();
                fields.sort();
                format!("{fields:?}")
            }
            other => shell::value(other),
        }
    }
    let batch = reply.get_document("cursor").ok()?.get_array("firstBatch").ok()?;
    Some(batch.iter().map(in_order).collect())
}

/// Operators whose results are sets.
const SETS: [&str; 2] = ["$setUnion", "$setIntersection"];

fn has_set(command: &Document) -> bool {
    let text = shell::command(command);
    command.contains_key("aggregate") && SETS.iter().any(|name| text.contains(name))
}

/// Is a set what another operator reads, or groups and sorts may go by?
fn reads_set(command: &Document) -> bool {
    fn any(value: &Bson, is_read: bool) -> bool {
        match value {
            Bson::Array(values) => values.iter().any(|value| any(value, is_read)),
            Bson::Document(fields) => fields.iter().any(|(name, value)| {
                let is_set = SETS.contains(&name.as_str());
                (is_set && is_read) || any(value, is_read || (name.starts_with('$') && !is_set))
            }),
            _ => false,
        }
    }
    let stages = command.get_array("pipeline").map_or(&[][..], |stages| stages);
    let of_stage = |stage: &Bson| {
        let stage = stage.as_document().cloned().unwrap_or_default();
        let computes = |name: &str| matches!(name, "$project" | "$addFields" | "$set");
        stage.iter().any(|(name, value)| any(value, !computes(name)))
    };
    stages.iter().any(of_stage)
        || stages.iter().filter_map(Bson::as_document).any(|stage| {
            ["$sort", "$group", "$sortByCount"].iter().any(|name| stage.contains_key(name))
        })
}

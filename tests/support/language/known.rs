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
    if command.contains_key("aggregate") && code(ours).is_some() && (runs || moved) {
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
    // In which order sets have their elements is up to hashes.
    if ["$setUnion", "$setIntersection"].iter().any(|name| text.contains(name)) {
        return Some("the order of a set");
    }
    None
}

/// Has the pipeline a `$match` that the server would move ahead, or a sort that it would drop?
fn moves_stages(command: &Document) -> bool {
    let stages = command.get_array("pipeline").map_or(&[][..], |stages| stages);
    let name = |stage: &Bson| stage.as_document().and_then(|stage| stage.keys().next().cloned());
    let names: Vec<String> = stages.iter().filter_map(name).collect();
    names.iter().skip(1).any(|name| matches!(name.as_str(), "$match" | "$sort" | "$count"))
        || names.iter().any(|name| name == "$facet")
}

//! Stages as explanations show them.

use super::{Node, Stats};
use crate::bson::builder::Builder;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::index::index_version::IndexVersion;
use crate::query::Filter;
use crate::query::plan::{IndexFacts, IndexScan, shown};

/// Appends a count: an int32 if it fits.
pub fn count(out: &mut Builder, name: &str, count: u64) {
    out.number(name, Number::integer(i64::try_from(count).unwrap_or(i64::MAX)));
}

/// Appends the filter of a stage.
pub fn filter(out: &mut Builder, filter: &Filter) {
    out.document("filter", &shown::filter(filter));
}

/// Appends which index it is.
pub fn index(out: &mut Builder, index: &IndexFacts) {
    out.document("keyPattern", &index.pattern).str("indexName", &index.name);
    out.boolean("isMultiKey", index.is_multikey);
    // Which fields have the arrays is not stored; none have if there are none.
    if !index.is_multikey {
        out.begin(ty::DOCUMENT, "multiKeyPaths");
        for path in &index.paths {
            out.begin(ty::ARRAY, path).end();
        }
        out.end();
    }
    out.boolean("isUnique", index.is_unique).boolean("isSparse", index.is_sparse);
    out.boolean("isPartial", index.partial.is_some());
    let version = if index.knows_positions { IndexVersion::V1 } else { IndexVersion::V0 };
    count(out, "indexVersion", version.told() as u64);
}

/// Appends the bounds of a scan.
pub fn index_bounds(out: &mut Builder, scan: &IndexScan) {
    out.document("indexBounds", &shown::bounds(scan));
}

/// A stage and those below it; with `counted` what they did.
pub fn tree(node: &Node, counted: bool) -> Vec<u8> {
    let mut out = Builder::new();
    out.str("stage", node.stage.name());
    let mut own = Builder::new();
    node.stage.describe(&mut own, counted);
    let own = own.finish();
    let own = &own[4..own.len() - 1];
    match counted {
        false => drop(out.raw(own)),
        true => {
            // What a stage filters by stands before what it did.
            out.raw(leading_filter(own).0);
            stats(&mut out, &node.stats);
            out.raw(leading_filter(own).1);
        }
    }
    match node.stage.inputs() {
        [] => {}
        [one] => drop(out.document("inputStage", &tree(one, counted))),
        many => {
            out.begin(ty::ARRAY, "inputStages");
            for (i, one) in many.iter().enumerate() {
                out.document(i.to_string(), &tree(one, counted));
            }
            out.end();
        }
    }
    out.finish()
}

/// The filter at the beginning of some elements, and the rest.
fn leading_filter(elements: &[u8]) -> (&[u8], &[u8]) {
    const HEAD: &[u8] = b"\x03filter\0";
    let rest = elements.strip_prefix(HEAD);
    let len = rest.and_then(|rest| crate::bson::document::doc_len(rest).ok());
    elements.split_at(len.map_or(0, |len| HEAD.len() + len))
}

/// What a verb above all stages did, and how many documents it would give itself: what it does with
/// the others needs time, too.
pub fn stats_above(out: &mut Builder, below: &Stats, advanced: u64) {
    let (works, is_eof) = (below.works, below.is_eof);
    let need_time = works.saturating_sub(advanced + u64::from(is_eof));
    stats(out, &Stats { works, advanced, need_time, is_eof, ..Stats::default() });
}

fn stats(out: &mut Builder, stats: &Stats) {
    count(out, "nReturned", stats.advanced);
    count(out, "executionTimeMillisEstimate", 0);
    count(out, "works", stats.works);
    count(out, "advanced", stats.advanced);
    count(out, "needTime", stats.need_time);
    count(out, "needYield", 0);
    count(out, "saveState", stats.rests);
    count(out, "restoreState", stats.resumes);
    count(out, "isEOF", u64::from(stats.is_eof));
}

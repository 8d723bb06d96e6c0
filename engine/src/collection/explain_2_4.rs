//! Explanations in the form of MongoDB 2.4, as the books of its time print them.

use bson::RawDocumentBuf;

use super::execute::describe::count;
use super::explain::{Explained, document, run};
use super::locked::CollectionCore;
use super::query_run::Query;
use super::shared::EngineShared;
use crate::bson::builder::Builder;
use crate::error::Result;
use crate::query::plan::{IndexScan, shown};

/// Says how a query was run.
///
/// # Errors
/// As the query.
pub fn explain(
    core: &CollectionCore,
    shared: &EngineShared,
    query: &Query,
) -> Result<RawDocumentBuf> {
    let explained = run(core, shared, query, true, &mut |_, _| Ok(()))?;
    let plan = &explained.plan;
    let mut scans: Vec<&IndexScan> = vec![];
    if let Some(plan) = plan {
        plan.root.each_scan(&mut |scan| scans.push(scan));
    }
    let looked = explained.winner.looked();
    let all = explained.all_looked();
    let scanned = |keys: u64, documents: u64| if scans.is_empty() { documents } else { keys };
    let mut out = Builder::new();
    out.str("cursor", &cursor_name(&scans));
    out.boolean("isMultiKey", scans.iter().any(|scan| scan.index.is_multikey));
    count(&mut out, "n", explained.winner.stats.advanced);
    count(&mut out, "nscannedObjects", looked.documents);
    count(&mut out, "nscanned", scanned(looked.keys, looked.documents));
    count(&mut out, "nscannedObjectsAllPlans", all.documents);
    count(&mut out, "nscannedAllPlans", scanned(all.keys, all.documents));
    out.boolean("scanAndOrder", plan.as_ref().is_some_and(|plan| plan.sorts));
    out.boolean("indexOnly", plan.as_ref().is_some_and(|plan| !plan.fetches));
    count(&mut out, "nYields", 0);
    count(&mut out, "nChunkSkips", 0);
    count(&mut out, "millis", explained.millis);
    match scans.first() {
        Some(scan) => out.document("indexBounds", &shown::bounds_as_2_4(scan)),
        None => out.document("indexBounds", &[5, 0, 0, 0, 0]),
    };
    document(out.finish())
}

/// The name that 2.4 gave to a way through a collection.
fn cursor_name(scans: &[&IndexScan]) -> String {
    match scans {
        [] => "BasicCursor".to_owned(),
        [scan, ..] => {
            let reverse = if scan.backward { " reverse" } else { "" };
            format!("BtreeCursor {}{reverse}", scan.index.name)
        }
    }
}

impl Explained {
    /// What all plans looked at, in trials and beyond.
    fn all_looked(&self) -> super::execute::Looked {
        let mut sum = self.winner.looked();
        for node in &self.rejected {
            let looked = node.looked();
            sum.keys += looked.keys;
            sum.documents += looked.documents;
        }
        sum
    }
}

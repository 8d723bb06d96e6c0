//! Plans by the public interface: which index a query takes, what it reads for it, and that it
//! finds what reading the collection finds.

mod articles;
mod book;
mod cursors;
mod random;

use bson::{Document, RawDocumentBuf, rawdoc};
use tallymap::{Collection, Find, Verbosity};

/// What a query did, in the form of 5.0.
fn explained(find: Find) -> Document {
    let shown = find.explain(Verbosity::AllPlansExecution).expect("explained");
    Document::try_from(&*shown).expect("sound")
}

/// Keys and documents that it looked at, and how many it found.
fn looked(explained: &Document) -> (i32, i32, i32) {
    let stats = explained.get_document("executionStats").expect("run");
    let count = |name| stats.get_i32(name).expect("an int32");
    (count("totalKeysExamined"), count("totalDocsExamined"), count("nReturned"))
}

/// Names of the winning plan's stages, from the top.
fn stages(explained: &Document) -> Vec<String> {
    let planner = explained.get_document("queryPlanner").expect("planned");
    let mut names = vec![];
    let mut stage = planner.get_document("winningPlan").ok();
    while let Some(this) = stage {
        names.push(this.get_str("stage").expect("named").to_owned());
        stage = this.get_document("inputStage").ok();
    }
    names
}

fn found(find: Find) -> Vec<RawDocumentBuf> {
    find.run().expect("valid").map(|document| document.expect("sound")).collect()
}

fn index(collection: &Collection, key: RawDocumentBuf) {
    collection.create_index_from(rawdoc! { "key": key }).expect("created");
}

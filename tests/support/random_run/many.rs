//! An update of many documents, beside the model. In which order the engine meets them is its
//! plan's business; where they fail differently, so is which of the errors it answers, and which
//! documents it has changed by then. Those stay changed, once each.

use bson::{RawBson, doc};
use tallymap::{Error, Reason};

use super::{Run, values};
use crate::evaluate::to_update;
use crate::model::Refusal;
use crate::order::raw;

impl Run {
    pub(super) fn update_many(&mut self) {
        let filter = doc! { "g": self.seed.below(12) as i32 };
        let mut ops = values::ops(&mut self.seed);
        ops.retain(|op| op.path != "g");
        if ops.is_empty() {
            return;
        }
        let update = to_update(&mut ops);
        let what = format!("all {update} where {filter}");
        let targets = self.matching(&filter);
        let collection = self.collection();
        let found =
            collection.update_many(raw(&filter), raw(&update)).and_then(|request| request.run());
        if targets.is_empty()
            && let Err(Error::Refused { reason, .. }) = &found
        {
            assert_eq!(*reason, Reason::ConflictingUpdateOperators, "{what}");
            return;
        }
        let (mut changed, stopped): (Vec<String>, Vec<String>) =
            targets.iter().cloned().partition(|key| found.is_ok() || self.stands_changed(key));
        let mut modified = 0;
        // One document may have to make way for the unique key of another.
        while !changed.is_empty() {
            let (count, mut refusals) = (changed.len(), vec![]);
            changed.retain(|key| match self.model.update(key, &ops) {
                Ok(is_modified) => {
                    modified += u64::from(is_modified);
                    false
                }
                Err(refusal) => {
                    refusals.push(refusal);
                    true
                }
            });
            assert!(changed.len() < count, "{what} changed {changed:?}, not {refusals:?}");
        }
        let expected = match &found {
            Ok(_) => Ok((targets.len() as u64, modified)),
            Err(error) => {
                let refusal = Refusal::of(error);
                let is_why = |key: &String| self.model.clone().update(key, &ops) == Err(refusal);
                assert!(stopped.iter().any(is_why), "{what}: nothing is refused for {error}");
                Err(refusal)
            }
        };
        for key in &targets {
            self.compare_one(&self.model.documents[key]["_id"]);
        }
        self.same(found.map(|report| (report.matched, report.modified)), expected, what);
    }

    /// Is the engine's document no more what the model has?
    fn stands_changed(&self, key: &str) -> bool {
        let known = &self.model.documents[key];
        let id = RawBson::try_from(known["_id"].clone()).expect("BSON");
        let found = self.collection().find_by_id(id.as_raw_bson_ref()).expect("a lookup");
        found.expect("nothing deletes it") != raw(known)
    }
}

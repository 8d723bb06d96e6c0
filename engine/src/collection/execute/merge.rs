//! What several inputs give in order, in order.
//!
//! The next record of each input is kept, perhaps while others change the collection: it is
//! watched, and dropped if it goes away meanwhile.

use super::describe::count;
use super::member::Member;
use super::{Cx, Node, Stage, Worked};
use crate::bson::builder::Builder;
use crate::bson::element::Elements;
use crate::collection::saved_cursors::Watch;
use crate::error::Result;
use crate::query::SortPattern;
use crate::query::sort_pattern::{SortKey, SortPart};

/// A merge of walks over one index.
pub struct Merge {
    pattern: SortPattern,
    shown: Vec<u8>,
    /// Where in a key of the index the fields are that are sorted by.
    fields: Vec<usize>,
    inputs: Vec<Node>,
    heads: Vec<Head>,
    tested: u64,
}

/// What is known of an input's next record.
enum Head {
    Unknown,
    Next(Box<Next>),
    Over,
}

struct Next {
    key: SortKey,
    member: Member,
    /// Says whether the record is still there.
    watch: Watch,
}

impl Merge {
    /// A merge by `pattern`, which `shown` is as BSON, of walks over an index on `paths`.
    pub fn new(pattern: SortPattern, shown: Vec<u8>, paths: &[String], inputs: Vec<Node>) -> Merge {
        let heads = inputs.iter().map(|_| Head::Unknown).collect();
        let place = |part: &SortPart| paths.iter().position(|path| path == part.path.as_str());
        let fields = pattern.parts().iter().filter_map(place).collect();
        Merge { pattern, shown, fields, inputs, heads, tested: 0 }
    }

    /// What a record with this key is sorted by: the values as they are, since an array in a key
    /// is an element itself.
    fn sort_key(&self, key: &[u8]) -> Result<SortKey> {
        let values = Elements::new(key)?.map(|element| element.map(|element| element.val()));
        let values = values.collect::<Result<Vec<_>>>()?;
        let wanted: Vec<_> =
            self.fields.iter().filter_map(|field| values.get(*field).copied()).collect();
        Ok(SortKey::of(wanted))
    }

    /// The input whose record comes first.
    fn least(&self) -> Option<usize> {
        let mut least: Option<(usize, &SortKey)> = None;
        for (i, head) in self.heads.iter().enumerate() {
            let Head::Next(next) = head else { continue };
            if least.is_none_or(|(_, key)| self.pattern.compare(&next.key, key).is_lt()) {
                least = Some((i, &next.key));
            }
        }
        least.map(|(i, _)| i)
    }
}

impl Stage for Merge {
    fn name(&self) -> &'static str {
        "SORT_MERGE"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        if let Some(i) = self.heads.iter().position(|head| matches!(head, Head::Unknown)) {
            match self.inputs[i].work(cx)? {
                Worked::Advanced(member) => {
                    let key = self.sort_key(member.key.as_deref().unwrap_or_default())?;
                    let watch = cx.open.cursors.watch(member.loc);
                    self.tested += 1;
                    self.heads[i] = Head::Next(Box::new(Next { key, member, watch }));
                }
                Worked::NeedTime => {}
                Worked::Eof => self.heads[i] = Head::Over,
            }
            return Ok(Worked::NeedTime);
        }
        let Some(i) = self.least() else { return Ok(Worked::Eof) };
        match std::mem::replace(&mut self.heads[i], Head::Unknown) {
            Head::Next(next) if next.watch.is_there() => Ok(Worked::Advanced(next.member)),
            _ => Ok(Worked::NeedTime),
        }
    }

    fn rest(&mut self) {
        for head in &mut self.heads {
            if let Head::Next(next) = head {
                next.member.is_stale = true;
            }
        }
    }

    fn inputs(&self) -> &[Node] {
        &self.inputs
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        &mut self.inputs
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        out.document("sortPattern", &self.shown);
        if counted {
            count(out, "dupsTested", self.tested);
            count(out, "dupsDropped", 0);
        }
    }
}

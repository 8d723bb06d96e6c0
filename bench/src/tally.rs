//! The independent sum: what was counted, kept beside the engine and compared with every
//! counter of every document that the engine holds.

use std::collections::HashMap;

use bson::{RawBsonRef, RawDocument};
use tallymap::{Collection, Direction};

use crate::error::{Error, Result};

/// Counts by document and path. What is zero is not in it.
#[derive(Debug, Default, PartialEq)]
pub struct Tally {
    documents: HashMap<String, HashMap<String, i64>>,
}

/// The proof that sums were compared: only a comparison makes one.
#[derive(Debug)]
#[must_use]
pub struct Verified {
    counts: u64,
}

impl Verified {
    /// Σ of all counters that were compared.
    pub fn counts(&self) -> u64 {
        self.counts
    }

    /// Both.
    pub fn and(self, other: Verified) -> Verified {
        Verified { counts: self.counts + other.counts }
    }
}

impl Tally {
    /// Counts one at `path` of the document `id`.
    pub fn add(&mut self, id: &str, path: &str) {
        self.add_many(id, path, 1);
    }

    /// Counts `n`.
    pub fn add_many(&mut self, id: &str, path: &str, n: i64) {
        if n == 0 {
            return;
        }
        // Most are there: no text is copied for those.
        if !self.documents.contains_key(id) {
            self.documents.insert(id.to_owned(), HashMap::new());
        }
        let Some(counters) = self.documents.get_mut(id) else { return };
        match counters.get_mut(path) {
            Some(counter) => *counter += n,
            None => drop(counters.insert(path.to_owned(), n)),
        }
    }

    /// Every number of every document of `collection`, `_id` apart.
    ///
    /// # Errors
    /// The engine's; an `_id` that is no text.
    pub fn read(collection: &Collection) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut path = String::new();
        for located in collection.scan(Direction::Forward)? {
            let document = located?.document;
            let id = document.get_str("_id").map_err(broken)?;
            each_counter(&document, &mut path, &mut |path, n| tally.add_many(id, path, n))?;
        }
        Ok(tally)
    }

    /// Compares what was counted with what `collection` holds.
    ///
    /// # Errors
    /// [`Error::WrongSum`] with one that differs; as [`Tally::read`].
    pub fn verify(&self, collection: &Collection) -> Result<Verified> {
        self.compare(&Tally::read(collection)?)
    }

    /// Compares document by document, where a tally of all would be too much: `counted` has what
    /// was counted of the document with an `_id`, of which there are so many.
    ///
    /// # Errors
    /// [`Error::WrongSum`] with a counter that differs, or if there are more documents, or less;
    /// those of `counted`; as [`Tally::read`].
    pub fn verify_each(
        collection: &Collection,
        documents: usize,
        counted: impl Fn(&str) -> Result<Tally>,
    ) -> Result<Verified> {
        let (mut verified, mut met) = (Verified { counts: 0 }, 0);
        let mut path = String::new();
        for located in collection.scan(Direction::Forward)? {
            let document = located?.document;
            let id = document.get_str("_id").map_err(broken)?;
            let mut found = Tally::default();
            each_counter(&document, &mut path, &mut |path, n| found.add_many(id, path, n))?;
            verified = verified.and(counted(id)?.compare(&found)?);
            met += 1;
        }
        match met == documents {
            true => Ok(verified),
            false => Err(Error::WrongSum(format!("{met} documents, not {documents}"))),
        }
    }

    /// Compares what was counted with what was `found`.
    ///
    /// # Errors
    /// [`Error::WrongSum`] with one that differs.
    pub fn compare(&self, found: &Tally) -> Result<Verified> {
        if self == found {
            let counts = self.documents.values().flat_map(HashMap::values);
            return Ok(Verified { counts: counts.map(|n| n.unsigned_abs()).sum() });
        }
        let of = |tally: &Tally, id: &str, path: &str| {
            tally.documents.get(id).and_then(|counters| counters.get(path)).copied().unwrap_or(0)
        };
        for (id, counters) in self.documents.iter().chain(&found.documents) {
            for path in counters.keys() {
                let (counted, stored) = (of(self, id, path), of(found, id, path));
                if counted != stored {
                    let what = format!("{path} of {id} is {stored}, not {counted}");
                    return Err(Error::WrongSum(what));
                }
            }
        }
        Err(Error::WrongSum("something differs".to_owned()))
    }
}

/// The same for documents that are known by number and have all the same counters.
pub struct Grid {
    /// Counters of a document.
    width: usize,
    counts: Vec<u32>,
}

impl Grid {
    /// Of so many documents, of `width` counters each; all zero.
    pub fn new(documents: usize, width: usize) -> Grid {
        Grid { width, counts: vec![0; documents * width] }
    }

    /// Counts `n`.
    pub fn add_many(&mut self, document: usize, counter: usize, n: u32) {
        self.counts[document * self.width + counter] += n;
    }

    /// Compares what was counted with what `read` finds: it fills in all counters of a document.
    ///
    /// # Errors
    /// [`Error::WrongSum`] with one that differs; those of `read`.
    pub fn verify(
        &self,
        mut read: impl FnMut(usize, &mut [i64]) -> Result<()>,
    ) -> Result<Verified> {
        let mut found = vec![0; self.width];
        let mut counts = 0;
        for (document, counted) in self.counts.chunks(self.width).enumerate() {
            found.fill(-1);
            read(document, &mut found)?;
            for (at, (&counted, &stored)) in counted.iter().zip(&found).enumerate() {
                if i64::from(counted) != stored {
                    let what = format!("counter {at} of {document} is {stored}, not {counted}");
                    return Err(Error::WrongSum(what));
                }
                counts += u64::from(counted);
            }
        }
        Ok(Verified { counts })
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::WrongSum(error.to_string())
}

/// Calls `each` with the path and value of every number but that of `_id`.
fn each_counter(
    document: &RawDocument,
    path: &mut String,
    each: &mut impl FnMut(&str, i64),
) -> Result<()> {
    for element in document {
        let (name, value) = element.map_err(broken)?;
        let (name, before) = (name.as_str(), path.len());
        if name == "_id" {
            continue;
        }
        if before > 0 {
            path.push('.');
        }
        path.push_str(name);
        match value {
            RawBsonRef::Int32(n) => each(path, i64::from(n)),
            RawBsonRef::Int64(n) => each(path, n),
            RawBsonRef::Double(n) => each(path, n as i64),
            RawBsonRef::Document(inner) => each_counter(inner, path, each)?,
            _ => {}
        }
        path.truncate(before);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bson::rawdoc;
    use tallymap::{Engine, disk::HeapDisk};

    use super::*;

    #[test]
    fn every_difference_of_a_grid_is_noticed() {
        let mut grid = Grid::new(2, 3);
        grid.add_many(1, 2, 5);
        grid.add_many(0, 0, 2);
        let verify = |stored: [[i64; 3]; 2]| {
            grid.verify(|document, found| {
                found.copy_from_slice(&stored[document]);
                Ok(())
            })
        };
        assert_eq!(verify([[2, 0, 0], [0, 0, 5]]).unwrap().counts(), 7);
        for wrong in [[[2, 0, 0], [0, 0, 4]], [[2, 0, 1], [0, 0, 5]], [[0, 0, 0], [0, 0, 0]]] {
            assert!(matches!(verify(wrong), Err(Error::WrongSum(_))), "{wrong:?}");
        }
        assert!(grid.verify(|_, _| Ok(())).is_err(), "what is not read is not right");
    }

    #[test]
    fn every_difference_is_noticed() {
        let disk = Arc::new(HeapDisk::new());
        let builder = Engine::builder("ram").disk(disk).ns_size_mib(1).background(false);
        let engine = builder.open().unwrap();
        let pages = engine.collection("stats.pages").unwrap();
        pages.insert_one(rawdoc! { "_id": "a", "n": 2, "m": { "1": 3i64, "2": 0.0 } }).unwrap();
        pages.insert_one(rawdoc! { "_id": "zeroed", "n": 0 }).unwrap();
        let tally = |counts: &[(&str, &str, i64)]| {
            let mut tally = Tally::default();
            counts.iter().for_each(|(id, path, n)| tally.add_many(id, path, *n));
            tally.verify(&pages)
        };
        assert_eq!(tally(&[("a", "n", 2), ("a", "m.1", 3)]).unwrap().counts(), 5);
        let wrongs: [&[(&str, &str, i64)]; 6] = [
            &[("a", "n", 2)],
            &[("a", "n", 2), ("a", "m.1", 4)],
            &[("a", "n", 2), ("a", "m.1", 3), ("a", "m.2", 1)],
            &[("a", "n", 2), ("a", "m.1", 3), ("a", "m.3", 1)],
            &[("a", "n", 2), ("a", "m.1", 3), ("b", "n", 1)],
            &[("b", "n", 2), ("b", "m.1", 3)],
        ];
        for wrong in wrongs {
            assert!(matches!(tally(wrong), Err(Error::WrongSum(_))), "{wrong:?}");
        }
    }
}

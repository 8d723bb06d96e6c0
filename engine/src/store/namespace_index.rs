//! The hash table of the `.ns` file: from a namespace's name to its details (format, §5.1).
//! What the details mean is [`super::namespace_details`]'s business.
//!
//! H1. A name is found within `max_chain` nodes of its slot, or is not there. A free node does
//!     not end the search: removals leave holes.
//! H2. No name stands in two nodes: an insertion searches the whole window first.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Result};
use crate::format::namespace::node::{HASH, KEY, KILLED, LEN, VALUE};
use crate::limits::{COLLECTION_NAME_MAX, NAMESPACE_NAME_MAX};
use crate::store::namespace_details::{NamespaceDetails, NewNamespace};

/// Suffixes of the nodes that hold overflowing index slots: 10–39, 40–69.
pub const EXTRA_SUFFIXES: [&str; 2] = ["$extra", "$extrb"];
const VALUE_LEN: usize = 496;

/// The hash of a name. Never renumber: it decides where the nodes stand.
pub fn hash(name: &[u8]) -> i32 {
    // A byte from 0x80 on counts as negative, as `char` does where MongoDB ran.
    let step = |x: u32, c: &u8| x.wrapping_mul(131).wrapping_add_signed(i32::from(*c as i8));
    let x = name.iter().fold(0, step);
    ((x & 0x7fff_ffff) | 0x0800_0000) as i32
}

/// The table, of a size that the length of the file decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceIndex {
    nodes: i32,
    max_chain: i32,
}

/// What a search of a name's window found.
struct Window {
    /// The node that has the name.
    found: Option<DiskLoc>,
    /// The first node not in use.
    free: Option<DiskLoc>,
}

impl NamespaceIndex {
    /// The table in the `.ns` file of `view`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file is no whole number of MiB.
    pub fn open(view: &impl View) -> Result<NamespaceIndex> {
        let len = view.file_len(FileNo::NS);
        let fits = i32::try_from(len).ok().filter(|len| *len > 0 && len % (1 << 20) == 0);
        let Some(len) = fits else {
            let rule = "an .ns file is a whole number of MiB, at most 2047";
            let start = DiskLoc::new(FileNo::NS, 0);
            return Err(Error::corrupt(start, "NamespaceIndex", rule, len as i64));
        };
        let whole = len / LEN as i32;
        let nodes = if whole % 2 == 0 { whole - 1 } else { whole };
        Ok(NamespaceIndex { nodes, max_chain: (f64::from(nodes) * 0.05) as i32 })
    }

    /// The details of `name`, or `None`.
    pub fn find(&self, view: &impl View, name: &str) -> Result<Option<NamespaceDetails>> {
        Ok(self.find_value(view, name)?.map(NamespaceDetails::at))
    }

    /// The place of the value that stands under `name`: details, or overflowing index slots.
    pub fn find_value(&self, view: &impl View, name: &str) -> Result<Option<DiskLoc>> {
        let window = self.search(view, name.as_bytes())?;
        Ok(window.found.map(|node| node.add(VALUE.ofs as i32)))
    }

    /// Adds a namespace with fresh details.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`]; else as [`Self::insert`].
    pub fn add(
        &self,
        edit: &mut impl Edit,
        name: &str,
        new: NewNamespace,
    ) -> Result<NamespaceDetails> {
        if self.find_value(edit, name)?.is_some() {
            return Err(Error::NamespaceExists { ns: name.to_owned() });
        }
        let value = self.insert(edit, name, &NamespaceDetails::fresh(new))?;
        Ok(NamespaceDetails::at(value))
    }

    /// Puts `value` under `name`, replacing what is there. Answers the place of the value.
    ///
    /// # Errors
    /// [`Error::InvalidNamespace`] for a name that no node can hold;
    /// [`Error::TooManyNamespaces`] if the window has no free node.
    pub fn insert(
        &self,
        edit: &mut impl Edit,
        name: &str,
        value: &[u8; VALUE_LEN],
    ) -> Result<DiskLoc> {
        let invalid = |rule| Error::InvalidNamespace { name: name.to_owned(), rule };
        if name.len() > NAMESPACE_NAME_MAX {
            return Err(invalid("longer than 127 bytes"));
        }
        if name.is_empty() || name.contains('\0') {
            return Err(invalid("a name is not empty and contains no NUL"));
        }
        let window = self.search(edit, name.as_bytes())?;
        let Some(node) = window.found.or(window.free) else {
            let database = name.split('.').next().unwrap_or(name).to_owned();
            return Err(Error::TooManyNamespaces { database });
        };
        let mut raw = [0; LEN];
        HASH.put(&mut raw, hash(name.as_bytes()));
        raw[KEY.ofs..][..name.len()].copy_from_slice(name.as_bytes());
        raw[VALUE.ofs..VALUE.end()].copy_from_slice(value);
        edit.write(node, &raw)?;
        Ok(node.add(VALUE.ofs as i32))
    }

    /// Removes `name` and the nodes of its overflowing index slots. Answers whether it was
    /// there.
    pub fn kill(&self, edit: &mut impl Edit, name: &str) -> Result<bool> {
        let was_there = self.kill_node(edit, name)?;
        if name.len() <= COLLECTION_NAME_MAX {
            for suffix in EXTRA_SUFFIXES {
                self.kill_node(edit, &format!("{name}{suffix}"))?;
            }
        }
        Ok(was_there)
    }

    fn kill_node(&self, edit: &mut impl Edit, name: &str) -> Result<bool> {
        let Some(node) = self.search(edit, name.as_bytes())?.found else {
            return Ok(false);
        };
        edit.put(node, KEY.at(0), KILLED)?;
        edit.put(node, HASH, 0)?;
        Ok(true)
    }

    /// All names in use with the place of their value, in the order of the table. Names with a
    /// `$` are indexes and overflow nodes.
    ///
    /// # Errors
    /// Each item may be [`Error::Corrupt`]: a key that is no text, or not under its hash.
    pub fn iter<'v, V: View>(
        &self,
        view: &'v V,
    ) -> impl Iterator<Item = Result<(&'v str, DiskLoc)>> + use<'v, V> {
        (0..self.nodes).filter_map(move |slot| entry(view, node_at(slot)).transpose())
    }

    fn search(&self, view: &impl View, name: &[u8]) -> Result<Window> {
        let hash = hash(name);
        let mut window = Window { found: None, free: None };
        let start = hash % self.nodes;
        for step in 0..self.max_chain {
            let node = node_at((start + step) % self.nodes);
            match view.get(node, HASH)? {
                0 => window.free = window.free.or(Some(node)),
                stored if stored == hash && key(view, node)? == name => {
                    window.found = Some(node);
                    break;
                }
                _ => {}
            }
        }
        Ok(window)
    }
}

fn node_at(slot: i32) -> DiskLoc {
    DiskLoc::new(FileNo::NS, slot * LEN as i32)
}

/// The name in a node, up to its NUL.
fn key(view: &impl View, node: DiskLoc) -> Result<&[u8]> {
    let raw = view.bytes(node.add(KEY.ofs as i32), KEY.end() - KEY.ofs)?;
    let len = raw.iter().position(|b| *b == 0).unwrap_or(raw.len());
    Ok(&raw[..len])
}

fn entry(view: &impl View, node: DiskLoc) -> Result<Option<(&str, DiskLoc)>> {
    let stored = view.get(node, HASH)?;
    if stored == 0 {
        return Ok(None);
    }
    let key = key(view, node)?;
    if stored != hash(key) {
        return Err(Error::corrupt(node, "Node", "the hash is that of the name", stored));
    }
    match std::str::from_utf8(key) {
        Ok(name) => Ok(Some((name, node.add(VALUE.ofs as i32)))),
        Err(e) => Err(Error::corrupt(node, "Node", "a name is UTF-8", e.valid_up_to() as i64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::heap_files::HeapFiles;
    use crate::rounds::rounds;
    use std::collections::BTreeMap;

    fn ns_file(mib: usize) -> (HeapFiles, NamespaceIndex) {
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, mib << 20);
        let index = NamespaceIndex::open(&files).expect("whole MiB");
        (files, index)
    }

    #[test]
    fn hashes_as_mongod_does() {
        let vectors = [
            ("test.c", 2_086_826_675, 11_165),
            ("test.system.namespaces", 1_280_417_447, 20_927),
            ("test.system.indexes", 1_478_961_693, 19_293),
            ("test.c.$_id_", 501_566_346, 18_936),
            ("test.c$extra", 991_043_663, 24_023),
        ];
        for (name, expected, slot) in vectors {
            assert_eq!(hash(name.as_bytes()), expected, "{name}");
            assert_eq!(expected % 26_715, slot, "{name}");
        }
        assert_eq!(hash(b"test.c$extrb"), 991_043_664);
        assert_eq!(hash("test.é".as_bytes()), 241_196_898);
    }

    #[test]
    fn size_of_the_table() {
        for (mib, nodes, max_chain) in [(1, 1669, 83), (16, 26_715, 1335), (32, 53_429, 2671)] {
            let (_, index) = ns_file(mib);
            assert_eq!((index.nodes, index.max_chain), (nodes, max_chain), "{mib} MiB");
        }
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, 4096);
        assert!(matches!(NamespaceIndex::open(&files), Err(Error::Corrupt { .. })));
        assert!(NamespaceIndex::open(&HeapFiles::default()).is_err(), "no file");
    }

    #[test]
    fn a_node_is_where_mongod_looks_for_it() {
        let (mut files, index) = ns_file(16);
        let details = index.add(&mut files, "test.c", NewNamespace::default()).expect("room");
        assert_eq!(details.loc().ofs, 11_165 * 628 + 132);
        let node = files.bytes(DiskLoc::new(FileNo::NS, 11_165 * 628), 12).expect("inside");
        assert_eq!(node, [&2_086_826_675i32.to_le_bytes()[..], b"test.c\0\0"].concat());
        let again = index.add(&mut files, "test.c", NewNamespace::default());
        assert!(matches!(again, Err(Error::NamespaceExists { .. })));
    }

    #[test]
    fn refuses_names_that_no_node_holds() {
        let (mut files, index) = ns_file(1);
        for name in ["".to_owned(), "a\0b".to_owned(), "n".repeat(128)] {
            let added = index.add(&mut files, &name, NewNamespace::default());
            assert!(matches!(added, Err(Error::InvalidNamespace { .. })), "{name:?}");
        }
        index.add(&mut files, &"n".repeat(127), NewNamespace::default()).expect("fits");
        let names: Vec<_> = index.iter(&files).map(|e| e.expect("sound").0).collect();
        assert_eq!(names, ["n".repeat(127)]);
    }

    #[test]
    fn killing_takes_the_overflow_along() {
        let (mut files, index) = ns_file(1);
        for name in ["t.c", "t.c$extra", "t.c$extrb", "t.c.$_id_"] {
            index.add(&mut files, name, NewNamespace::default()).expect("room");
        }
        assert!(index.kill(&mut files, "t.c").expect("sound"));
        assert!(!index.kill(&mut files, "t.c").expect("sound"), "gone");
        let left: Vec<_> = index.iter(&files).map(|e| e.expect("sound").0).collect();
        assert_eq!(left, ["t.c.$_id_"]);
    }

    /// Random insertions and removals of few names in few slots, against a map.
    #[test]
    fn agrees_with_a_map() {
        let seed = 0x6e73;
        println!("seed {seed:#x}");
        let mut rng = oorandom::Rand32::new(seed);
        let (mut files, index) = ns_file(1);
        let mut model: BTreeMap<String, u8> = BTreeMap::new();
        for round in 0..rounds(4000) {
            let name = format!("db.c{}", rng.rand_range(0..1200));
            if rng.rand_range(0..3) == 0 {
                assert_eq!(
                    index.kill(&mut files, &name).expect("sound"),
                    model.remove(&name).is_some()
                );
                continue;
            }
            let value = [round as u8; VALUE_LEN];
            match index.insert(&mut files, &name, &value) {
                Ok(_) => drop(model.insert(name, round as u8)),
                Err(e) => assert!(matches!(e, Error::TooManyNamespaces { .. }), "{e}"),
            }
        }
        let found: BTreeMap<String, u8> = index
            .iter(&files)
            .map(|e| e.expect("sound"))
            .map(|(name, value)| (name.to_owned(), files.bytes(value, 1).expect("inside")[0]))
            .collect();
        assert_eq!(found, model);
        for (name, value) in &model {
            let at = index.find_value(&files, name).expect("sound").expect("there");
            assert_eq!(files.bytes(at, VALUE_LEN).expect("inside"), [*value; VALUE_LEN]);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn a_full_window_is_an_error() {
        let (mut files, index) = ns_file(1);
        let mut added = 0;
        let error = loop {
            match index.add(&mut files, &format!("db.c{added}"), NewNamespace::default()) {
                Ok(_) => added += 1,
                Err(e) => break e,
            }
        };
        assert!(matches!(error, Error::TooManyNamespaces { database } if database == "db"));
        assert!((500..1669).contains(&added), "{added}");
    }

    #[test]
    fn damaged_nodes_are_reported() {
        let (mut files, index) = ns_file(1);
        let details = index.add(&mut files, "a.b", NewNamespace::default()).expect("room");
        files.write(details.loc().add(-128), &[0xff; 128]).expect("inside");
        assert!(index.iter(&files).all(|e| matches!(e, Err(Error::Corrupt { .. }))));
        assert_eq!(index.find(&files, "a.b").expect("no key matches"), None);
    }
}

//! The nodes of an `.ns` file that may be damaged.
//!
//! N1. Every place where a node may be is looked at; none is searched by its hash.
//! N2. A node is believed to be in use if its hash is that of its name; later also one that the
//!     catalogue lists.

use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::format::namespace::details::{FIRST_EXTENT, LAST_EXTENT};
use crate::format::namespace::node::{HASH, KEY, LEN, VALUE};
use crate::store::NamespaceDetails;
use crate::store::namespace_index::hash;

/// One node.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name of its namespace.
    pub name: String,
    /// Its value.
    pub details: NamespaceDetails,
    /// Is it believed (N2)?
    pub is_in_use: bool,
    /// Where the chain of extents begins and ends, if anywhere.
    pub ends: (Option<ExtentLoc>, Option<ExtentLoc>),
}

/// All nodes with the name of a namespace of `database`.
pub fn read(view: &impl View, database: &str) -> Vec<Node> {
    let len = i32::try_from(view.file_len(FileNo::NS)).unwrap_or(i32::MAX);
    let node_len = LEN as i32;
    let places = (0..len / node_len).map(|slot| DiskLoc::new(FileNo::NS, slot * node_len));
    places.filter_map(|place| node(view, place, database)).collect()
}

fn node(view: &impl View, place: DiskLoc, database: &str) -> Option<Node> {
    let raw = view.bytes(place, LEN).ok()?;
    let key = &raw[KEY.ofs..KEY.end()];
    let len = key.iter().position(|b| *b == 0)?;
    let name = std::str::from_utf8(&key[..len]).ok()?;
    let _in_database = name.strip_prefix(database)?.strip_prefix('.')?;
    let end = |loc: DiskLoc| Some(ExtentLoc(loc)).filter(|_| !loc.is_null_or_unset());
    let details = &raw[VALUE.ofs..VALUE.end()];
    Some(Node {
        name: name.to_owned(),
        details: NamespaceDetails::at(place.add(VALUE.ofs as i32)),
        is_in_use: HASH.get(raw) == hash(name.as_bytes()),
        ends: (end(FIRST_EXTENT.get(details)), end(LAST_EXTENT.get(details))),
    })
}

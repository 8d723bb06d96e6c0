//! Reads the files of a closed database by the offsets of the format's description alone: no
//! line of the engine takes part. It believes nothing; what is out of place panics.

use std::fmt;
use std::path::{Path, PathBuf};

pub const NODE_LEN: usize = 628;
pub const FILE_HEADER_LEN: i32 = 8192;
pub const EXTENT_HEADER_LEN: i32 = 176;

/// A location: file number, offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loc {
    pub file: i32,
    pub ofs: i32,
}

pub const NULL: Loc = Loc { file: -1, ofs: 0 };
pub const INVALID: Loc = Loc { file: -2, ofs: 0 };

impl Loc {
    pub fn is_null(self) -> bool {
        self.file == -1
    }

    pub fn at(self, ofs: i32) -> Loc {
        Loc { ofs, ..self }
    }
}

impl fmt::Display for Loc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:x}", self.file, self.ofs)
    }
}

/// Little-endian numbers of a slice.
pub trait Numbers {
    fn bytes_at<const N: usize>(&self, at: usize) -> [u8; N];

    fn i32_at(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.bytes_at(at))
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes_at(at))
    }

    fn u16_at(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes_at(at))
    }

    fn i64_at(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.bytes_at(at))
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes_at(at))
    }

    fn loc_at(&self, at: usize) -> Loc {
        Loc { file: self.i32_at(at), ofs: self.i32_at(at + 4) }
    }
}

impl Numbers for [u8] {
    fn bytes_at<const N: usize>(&self, at: usize) -> [u8; N] {
        self[at..at + N].try_into().expect("N bytes")
    }
}

/// The files of one database.
pub struct Db {
    pub name: String,
    /// The directory that they are in.
    pub folder: PathBuf,
    pub ns: Vec<u8>,
    pub files: Vec<Vec<u8>>,
}

/// A node in use of the `.ns` file.
#[derive(Debug, Clone)]
pub struct Node {
    pub slot: usize,
    pub hash: i32,
    pub name: Vec<u8>,
}

impl Node {
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name).expect("names are UTF-8")
    }

    /// Where its value begins in the `.ns` file.
    pub fn value(&self) -> usize {
        self.slot * NODE_LEN + 132
    }
}

impl Db {
    pub fn read(folder: &Path, name: &str) -> Db {
        let ns = std::fs::read(folder.join(format!("{name}.ns"))).expect("a .ns file");
        let files = (0..).map_while(|n| std::fs::read(folder.join(format!("{name}.{n}"))).ok());
        Db { name: name.to_owned(), folder: folder.to_owned(), ns, files: files.collect() }
    }

    /// The number of slots of the hash table: odd.
    pub fn slots(&self) -> usize {
        let count = self.ns.len() / NODE_LEN;
        if count.is_multiple_of(2) { count - 1 } else { count }
    }

    pub fn nodes(&self) -> Vec<Node> {
        let node = |slot: usize| {
            let at = slot * NODE_LEN;
            let key = &self.ns[at + 4..at + 132];
            let len = key.iter().position(|b| *b == 0).expect("names end in NUL");
            Node { slot, hash: self.ns.i32_at(at), name: key[..len].to_vec() }
        };
        (0..self.slots()).map(node).filter(|node| node.hash != 0).collect()
    }

    pub fn node(&self, name: &str) -> Option<Node> {
        self.nodes().into_iter().find(|node| node.name == name.as_bytes())
    }

    pub fn at(&self, loc: Loc) -> &[u8] {
        &self.files[loc.file as usize][loc.ofs as usize..]
    }
}

/// An extent.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub loc: Loc,
    pub next: Loc,
    pub prev: Loc,
    pub len: i32,
    pub first_record: Loc,
    pub last_record: Loc,
}

/// A record in a chain, or a deleted one in a list.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub loc: Loc,
    pub len: i32,
    pub extent_ofs: i32,
    pub next: i32,
    pub prev: i32,
}

impl Db {
    pub fn extent(&self, loc: Loc) -> Extent {
        let at = self.at(loc);
        assert_eq!(at.u32_at(0), 0x4142_4344, "item 19: the magic of extent {loc}");
        assert_eq!(at.loc_at(4), loc, "item 19: myLoc of extent {loc}");
        Extent {
            loc,
            next: at.loc_at(12),
            prev: at.loc_at(20),
            len: at.i32_at(156),
            first_record: at.loc_at(160),
            last_record: at.loc_at(168),
        }
    }

    /// Follows a chain of extents from `first`.
    pub fn extents_from(&self, first: Loc) -> Vec<Extent> {
        let mut chain: Vec<Extent> = Vec::new();
        let mut loc = first;
        while !loc.is_null() {
            let extent = self.extent(loc);
            let before = chain.last().map_or(NULL, |extent| extent.loc);
            assert_eq!(extent.prev, before, "item 19: xprev of extent {loc}");
            assert!(chain.len() < 10_000, "item 19: the chain of extents ends");
            chain.push(extent);
            loc = extent.next;
        }
        chain
    }

    pub fn record(&self, loc: Loc) -> Record {
        let at = self.at(loc);
        Record {
            loc,
            len: at.i32_at(0),
            extent_ofs: at.i32_at(4),
            next: at.i32_at(8),
            prev: at.i32_at(12),
        }
    }

    /// The records of an extent, in the order of its chain.
    pub fn records(&self, extent: &Extent) -> Vec<Record> {
        let mut chain = Vec::new();
        let (mut at, mut before) = (extent.first_record.ofs, -1);
        if extent.first_record.is_null() {
            return chain;
        }
        while at != -1 {
            let record = self.record(extent.loc.at(at));
            assert_eq!(record.prev, before, "item 20: prevOfs of record {}", record.loc);
            assert!(chain.len() < 1_000_000, "item 20: the chain of records ends");
            chain.push(record);
            (before, at) = (at, record.next);
        }
        assert_eq!(before, extent.last_record.ofs, "item 20: lastRecord of {}", extent.loc);
        chain
    }

    /// The document in a record.
    pub fn document(&self, loc: Loc) -> bson::RawDocumentBuf {
        let data = &self.at(loc)[16..];
        let len = data.i32_at(0) as usize;
        bson::RawDocumentBuf::from_bytes(data[..len].to_vec()).expect("a document")
    }
}

/// A namespace's fields, by their offsets in its node's value.
#[derive(Clone, Copy)]
pub struct Details<'d>(pub &'d [u8]);

impl Details<'_> {
    pub fn first_extent(&self) -> Loc {
        self.0.loc_at(0)
    }

    pub fn last_extent(&self) -> Loc {
        self.0.loc_at(8)
    }

    /// The head of deleted list `i`.
    pub fn deleted_list(&self, i: usize) -> Loc {
        self.0.loc_at(if i < 18 { 16 + 8 * i } else { 424 + 8 * (i - 18) })
    }

    pub fn grab_bag(&self) -> Loc {
        self.0.loc_at(160)
    }

    pub fn data_size(&self) -> i64 {
        self.0.i64_at(168)
    }

    pub fn records(&self) -> i64 {
        self.0.i64_at(176)
    }

    pub fn last_extent_size(&self) -> i32 {
        self.0.i32_at(184)
    }

    pub fn indexes(&self) -> i32 {
        self.0.i32_at(188)
    }

    pub fn is_capped(&self) -> bool {
        self.0.i32_at(352) != 0
    }

    pub fn cap_extent(&self) -> Loc {
        self.0.loc_at(372)
    }

    pub fn cap_first_new_record(&self) -> Loc {
        self.0.loc_at(380)
    }

    pub fn multikey_bits(&self) -> u64 {
        self.0.u64_at(392)
    }

    pub fn extra_offset(&self) -> i64 {
        self.0.i64_at(408)
    }

    pub fn builds_in_progress(&self) -> i32 {
        self.0.i32_at(416)
    }

    pub fn user_flags(&self) -> i32 {
        self.0.i32_at(420)
    }
}

impl Db {
    pub fn details(&self, node: &Node) -> Details<'_> {
        Details(&self.ns[node.value()..node.value() + 496])
    }

    /// Head and info of the index in `slot`, wherever that is.
    pub fn index_slot(&self, node: &Node, slot: usize) -> (Loc, Loc) {
        let details = node.value();
        let at = match slot {
            0..10 => details + 192 + 16 * slot,
            10..40 => self.extra(node, 0) + 8 + 16 * (slot - 10),
            _ => self.extra(node, 1) + 8 + 16 * (slot - 40),
        };
        (self.ns.loc_at(at), self.ns.loc_at(at + 8))
    }

    /// Where the first or second block of further slots is: distances count from the namespace.
    pub fn extra(&self, node: &Node, which: usize) -> usize {
        let details = node.value();
        let go = |distance: i64| usize::try_from(details as i64 + distance).expect("in the file");
        let first = go(self.details(node).extra_offset());
        if which == 0 { first } else { go(self.ns.i64_at(first)) }
    }

    /// All documents of a namespace, in the order of extents and records.
    pub fn documents(&self, name: &str) -> Vec<(Loc, bson::RawDocumentBuf)> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let extents = self.extents_from(self.details(&node).first_extent());
        let records = extents.iter().flat_map(|extent| self.records(extent));
        records.map(|record| (record.loc, self.document(record.loc))).collect()
    }
}

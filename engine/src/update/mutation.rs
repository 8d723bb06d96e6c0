//! What an update does to the bytes of a document.
//!
//! A1. Damages lie inside of the document, do not overlap, and never change its length.

/// The outcome of an update on one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// The document is as the update wants it; nothing is to be written.
    Nothing,
    /// Some bytes change where they lie.
    InPlace(Damages),
    /// The document is written anew, and may be longer or shorter.
    Regrow(Vec<u8>),
}

/// Ranges of a document and their new bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Damages {
    bytes: Vec<u8>,
    ranges: Vec<(u32, u32)>,
    changes_layout: bool,
}

impl Damages {
    /// Every range: its offset in the document and its new bytes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut at = 0;
        self.ranges.iter().map(move |&(ofs, len)| {
            let bytes = &self.bytes[at..at + len as usize];
            at += len as usize;
            (ofs as usize, bytes)
        })
    }

    /// Do types, names or the nesting of documents change? Then a shape of the document is no
    /// longer true, and readers must not see it half done.
    pub fn changes_layout(&self) -> bool {
        self.changes_layout
    }

    /// All new bytes together.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the ranges into a copy of the document.
    ///
    /// # Panics
    /// If `doc` is shorter than the document.
    pub fn write_to(&self, doc: &mut [u8]) {
        for (ofs, bytes) in self.iter() {
            doc[ofs..ofs + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Adds a range that is not empty.
    pub(super) fn push(&mut self, ofs: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend_from_slice(bytes);
            self.ranges.push((ofs, bytes.len() as u32));
        }
    }

    /// Says that types, names or nesting change.
    pub(super) fn set_changes_layout(&mut self) {
        self.changes_layout = true;
    }
}

impl Mutation {
    /// The document as it is after the mutation of `doc`.
    pub fn into_document(self, mut doc: Vec<u8>) -> Vec<u8> {
        match self {
            Mutation::Nothing => doc,
            Mutation::InPlace(damages) => {
                damages.write_to(&mut doc);
                doc
            }
            Mutation::Regrow(doc) => doc,
        }
    }
}

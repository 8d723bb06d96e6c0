//! The two layouts of a b-tree bucket and what follows from them: sizes, limits, marks.
//!
//! Everything else in this folder is written once, against [`IndexVersion`]. What differs in
//! the bytes of a key is in [`crate::index::key`], not here.
//!
//! I1. `body_ofs + body_len = bucket_len`, and no key of legal length fills a third of a body:
//!     so a bucket that must split has more than two keys.

use crate::format::bucket::{v0, v1};
use crate::limits::KEY_LEN_MAX;

/// Longest key of a V0 index, bytes.
const KEY_LEN_MAX_V0: usize = 819;

/// Version of an index: the layout of its buckets and keys. Fixed when the index is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexVersion {
    /// Up to 1.8: BSON keys, 18-byte key nodes. Read and maintained, never created.
    V0,
    /// Since 2.0: compact keys, 16-byte key nodes.
    V1,
}

impl IndexVersion {
    /// The number that users are told. Since MongoDB 3.4 indexes of compact keys are made as
    /// version 2; to the files of MMAPv1 they are the same.
    pub const fn told(self) -> i32 {
        match self {
            IndexVersion::V0 => 0,
            IndexVersion::V1 => 2,
        }
    }

    /// Bytes of a bucket, header included.
    pub const fn bucket_len(self) -> usize {
        match self {
            IndexVersion::V0 => v0::LEN,
            IndexVersion::V1 => v1::LEN,
        }
    }

    /// Where the body begins, bytes from the start of the bucket.
    pub const fn body_ofs(self) -> usize {
        match self {
            IndexVersion::V0 => v0::BODY.ofs,
            IndexVersion::V1 => v1::BODY.ofs,
        }
    }

    /// Bytes of the body.
    pub const fn body_len(self) -> usize {
        self.bucket_len() - self.body_ofs()
    }

    /// Bytes of a key node.
    pub const fn node_len(self) -> usize {
        match self {
            IndexVersion::V0 => v0::key_node::LEN,
            IndexVersion::V1 => v1::key_node::LEN,
        }
    }

    /// Longest key in its encoded form, bytes.
    pub const fn key_len_max(self) -> usize {
        match self {
            IndexVersion::V0 => KEY_LEN_MAX_V0,
            IndexVersion::V1 => KEY_LEN_MAX,
        }
    }

    /// A bucket with fewer packed bytes than this is balanced or merged after a deletion.
    pub const fn low_water(self) -> usize {
        self.body_len() / 2 - self.key_len_max() - self.node_len() + 1
    }
}

const _: () = {
    assert!(IndexVersion::V0.low_water() == 3240 && IndexVersion::V1.low_water() == 3038);
    assert!(IndexVersion::V0.body_len() == 8152 && IndexVersion::V1.body_len() == 8154);
    let longest = IndexVersion::V1.key_len_max() + IndexVersion::V1.node_len();
    assert!(3 * longest < IndexVersion::V1.body_len(), "I1");
    let longest = IndexVersion::V0.key_len_max() + IndexVersion::V0.node_len();
    assert!(3 * longest < IndexVersion::V0.body_len(), "I1");
};

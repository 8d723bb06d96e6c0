//! Every limit, with its unit, and how the limits relate.

/// Longest user document, bytes.
pub const DOCUMENT_LEN_MAX: usize = 16 * 1024 * 1024;
/// Longest record, header included, bytes (16.5 MiB).
pub const RECORD_LEN_MAX: i32 = 17_301_504;
/// Shortest record that the default policy makes, bytes.
pub const RECORD_LEN_MIN: i32 = 32;
/// Shortest extent, bytes.
pub const EXTENT_LEN_MIN: i32 = 4096;
/// Longest data file, bytes.
pub const DATA_FILE_LEN_MAX: i32 = 0x7ff0_0000;
/// Most data files of a database.
pub const DATA_FILES_MAX: i32 = 16_000;
/// Longest index key in its encoded form, bytes.
pub const KEY_LEN_MAX: usize = 1024;
/// Most fields of a compound index.
pub const KEY_FIELDS_MAX: usize = 31;
/// Most indexes of a collection.
pub const INDEXES_MAX: usize = 64;
/// Longest full name of a collection, bytes.
pub const COLLECTION_NAME_MAX: usize = 120;
/// Longest full name of any namespace, indexes included, bytes.
pub const NAMESPACE_NAME_MAX: usize = 127;
/// Longest database name, bytes.
pub const DATABASE_NAME_MAX: usize = 64;
/// Deepest nesting of a document, levels.
pub const NESTING_MAX: usize = 180;
/// Bytes of a line: the unit in which changes are tracked and journaled.
pub const LINE: usize = 64;
/// Bytes of a page: the unit in which private memory is counted and given back.
pub const PAGE: usize = 4096;

const _: () = assert!(DOCUMENT_LEN_MAX + 16 * 1024 + 16 <= RECORD_LEN_MAX as usize);
const _: () = assert!(PAGE == 64 * LINE, "one bitmap word marks the lines of one page");
const _: () = assert!((DATA_FILE_LEN_MAX as usize).is_multiple_of(PAGE));

//! The order of locks, and the proof that bytes of a map are read and written by those who may.
//!
//! A thread takes locks only downwards in this list:
//!
//! 1. engine: the table of databases
//! 2. database: its table of collections (shared by all work in it; exclusive for create, drop,
//!    rename)
//! 3. collection: shared for reads and for updates that stay in place; exclusive for whatever
//!    changes structure
//! 4. record stripe: one record, reader or in-place writer
//! 5. the gate: a unit of work is inside, the gather of a commit waits outside
//! 6. extents of a database: file headers and the list of free extents
//! 7. leaves that hold nothing else: dirty-page lists, tickets, memos
//!
//! No lock is held while waiting for a disk, but for the database lock while a collection is
//! made or dropped in it.

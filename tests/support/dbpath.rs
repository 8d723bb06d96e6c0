//! Directories for tests: small, and checked in full whenever they are closed.

use std::path::{Path, PathBuf};

use tallymap::{Engine, EngineBuilder};
use tempfile::TempDir;

/// A directory that goes away with its test.
pub struct Dbpath {
    folder: TempDir,
}

impl Dbpath {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Dbpath {
        Dbpath { folder: tempfile::tempdir().expect("a temporary directory") }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Options for a small engine without threads of its own.
    pub fn builder(&self) -> EngineBuilder {
        Engine::builder(self.path()).ns_size_mib(1).background(false)
    }

    /// Opens it with these options.
    pub fn open(&self) -> Engine {
        self.builder().open().expect("opens")
    }

    /// A copy of the files as they are now, whether or not an engine has them open: what a crash
    /// at this moment would leave.
    pub fn crashed(&self) -> Dbpath {
        let copy = Dbpath::new();
        copy_folder(self.path(), copy.path());
        copy
    }
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copies")),
        }
    }
}

/// Validates every collection of every database: nothing may be found.
pub fn check(engine: &Engine) {
    for name in engine.database_names() {
        let database = engine.database(&name).expect("a database");
        for name in database.collection_names().expect("names") {
            let collection = database.collection(&name).expect("a collection");
            let validation = collection.validate(true).expect("exists");
            let ns = collection.namespace();
            assert!(validation.findings().is_empty(), "{ns}: {:#?}", validation.findings());
            assert_eq!(validation.objects_found(), collection.count().expect("a count"), "{ns}");
        }
    }
}

/// Checks everything, then closes the engine, which is the last handle.
pub fn close(engine: Engine) {
    check(&engine);
    engine.close().expect("closes");
}

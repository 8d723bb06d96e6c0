//! The golden dbpaths and what mongod said of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bson::{Bson, Document};
use serde_json::Value;
use tempfile::TempDir;

/// One golden dbpath, unpacked for this test alone.
pub struct Golden {
    name: &'static str,
    folder: TempDir,
}

impl Golden {
    /// Unpacks `name`; says so and returns `None` where there are no golden dbpaths.
    pub fn unpack(name: &'static str) -> Option<Golden> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/golden");
        let source = std::env::var_os("TALLYMAP_GOLDEN").map_or(beside, PathBuf::from);
        let archive = source.join(format!("{name}.tar.xz"));
        if !archive.exists() {
            // Not eprintln: the test runner would keep it to itself.
            let text = format!("\n*** NOT TESTED: no {} ***\n", archive.display());
            std::io::stderr().write_all(text.as_bytes()).expect("stderr takes text");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut tar = Command::new("tar");
        tar.arg("-xJf").arg(&archive).arg("-C").arg(folder.path());
        assert!(tar.status().expect("tar runs").success(), "tar unpacks {}", archive.display());
        Some(Golden { name, folder })
    }

    /// The directory of the data files.
    pub fn dbpath(&self) -> PathBuf {
        self.folder.path().join(self.name).join("dbpath")
    }

    /// A file of truths.
    pub fn truth(&self, file: &str) -> Value {
        let path = self.folder.path().join(self.name).join(file);
        let text = std::fs::read_to_string(path).expect("the truth is there");
        serde_json::from_str(&text).expect("the truth is JSON")
    }
}

/// Length, time of change and checksum of every file below `folder`.
pub fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, (u64, std::time::SystemTime, u32)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let about = path.metadata().expect("metadata");
            if about.is_dir() {
                folders.push(path);
                continue;
            }
            let sum = crc32fast::hash(&std::fs::read(&path).expect("a file"));
            found.insert(path, (about.len(), about.modified().expect("a time"), sum));
        }
    }
    found
}

/// A value of the truth, in canonical extended JSON, as BSON.
pub fn bson(value: &Value) -> Bson {
    Bson::try_from(value.clone()).expect("canonical extended JSON")
}

/// The same for a document, without the `ok` that a server adds.
pub fn document(value: &Value) -> Document {
    let Bson::Document(mut document) = bson(value) else { panic!("not a document: {value}") };
    document.remove("ok");
    document
}

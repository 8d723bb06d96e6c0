//! The source files of the workspace, and the rules about their size.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// Every Rust file below `folder`, with its path from the root and its text.
pub fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let name = path.strip_prefix(root()).expect("below the root");
                found.push((name.to_string_lossy().into_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} has source files");
    found
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for folder in ["engine", "server", "bench", "tests"] {
        for (name, text) in rust_files(folder) {
            let lines = text.lines().count();
            if lines > 500 {
                wrong.push(format!("{name}: {lines} lines, more than 500"));
            }
            if !text.starts_with("//!") {
                wrong.push(format!("{name}: does not say what it is (//!)"));
            }
            if let Some(at) = text.lines().position(|line| line.chars().count() > 100) {
                wrong.push(format!("{name}:{}: longer than 100 columns", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_is_in_one_file() {
    for folder in ["engine", "server", "bench", "tests"] {
        for (name, text) in rust_files(folder) {
            let keyword = concat!("uns", "afe ");
            let found = text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.contains(&format!("{keyword}{{"))
                    || code.contains(&format!("{keyword}fn"))
                    || code.contains(&format!("{keyword}impl"))
            });
            assert!(!found || name == "engine/src/disk/mapped_file.rs", "{name} has unsafe code");
        }
    }
}

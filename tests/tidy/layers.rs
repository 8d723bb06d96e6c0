//! Every `crate::` path in the engine leads to a lower layer of its own column, or to the ground.

use crate::sources::rust_files;

/// The layers, lowest first, with what each may import beside itself. The ground is imported by
/// all. Documents (bson, query, update) know no files; files (format … store) know no BSON; an
/// index knows both, as a key may be BSON; `collection` and above are where the columns meet.
const LAYERS: &[(&str, &[&str])] = &[
    ("bson", &[]),
    ("format", &[]),
    ("expression", &["bson"]),
    ("query", &["bson", "expression"]),
    ("disk", &["format"]),
    ("update", &["bson", "expression", "query"]),
    ("journal", &["format", "disk"]),
    ("store", &["format", "disk"]),
    ("index", &["bson", "format", "disk", "store"]),
    ("aggregate", &["bson", "expression", "query"]),
    (
        "collection",
        &[
            "aggregate",
            "bson",
            "expression",
            "query",
            "update",
            "format",
            "disk",
            "journal",
            "store",
            "index",
        ],
    ),
];

const GROUND: &[&str] = &[
    "clock",
    "counters",
    "disk_loc",
    "error",
    "file_id",
    "holds",
    "interrupt",
    "limits",
    "locks",
    "namespace_string",
    "options",
    "reason",
    "rounds",
    "sync",
];

/// The first component of every `crate::…` path of a source text, its unit tests left out.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for line in code.lines().map(|line| line.split("//").next().unwrap_or_default()) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found
}

#[test]
fn imports_go_downwards() {
    let mut wrong = Vec::new();
    for (name, text) in rust_files("engine/src") {
        let inner = name.strip_prefix("engine/src/").expect("below engine/src");
        let module = inner.split(['/', '.']).next().unwrap_or_default();
        let allowed: &[&str] = match LAYERS.iter().find(|(layer, _)| *layer == module) {
            Some((_, allowed)) => allowed,
            None if GROUND.contains(&module) => &["format"],
            None => continue,
        };
        for import in imports(&text) {
            let is_type = import.starts_with(char::is_uppercase) || import.is_empty();
            let fine = is_type
                || import == module
                || GROUND.contains(&import.as_str())
                || allowed.contains(&import.as_str());
            if !fine {
                wrong.push(format!("{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_a_wrong_one() {
    assert_eq!(imports("use crate::bson::Element; // crate::no"), ["bson"]);
    assert!(!LAYERS.iter().any(|(layer, allowed)| *layer == "store" && allowed.contains(&"bson")));
}

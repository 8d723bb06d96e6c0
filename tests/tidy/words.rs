//! Words that have no place in finished code, and links that lead somewhere.

use crate::sources::{root, rust_files};

#[test]
fn nothing_is_left_half_done() {
    let banned = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let ignored = concat!("#[ign", "ore");
    for folder in ["engine", "server", "bench", "tests"] {
        for (name, text) in rust_files(folder) {
            for word in banned.iter().map(String::as_str).chain([ignored]) {
                assert!(!text.contains(word), "{name} contains {word}");
            }
        }
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages = vec![root().join("README.md")];
    pages.extend(
        std::fs::read_dir(root().join("docs"))
            .expect("docs/")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "md")),
    );
    let mut wrong = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page");
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap_or_default();
            let folder = page.parent().expect("a page is in a folder");
            let elsewhere = target.is_empty() || target.contains("://");
            if !elsewhere && !folder.join(target).exists() {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines of the first block of code in `language` of a Markdown text.
fn first_block(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let lines = text.lines().skip_while(|line| *line != fence).skip(1);
    lines.take_while(|line| *line != "```").map(str::to_owned).collect()
}

#[test]
fn readme_shows_the_example_that_is_tested() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let front = std::fs::read_to_string(root().join("engine/src/lib.rs")).expect("lib.rs");
    let comment = |line: &str| {
        let text = line.strip_prefix("//!")?;
        Some(text.strip_prefix(' ').unwrap_or(text).to_owned())
    };
    let front: Vec<String> = front.lines().map_while(comment).collect();
    let mut tested = first_block(&front.join("\n"), "");
    tested.retain(|line| !line.starts_with('#'));
    assert_eq!(first_block(&readme, "rust"), tested);
    assert!(tested.len() > 5, "{tested:?}");
}

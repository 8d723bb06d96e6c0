//! `docs/format.md` shows every structure's table as the code has it.

use tallymap::format::TABLES;

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/format.md");
    std::fs::read_to_string(path).expect("docs/format.md is there")
}

/// The lines of the first Markdown table below the heading `## name`.
fn table_below(document: &str, name: &str) -> Option<String> {
    let heading = format!("## {name}");
    let mut lines = document.lines().skip_while(|line| *line != heading).skip(1);
    let first = lines.by_ref().find(|line| line.starts_with('|'))?;
    let rest = lines.take_while(|line| line.starts_with('|'));
    Some(std::iter::once(first).chain(rest).map(|line| format!("{line}\n")).collect())
}

#[test]
fn documentation_shows_the_tables_of_the_code() {
    let document = document();
    for table in TABLES {
        let shown = table_below(&document, table.name).unwrap_or_default();
        let meant = table.to_markdown();
        assert_eq!(
            shown, meant,
            "docs/format.md, below '## {}', should read:\n{meant}",
            table.name
        );
    }
}

#[test]
fn documentation_shows_no_table_that_the_code_lacks() {
    let document = document();
    let tables = document.lines().filter(|l| l.starts_with("| offset | type |")).count();
    assert_eq!(tables, TABLES.len());
}

//! How the bytes of files and collections are used, as text. The figures are the engine's.

use std::fmt::Write as _;

use tallymap::{ExtentMap, ExtentOwner, FileMap, HoleList, SpaceUsage};

use crate::numbers::{bytes, grouped};
use crate::terminal::{Colour, Terminal};

/// Columns of the bar that divides an extent.
const BAR_WIDTH: usize = 16;
/// What the characters of the bars mean.
pub const LEGEND: &str = "█ documents  ▒ padding and headers  ░ holes  · neither";

/// The bar: each part as long as its share, the borders rounded, so that they add up.
fn bar(usage: &SpaceUsage) -> String {
    let total = usage.extent_bytes.max(1) as f64;
    let parts = [
        ('█', usage.document_bytes),
        ('▒', usage.padding_bytes + usage.header_bytes),
        ('░', usage.hole_bytes),
    ];
    let (mut bar, mut drawn, mut sum) = (String::new(), 0, 0);
    for (mark, part) in parts {
        sum += part;
        let border = (sum as f64 / total * BAR_WIDTH as f64).round() as usize;
        let border = border.clamp(drawn, BAR_WIDTH);
        bar.extend(std::iter::repeat_n(mark, border - drawn));
        drawn = border;
    }
    bar.extend(std::iter::repeat_n('·', BAR_WIDTH - drawn));
    bar
}

/// One file and its extents; what is named after `database` is named without it. Every line ends
/// with a line feed.
pub fn draw_file(database: &str, file: &FileMap, terminal: &Terminal) -> String {
    let extents = grouped(file.extents.len() as u64);
    let mut text = format!(
        "{}  {}, {extents} extents, {} not yet given out\n",
        terminal.paint(Colour::Title, &format!("{database}.{}", file.file)),
        bytes(file.len),
        bytes(file.unused),
    );
    let heading = format!("  {:<10} {:>10} {:BAR_WIDTH$} {:>9}", "offset", "length", "", "records");
    text.push_str(&terminal.paint(Colour::Axis, &heading));
    text.push('\n');
    for ExtentMap { ofs, owner, usage } in &file.extents {
        let len = bytes(usage.extent_bytes);
        let owner = match owner {
            ExtentOwner::Namespace(ns) => within(database, ns),
            ExtentOwner::Free => "(free)",
            ExtentOwner::Unknown => "(in no chain)",
        };
        let bar = terminal.paint(Colour::Bar, &bar(usage));
        let records = grouped(usage.records);
        writeln!(text, "  0x{ofs:08x} {len:>10} {bar} {records:>9}  {owner}")
            .expect("a String takes all");
    }
    text
}

/// The part of a full name behind the database.
pub fn within<'a>(database: &str, ns: &'a str) -> &'a str {
    ns.strip_prefix(database).and_then(|rest| rest.strip_prefix('.')).unwrap_or(ns)
}

/// One collection or index: the shares of its bytes, and its holes by bucket; empty buckets are
/// left out. Every line ends with a line feed.
pub fn draw_namespace(
    ns: &str,
    usage: &SpaceUsage,
    holes: &[HoleList],
    terminal: &Terminal,
) -> String {
    let share = |part: u64| 100.0 * part as f64 / usage.extent_bytes.max(1) as f64;
    let bar = terminal.paint(Colour::Bar, &bar(usage));
    let title = terminal.paint(Colour::Title, ns);
    let mut text = format!("{title}\n  {bar} {}\n", bytes(usage.extent_bytes));
    for (name, count, part) in [
        ("documents", Some(usage.records), usage.document_bytes),
        ("record headers", None, usage.header_bytes),
        ("padding", None, usage.padding_bytes),
        ("holes", Some(usage.holes), usage.hole_bytes),
    ] {
        let count = count.map(grouped).unwrap_or_default();
        writeln!(text, "  {name:<14} {count:>11} {:>10} {:>5.1} %", bytes(part), share(part))
            .expect("a String takes all");
    }
    for bucket in holes.iter().filter(|list| list.holes > 0) {
        let (bound, count) = (bytes(bucket.shorter_than), grouped(bucket.holes));
        writeln!(text, "    < {bound:<10} {count:>11} {:>10}", bytes(bucket.bytes))
            .expect("a String takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tallymap::FileNo;

    const USAGE: SpaceUsage = SpaceUsage {
        extent_bytes: 8192,
        records: 3,
        header_bytes: 48,
        document_bytes: 4000,
        padding_bytes: 2000,
        holes: 2,
        hole_bytes: 1968,
    };

    #[test]
    fn bars_are_always_full_and_in_order() {
        let mut random = oorandom::Rand32::new(7);
        for _ in 0..1000 {
            let mut part = || u64::from(random.rand_range(0..5000));
            let (document_bytes, padding_bytes, header_bytes) = (part(), part(), part());
            let hole_bytes = part();
            let sum = document_bytes + padding_bytes + header_bytes + hole_bytes;
            let extent_bytes = sum.saturating_sub(1000) + part();
            let usage = SpaceUsage {
                extent_bytes,
                document_bytes,
                padding_bytes,
                header_bytes,
                hole_bytes,
                ..SpaceUsage::default()
            };
            let bar = bar(&usage);
            assert_eq!(bar.chars().count(), BAR_WIDTH, "{usage:?}");
            assert!(bar.chars().is_sorted_by_key(|mark| "█▒░·".find(mark)), "{bar}");
        }
        assert_eq!(bar(&SpaceUsage::default()), "·".repeat(BAR_WIDTH));
    }

    #[test]
    fn a_file_extent_by_extent() {
        let free = SpaceUsage { extent_bytes: 4096, ..SpaceUsage::default() };
        let extents = vec![
            ExtentMap {
                ofs: 0x2000,
                owner: ExtentOwner::Namespace("stats.daily".to_owned()),
                usage: USAGE,
            },
            ExtentMap { ofs: 0x4000, owner: ExtentOwner::Free, usage: free },
        ];
        let file = FileMap { file: FileNo(0), len: 16 << 20, unused: 1024, extents };
        let expected = "\
stats.0  16.0 MiB, 2 extents, 1.0 KiB not yet given out
  offset         length                    records
  0x00002000    8.0 KiB ████████▒▒▒▒░░░░         3  daily
  0x00004000    4.0 KiB ················         0  (free)
";
        assert_eq!(draw_file("stats", &file, &Terminal::PLAIN), expected);
    }

    #[test]
    fn a_namespace_with_its_holes() {
        let bucket = |shorter_than, holes, bytes| HoleList { shorter_than, holes, bytes };
        let buckets = [bucket(32, 0, 0), bucket(1024, 1, 968), bucket(2048, 1, 1000)];
        let expected = "\
stats.daily
  ████████▒▒▒▒░░░░ 8.0 KiB
  documents                3    3.9 KiB  48.8 %
  record headers                   48 B   0.6 %
  padding                       2.0 KiB  24.4 %
  holes                    2    1.9 KiB  24.0 %
    < 1.0 KiB              1      968 B
    < 2.0 KiB              1     1000 B
";
        assert_eq!(draw_namespace("stats.daily", &USAGE, &buckets, &Terminal::PLAIN), expected);
    }
}

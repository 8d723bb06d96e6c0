//! What it cost to count the same hits in different ways, side by side.

use std::time::Duration;

use crate::numbers::{bytes, grouped};
use crate::terminal::{Colour, Terminal};

/// What one way of counting cost.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// The way's name, a heading.
    pub name: String,
    /// Hits counted.
    pub hits: u64,
    /// Time from the first hit until all were durable.
    pub elapsed: Duration,
    /// Documents that outgrew their record.
    pub moves: u64,
    /// Bytes of documents copied by moves.
    pub bytes_moved: u64,
    /// Fields that were stepped over to reach the counters.
    pub fields_skipped: u64,
    /// Documents made.
    pub documents: u64,
    /// Bytes of these documents.
    pub document_bytes: u64,
    /// Bytes of their records that hold nothing.
    pub padding_bytes: u64,
    /// Bytes of the data files.
    pub file_bytes: u64,
}

impl Cost {
    fn hits_per_second(&self) -> f64 {
        self.hits as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn skipped_per_hit(&self) -> f64 {
        self.fields_skipped as f64 / self.hits.max(1) as f64
    }

    fn padding_percent(&self) -> f64 {
        100.0 * self.padding_bytes as f64 / self.document_bytes.max(1) as f64
    }
}

/// A row of the table: its heading, and its value of a way.
type Row = (&'static str, fn(&Cost) -> String);

const ROWS: [Row; 9] = [
    ("hits", |cost| grouped(cost.hits)),
    ("hits per second", |cost| grouped(cost.hits_per_second() as u64)),
    ("documents moved", |cost| grouped(cost.moves)),
    ("bytes copied by moves", |cost| bytes(cost.bytes_moved)),
    ("fields skipped per hit", |cost| format!("{:.1}", cost.skipped_per_hit())),
    ("documents", |cost| grouped(cost.documents)),
    ("bytes of documents", |cost| bytes(cost.document_bytes)),
    ("padding", |cost| format!("{} ({:.0} %)", bytes(cost.padding_bytes), cost.padding_percent())),
    ("data files", |cost| bytes(cost.file_bytes)),
];

/// The ways as columns of a table. Every line ends with a line feed.
pub fn table(costs: &[Cost], terminal: &Terminal) -> String {
    let heading_width = ROWS.iter().map(|(heading, _)| heading.len()).max().unwrap_or(0);
    let width = |cost: &Cost| {
        let values = ROWS.iter().map(|(_, value)| value(cost).chars().count());
        values.chain([cost.name.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = costs.iter().map(width).collect();
    let row = |heading: &str, values: &dyn Fn(&Cost) -> String| {
        let mut line = format!(" {heading:heading_width$}");
        for (cost, width) in costs.iter().zip(&widths) {
            line.push_str(&format!("   {:>width$}", values(cost)));
        }
        line
    };
    let head = row("", &|cost| cost.name.clone());
    let mut text = terminal.paint(Colour::Title, &head) + "\n";
    for (heading, value) in ROWS {
        text.push_str(&row(heading, &value));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_rates_computed() {
        let growing = Cost {
            name: "growing".to_owned(),
            hits: 1440,
            elapsed: Duration::from_millis(500),
            moves: 6,
            bytes_moved: 16 << 10,
            fields_skipped: 59_040,
            documents: 2,
            document_bytes: 1000,
            padding_bytes: 380,
            file_bytes: 16 << 20,
        };
        let nothing = Cost { name: "nothing at all".to_owned(), ..Cost::default() };
        let expected = "                               growing   nothing at all
 hits                            1,440                0
 hits per second                 2,880                0
 documents moved                     6                0
 bytes copied by moves        16.0 KiB              0 B
 fields skipped per hit           41.0              0.0
 documents                           2                0
 bytes of documents             1000 B              0 B
 padding                  380 B (38 %)        0 B (0 %)
 data files                   16.0 MiB              0 B
";
        assert_eq!(table(&[growing, nothing], &Terminal::PLAIN), expected);
    }
}

//! The columns of `tallymap stat`: where each figure is in `serverStatus`, and how it is shown.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::figures::number;
use crate::command::connect::Answer;

/// Two answers of `serverStatus`, one after the other.
#[derive(Debug)]
pub struct Interval<'a> {
    before: &'a Answer,
    now: &'a Answer,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    figure: Figure,
}

/// What a column shows.
#[derive(Debug, Clone, Copy)]
enum Figure {
    /// Operations a second; one that was not done has a star, as in mongostat.
    Operations(&'static str),
    /// The same, beside those that come from another server.
    Commands,
    /// What happened, a second.
    Rate(&'static [&'static str]),
    /// What happened between the two answers.
    Count(&'static [&'static str]),
    /// Mebibytes.
    Memory(&'static str),
    /// Two figures of now.
    Pair(&'static str, &'static str),
    /// Bytes a second.
    Traffic(&'static str),
    /// A figure of now.
    Now(&'static str),
    /// Updates that were done in place, of all.
    InPlace,
    /// The time.
    Time,
}

const fn column(heading: &'static str, figure: Figure) -> Column {
    Column { heading, figure }
}

/// All of them, in mongostat's order; ours before the time.
pub const COLUMNS: [Column; 19] = [
    column("insert", Figure::Operations("opcounters.insert")),
    column("query", Figure::Operations("opcounters.query")),
    column("update", Figure::Operations("opcounters.update")),
    column("delete", Figure::Operations("opcounters.delete")),
    column("getmore", Figure::Rate(&["opcounters.getmore"])),
    column("command", Figure::Commands),
    column("flushes", Figure::Count(FLUSHES)),
    column("mapped", Figure::Memory("mem.mapped")),
    column("vsize", Figure::Memory("mem.virtual")),
    column("res", Figure::Memory("mem.resident")),
    column("faults", Figure::Rate(&["extra_info.page_faults"])),
    column(
        "qrw",
        Figure::Pair("globalLock.currentQueue.readers", "globalLock.currentQueue.writers"),
    ),
    column(
        "arw",
        Figure::Pair("globalLock.activeClients.readers", "globalLock.activeClients.writers"),
    ),
    column("net_in", Figure::Traffic("network.bytesIn")),
    column("net_out", Figure::Traffic("network.bytesOut")),
    column("conn", Figure::Now("connections.current")),
    column("moves", Figure::Rate(&["metrics.record.moves"])),
    column("inplace", Figure::InPlace),
    column("time", Figure::Time),
];

/// What a terminal that is too narrow for all of them does without, the first one first.
const DISPENSABLE: [&str; 10] =
    ["vsize", "getmore", "faults", "flushes", "qrw", "arw", "net_in", "net_out", "mapped", "conn"];

/// The columns that are shown in so many characters; all of them where there is no bound.
pub fn that_fit(characters: Option<usize>) -> Vec<Column> {
    let mut columns = COLUMNS.to_vec();
    let Some(characters) = characters else { return columns };
    for name in DISPENSABLE {
        let taken: usize = columns.iter().map(|column| column.width() + 1).sum();
        if taken <= characters + 1 {
            break;
        }
        columns.retain(|column| column.heading != name);
    }
    columns
}

/// Syncs of the data files, by the engines that there were.
const FLUSHES: &[&str] =
    &["backgroundFlushing.flushes", "wiredTiger.transaction.transaction checkpoints"];

impl<'a> Interval<'a> {
    /// From one answer to the next.
    pub fn new(before: &'a Answer, now: &'a Answer) -> Interval<'a> {
        Interval { before, now }
    }

    fn seconds(&self) -> f64 {
        // Answers that come at once are as good as a millisecond apart.
        self.now.at.duration_since(self.before.at).as_secs_f64().max(0.001)
    }

    fn now(&self, path: &str) -> Option<f64> {
        number(&self.now.document, path)
    }

    /// How much more it is now. Who was started anew counts from nothing.
    fn more(&self, path: &str) -> Option<f64> {
        let before = number(&self.before.document, path).unwrap_or(0.0);
        self.now(path).map(|now| if now < before { now } else { now - before })
    }

    fn rate(&self, path: &str) -> Option<f64> {
        self.more(path).map(|more| (more / self.seconds()).round())
    }

    /// When the server answered, milliseconds since 1970.
    fn time(&self) -> Timestamp {
        let told = self.now.document.get_datetime("localTime").ok();
        let told = told.and_then(|at| Timestamp::from_millisecond(at.timestamp_millis()).ok());
        told.unwrap_or_else(Timestamp::now)
    }
}

impl Column {
    /// Characters that most of its cells need.
    pub fn width(&self) -> usize {
        match self.figure {
            Figure::Memory(_) => self.heading.len().max(6),
            Figure::Traffic(_) => self.heading.len().max(6),
            Figure::Pair(..) => 5,
            Figure::Time => 19,
            _ => self.heading.len(),
        }
    }

    /// Its cell.
    pub fn show(&self, of: &Interval<'_>) -> String {
        let plain = |figure: Option<f64>| figure.map_or("-".to_owned(), |it| it.to_string());
        match self.figure {
            Figure::Operations(path) => match of.rate(path) {
                Some(0.0) => "*0".to_owned(),
                rate => plain(rate),
            },
            Figure::Commands => {
                let (own, others) =
                    (of.rate("opcounters.command"), of.rate("opcountersRepl.command"));
                format!("{}|{}", plain(own), others.unwrap_or(0.0))
            }
            Figure::Rate(paths) => plain(paths.iter().find_map(|path| of.rate(path))),
            Figure::Count(paths) => plain(paths.iter().find_map(|path| of.more(path))),
            Figure::Memory(path) => {
                of.now(path).map_or("-".to_owned(), |mib| size(mib * f64::from(1 << 20)))
            }
            Figure::Pair(one, other) => format!("{}|{}", plain(of.now(one)), plain(of.now(other))),
            Figure::Traffic(path) => of.rate(path).map_or("-".to_owned(), traffic),
            Figure::Now(path) => plain(of.now(path)),
            Figure::InPlace => in_place(of).map_or("-".to_owned(), |share| format!("{share:.0}%")),
            Figure::Time => of.time().strftime("%b %d %H:%M:%S.%3f").to_string(),
        }
    }

    /// Its value in JSON: a number where it is one.
    pub fn value(&self, of: &Interval<'_>) -> Value {
        let plain = |figure: Option<f64>| match figure {
            // Whole numbers without a point.
            Some(figure) if figure.fract() == 0.0 => json!(figure as i64),
            Some(figure) => json!(figure),
            None => Value::Null,
        };
        match self.figure {
            Figure::Operations(path) | Figure::Traffic(path) => plain(of.rate(path)),
            Figure::Commands => plain(of.rate("opcounters.command")),
            Figure::Rate(paths) => plain(paths.iter().find_map(|path| of.rate(path))),
            Figure::Count(paths) => plain(paths.iter().find_map(|path| of.more(path))),
            Figure::Memory(path) => plain(of.now(path).map(|mib| mib * f64::from(1 << 20))),
            Figure::Pair(..) => json!(self.show(of)),
            Figure::Now(path) => plain(of.now(path)),
            Figure::InPlace => plain(in_place(of)),
            Figure::Time => json!(of.time().to_string()),
        }
    }
}

/// The share of updates that were done in place, in hundredths.
fn in_place(of: &Interval<'_>) -> Option<f64> {
    let updates = of.more("opcounters.update").filter(|updates| *updates > 0.0)?;
    let in_place = of.more("tallymap.updates.inPlace")?;
    Some((100.0 * in_place / updates).min(100.0))
}

/// `80.0M`.
fn size(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["B", "K", "M", "G", "T"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{value}B")
            } else {
                format!("{value:.*}{unit}", digits(value))
            };
        }
        value /= 1024.0;
    }
    format!("{value:.0}P")
}

/// `79b`, `18.3k`: thousands, not 1024s.
fn traffic(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["b", "k", "m", "g"] {
        if value < 1000.0 {
            return if unit == "b" {
                format!("{value}b")
            } else {
                format!("{value:.*}{unit}", digits(value))
            };
        }
        value /= 1000.0;
    }
    format!("{value:.0}t")
}

/// Three digits are enough.
fn digits(value: f64) -> usize {
    match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn answers(before: RawDocumentBuf, now: RawDocumentBuf) -> (Answer, Answer) {
        let at = Instant::now();
        let later = at + Duration::from_secs(2);
        (Answer { at, document: before }, Answer { at: later, document: now })
    }

    fn cell(heading: &str, (before, now): &(Answer, Answer)) -> String {
        let column = COLUMNS.iter().find(|column| column.heading == heading).expect("a column");
        column.show(&Interval::new(before, now))
    }

    #[test]
    fn differences_a_second() {
        let before = rawdoc! {
            "opcounters": { "insert": 10, "update": 100_i64, "command": 5 },
            "tallymap": { "updates": { "inPlace": 0 } },
            "network": { "bytesIn": 0 },
            "backgroundFlushing": { "flushes": 3 },
        };
        let now = rawdoc! {
            "opcounters": { "insert": 10, "update": 2100_i64, "command": 9 },
            "tallymap": { "updates": { "inPlace": 1500 } },
            "network": { "bytesIn": 36_600 },
            "backgroundFlushing": { "flushes": 4 },
            "mem": { "resident": 80, "mapped": 2048 },
            "globalLock": { "currentQueue": { "readers": 1, "writers": 2 } },
        };
        let both = answers(before, now);
        for (heading, expected) in [
            ("insert", "*0"),
            ("update", "1000"),
            ("command", "2|0"),
            ("flushes", "1"),
            ("res", "80.0M"),
            ("mapped", "2.00G"),
            ("vsize", "-"),
            ("faults", "-"),
            ("qrw", "1|2"),
            ("arw", "-|-"),
            ("net_in", "18.3k"),
            ("inplace", "75%"),
        ] {
            assert_eq!(cell(heading, &both), expected, "{heading}");
        }
        let (before, now) = &both;
        let interval = Interval::new(before, now);
        assert_eq!(COLUMNS[2].value(&interval), json!(1000));
        assert_eq!(COLUMNS[8].value(&interval), Value::Null);
        let time = COLUMNS[COLUMNS.len() - 1];
        assert_eq!(time.width(), time.show(&interval).len());
    }

    #[test]
    fn a_server_that_was_started_anew_counts_from_nothing() {
        let before = rawdoc! { "opcounters": { "insert": 1000 } };
        let now = rawdoc! { "opcounters": { "insert": 4 } };
        assert_eq!(cell("insert", &answers(before, now)), "2");
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns() {
        let headings = |characters| -> Vec<_> {
            that_fit(characters).iter().map(|column| column.heading).collect()
        };
        let taken = |characters| -> usize {
            that_fit(Some(characters)).iter().map(|column| column.width() + 1).sum()
        };
        assert_eq!(headings(None).len(), COLUMNS.len());
        assert_eq!(headings(Some(400)).len(), COLUMNS.len());
        for characters in [80, 100, 120, 140] {
            assert!(taken(characters) <= characters + 1, "{characters}");
        }
        assert!(headings(Some(120)).contains(&"conn"));
        let least = ["insert", "query", "update", "delete", "command", "res", "moves", "inplace"];
        assert_eq!(headings(Some(20)), [&least[..], &["time"]].concat());
    }

    #[test]
    fn sizes() {
        let shown = [0.0, 1023.0, 1536.0, 1e6].map(size);
        assert_eq!(shown, ["0B", "1023B", "1.50K", "977K"]);
        assert_eq!([79.0, 18_310.0, 1e9].map(traffic), ["79b", "18.3k", "1.00g"]);
    }
}

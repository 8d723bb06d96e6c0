//! `tallymap top`: which collections a server spends its time on, as mongotop shows it.

use std::process::ExitCode;

use bson::{RawDocument, rawdoc};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::connect::{Answer, Asking, Connect, Rounds};
use crate::cli::EXIT_CODES;
use crate::client::figures::number;
use crate::error::CliError;
use crate::output::Output;

/// Show which collections a server spends its time on
///
/// Asks `top` again and again and prints, for each collection, the time that reads and writes
/// took since the line before, those with the most first. Works with mongod.
///
/// Examples:
///
///   tallymap top
///   tallymap top --port 27018 -n 3 5
///   tallymap top --json | jq .
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Top {
    #[command(flatten)]
    rounds: Rounds,
    #[command(flatten)]
    connect: Connect,
    /// Collections that are shown each time; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    rows: usize,
}

/// A collection's time and how often it was used, in an interval.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    ns: String,
    total: Usage,
    read: Usage,
    write: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Usage {
    us: f64,
    count: f64,
}

impl Top {
    /// Runs the command, until it has printed enough.
    ///
    /// # Errors
    /// If the server is not there at the beginning, or refuses.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let mut asking = Asking::begin(&self.connect, "tallymap top", &self.rounds)?;
        let question = rawdoc! { "top": 1, "$db": "admin" };
        let mut before: Option<Answer> = None;
        let mut rounds = 0;
        while self.rounds.rowcount == 0 || rounds < self.rounds.rowcount {
            let now = asking.ask(&question)?;
            if let (Some(before), Some(now)) = (&before, &now) {
                let rows = rows(&before.document, &now.document);
                let time = Timestamp::now();
                let mut output = Output::stdout();
                match self.rounds.json {
                    true => output.json(&to_json(&rows, time))?,
                    false => output.text(&to_text(&rows, time, self.rows))?,
                }
                output.finish()?;
                rounds += 1;
            }
            before = now;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What happened between two answers, the most time first.
fn rows(before: &RawDocument, now: &RawDocument) -> Vec<Row> {
    let totals = |answer: &RawDocument| answer.get_document("totals").ok().map(ToOwned::to_owned);
    let (before, now) = (totals(before).unwrap_or_default(), totals(now).unwrap_or_default());
    let mut rows = Vec::new();
    for (ns, value) in now.iter().filter_map(Result::ok) {
        let Some(now) = value.as_document() else { continue };
        let before = before.get_document(ns).ok();
        let usage = |lock: &str| {
            let more = |what: &str| {
                let path = format!("{lock}.{what}");
                let then = before.and_then(|before| number(before, &path)).unwrap_or(0.0);
                let now = number(now, &path).unwrap_or(0.0);
                if now < then { now } else { now - then }
            };
            Usage { us: more("time"), count: more("count") }
        };
        rows.push(Row {
            ns: ns.to_string(),
            total: usage("total"),
            read: usage("readLock"),
            write: usage("writeLock"),
        });
    }
    rows.sort_by(|a, b| b.total.us.total_cmp(&a.total.us).then_with(|| a.ns.cmp(&b.ns)));
    rows
}

fn to_text(rows: &[Row], time: Timestamp, rows_max: usize) -> String {
    let shown = if rows_max == 0 { rows.len() } else { rows_max.min(rows.len()) };
    let rows = &rows[..shown];
    let width = rows.iter().map(|row| row.ns.chars().count()).chain([20]).max().unwrap_or(0);
    let time = time.strftime("%Y-%m-%dT%H:%M:%SZ");
    let mut out =
        format!("{:>width$}  {:>8}  {:>8}  {:>8}  {time}\n", "ns", "total", "read", "write");
    for Row { ns, total, read, write } in rows {
        let [total, read, write] = [total, read, write].map(|it| milliseconds(it.us));
        out.push_str(&format!("{ns:>width$}  {total:>8}  {read:>8}  {write:>8}\n"));
    }
    out + "\n"
}

/// `12ms`; what is less than one is not nothing.
fn milliseconds(us: f64) -> String {
    match us {
        0.0 => "0ms".to_owned(),
        us if us < 1000.0 => format!("{us:.0}us"),
        us => format!("{:.0}ms", us / 1000.0),
    }
}

fn to_json(rows: &[Row], time: Timestamp) -> Value {
    let usage = |usage: Usage| json!({ "time": usage.us as i64, "count": usage.count as i64 });
    let totals: Map<_, _> = rows
        .iter()
        .map(|Row { ns, total, read, write }| {
            let row =
                json!({ "total": usage(*total), "read": usage(*read), "write": usage(*write) });
            (ns.clone(), row)
        })
        .collect();
    json!({ "totals": totals, "time": time.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_sorted_by_time() {
        let before = rawdoc! { "totals": {
            "note": "all times in microseconds",
            "d.a": {
                "total": { "time": 100, "count": 1 },
                "readLock": { "time": 100, "count": 1 },
            },
        } };
        let now = rawdoc! { "totals": {
            "note": "all times in microseconds",
            "d.a": {
                "total": { "time": 700, "count": 4 },
                "readLock": { "time": 700, "count": 4 },
            },
            "d.new": {
                "total": { "time": 2_500_000_i64, "count": 9 },
                "writeLock": { "time": 2_500_000_i64, "count": 9 },
            },
        } };
        let rows = rows(&before, &now);
        let time: Timestamp = "2010-10-10T13:55:36Z".parse().expect("a time");
        let expected = "                  ns     total      read     write  2010-10-10T13:55:36Z\n\
                        \x20              d.new    2500ms       0ms    2500ms\n\
                        \x20                d.a     600us     600us       0ms\n\n";
        assert_eq!(to_text(&rows, time, 10), expected);
        assert_eq!(to_text(&rows, time, 1).lines().count(), 3);
        let json = to_json(&rows, time);
        assert_eq!(json["totals"]["d.new"]["write"], json!({ "time": 2_500_000, "count": 9 }));
        assert_eq!(json["time"], "2010-10-10T13:55:36Z");
    }
}

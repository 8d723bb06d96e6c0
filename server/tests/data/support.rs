//! Logs made from a seed and counted independently, and the binary that reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The pages of the logs; one needs quoting, one more than one byte per letter.
pub const PAGES: [&str; 5] = ["/", "/a", "/b/c.html", "/it's%20here", "/größe"];
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:5.0) Gecko/20100101 Firefox/5.0";

/// Hits by page, day of October 2010, hour and minute.
pub type Counts = BTreeMap<(&'static str, u32, u32, u32), u64>;

/// A log, and what is in it.
pub struct Log {
    pub text: String,
    pub counts: Counts,
    pub hits: u64,
    pub malformed: u64,
}

/// A log of `lines` lines in a zone far from UTC, some malformed, some without a page.
pub fn make_log(seed: u64, lines: u32) -> Log {
    let mut random = oorandom::Rand64::new(u128::from(seed));
    let mut log = Log { text: String::new(), counts: Counts::new(), hits: 0, malformed: 0 };
    for _ in 0..lines {
        let mut pick = |bound: u64| random.rand_range(0..bound);
        let (page, day) = (PAGES[pick(5) as usize], 30 + pick(2) as u32);
        let (hour, minute, second) = (pick(24) as u32, pick(60) as u32, pick(60));
        let query = ["", "?x=1", "?"][pick(3) as usize];
        let time = format!("{day}/Oct/2010:{hour:02}:{minute:02}:{second:02} +1130");
        match pick(20) {
            0 => {
                log.malformed += 1;
                writeln!(log.text, "10.0.0.1 - - [{time}] \"GET {page} HTTP/1.1\" two 5")
            }
            1 => writeln!(log.text, "10.0.0.1 - - [{time}] \"-\" 408 -"),
            _ => {
                log.hits += 1;
                *log.counts.entry((page, day, hour, minute)).or_default() += 1;
                writeln!(
                    log.text,
                    "10.0.0.1 - bob [{time}] \"GET {page}{query} HTTP/1.1\" 200 5 \"-\" \"{AGENT}\""
                )
            }
        }
        .expect("a String takes all");
    }
    log
}

/// A directory that is removed at the end, and paths in it.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A data directory into which `log` was counted.
    pub fn ingested(&self, log: &Log) -> PathBuf {
        let (dbpath, file) = (self.path("data"), self.path("a.log"));
        std::fs::write(&file, &log.text).expect("written");
        success(&["ingest", "--dbpath", text(&dbpath), text(&file)]);
        dbpath
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymap"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary runs")
}

/// Runs it with `input` on its standard input.
pub fn run_with(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("it reads all");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Runs it, and gives what it writes on standard output.
pub fn success(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The documents of a collection, each with its place.
pub fn dump_of(dbpath: &Path, database: &str, collection: &str) -> Vec<Value> {
    let line = ["dump", "--dbpath", text(dbpath), "--db", database, "--collection", collection];
    let dumped = success(&[&line[..], &["--locations"]].concat());
    dumped.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The documents of a collection of `stats`, into which logs are counted.
pub fn dump(dbpath: &Path, collection: &str) -> Vec<Value> {
    dump_of(dbpath, "stats", collection)
}

/// The number in canonical extended JSON.
pub fn number(value: &Value) -> u64 {
    let text = value["$numberInt"].as_str().or(value["$numberLong"].as_str());
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

/// The daily documents of `database` hold the hits of `counts`, each `times`, and no others.
pub fn assert_counted(dbpath: &Path, database: &str, counts: &Counts, times: u64) {
    let found = counted(&dump_of(dbpath, database, "daily"));
    let expected = expected(counts, times);
    let differs = |minute: &&_| found.get(minute) != expected.get(minute);
    let wrong = found.keys().chain(expected.keys()).find(differs);
    let counts = wrong.map(|minute| (minute, found.get(minute), expected.get(minute)));
    assert_eq!(counts, None, "minute, found, expected");
}

/// The counters of all minutes above zero, in daily documents of October 2010.
pub fn counted(documents: &[Value]) -> BTreeMap<(String, u32, u32, u32), u64> {
    let mut counts = BTreeMap::new();
    for document in documents.iter().map(|located| &located["doc"]) {
        let page = document["metadata"]["page"].as_str().expect("a page").to_owned();
        let id = document["_id"].as_str().expect("a string");
        let day = id.strip_prefix("201010").expect("October 2010")[..2].parse().expect("a day");
        for (hour, minutes) in document["minute"].as_object().expect("minutes") {
            for (minute, count) in minutes.as_object().expect("an hour of minutes") {
                let key = (page.clone(), day, ordinal(hour), ordinal(minute));
                if number(count) > 0 {
                    counts.insert(key, number(count));
                }
            }
        }
    }
    counts
}

fn ordinal(name: &str) -> u32 {
    name.parse().expect("a number")
}

/// `counts` as [`counted`] gives them, each `times` as many.
pub fn expected(counts: &Counts, times: u64) -> BTreeMap<(String, u32, u32, u32), u64> {
    let owned = |(&(page, day, hour, minute), &count): (&(&str, u32, u32, u32), &u64)| {
        ((page.to_owned(), day, hour, minute), count * times)
    };
    counts.iter().map(owned).collect()
}

/// Every file below `folder`, with its bytes.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("readable");
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// Overwrites bytes of a file.
pub fn damage(file: &Path, ofs: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(file).expect("is there");
    file.write_all_at(bytes, ofs).expect("written");
}

/// The offset of a document's record, which is in the first data file.
pub fn ofs(located: &Value) -> u64 {
    let loc = located["loc"].as_str().expect("a place");
    u64::from_str_radix(loc.strip_prefix("0:").expect("in file 0"), 16).expect("hexadecimal")
}

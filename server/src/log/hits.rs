//! From a log to hits: every request for a path counts, the rest is said.
//!
//! H1: lines = hits + malformed + without a page + empty. Each line is in exactly one of these.

use std::fmt;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::reader::{LogReader, Sample};
use super::time::LogTime;
use crate::error::CliError;
use crate::numbers::grouped;

/// One request that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHit<'a> {
    /// When it came; the log's zone decides the minute.
    pub time: LogTime,
    /// Its page.
    pub page: &'a str,
    /// The `User-Agent` header; `None` in the common format, or if the client sent none.
    pub user_agent: Option<&'a [u8]>,
}

/// What was in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTotals {
    /// The log.
    pub file: PathBuf,
    /// Its lines.
    pub lines: u64,
    /// Requests that counted.
    pub hits: u64,
    /// Lines that are none of the format.
    pub malformed: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
    /// Requests that name no page: cut off by the client, or `CONNECT`.
    pub without_page: u64,
}

/// Reads `input`, the log `file`, to its end, and hands each hit on. `progress` learns how many
/// bytes are read.
///
/// # Errors
/// Those of the input, and of `on_hit`, which end the reading.
pub fn each_hit<R: BufRead>(
    file: &Path,
    input: R,
    mut progress: impl FnMut(u64),
    mut on_hit: impl FnMut(&LogHit<'_>) -> Result<(), CliError>,
) -> Result<LogTotals, CliError> {
    let mut reader = LogReader::new(input);
    let (mut hits, mut without_page) = (0, 0);
    while let Some(entry) = reader.next_entry().map_err(CliError::file(file))? {
        match entry.request.and_then(|request| request.page()) {
            None => without_page += 1,
            Some(page) => {
                hits += 1;
                let user_agent = entry.user_agent.as_deref();
                on_hit(&LogHit { time: entry.time, page: &page, user_agent })?;
            }
        }
        if reader.lines().is_multiple_of(1024) {
            progress(reader.bytes());
        }
    }
    progress(reader.bytes());
    Ok(LogTotals {
        file: file.to_owned(),
        lines: reader.lines(),
        hits,
        malformed: reader.malformed(),
        samples: reader.samples().to_vec(),
        without_page,
    })
}

impl fmt::Display for LogTotals {
    /// A line, and more if there was anything wrong; each ends with a line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.file {
            file if file == Path::new("-") => "standard input".to_owned(),
            file => file.display().to_string(),
        };
        writeln!(f, "{name}: {} lines, {} hits", grouped(self.lines), grouped(self.hits))?;
        if self.without_page > 0 {
            writeln!(f, "  {} requests name no page: not counted", grouped(self.without_page))?;
        }
        if self.malformed > 0 {
            writeln!(f, "  {} malformed: not counted", grouped(self.malformed))?;
        }
        for Sample { line, problem, text } in &self.samples {
            writeln!(f, "    line {line}, {problem}\n      {text}")?;
        }
        let unseen = self.malformed - self.samples.len() as u64;
        if unseen > 0 {
            writeln!(f, "    and {} more", grouped(unseen))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"h - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 200 1 "-" "x"
h - - [10/Oct/2000:13:55:37 -0700] "-" 408 -

nonsense
h - - [10/Oct/2000:13:56:00 -0700] "POST /a HTTP/1.1" 404 1
"#;

    #[test]
    fn every_line_is_in_one_of_the_totals() {
        let (mut seen, mut bytes) = (vec![], 0);
        let on_hit = |hit: &LogHit<'_>| {
            seen.push((hit.time.local.minute, hit.page.to_owned(), hit.user_agent.is_some()));
            Ok(())
        };
        let totals = each_hit(Path::new("a.log"), LOG.as_bytes(), |read| bytes = read, on_hit);
        let totals = totals.expect("no I/O");
        assert_eq!(seen, [(55, "/a".to_owned(), true), (56, "/a".to_owned(), false)]);
        assert_eq!(bytes, LOG.len() as u64);
        let LogTotals { lines, hits, malformed, without_page, .. } = totals;
        assert_eq!((lines, hits, malformed, without_page), (5, 2, 1, 1), "and one is empty");
        let expected = "\
a.log: 5 lines, 2 hits
  1 requests name no page: not counted
  1 malformed: not counted
    line 4, column 9: expected a space after the host
      nonsense
";
        assert_eq!(totals.to_string(), expected);
    }

    #[test]
    fn a_refused_hit_ends_the_reading() {
        let refuse = |_: &LogHit<'_>| Err(CliError::Usage("no".to_owned()));
        let ended = each_hit(Path::new("-"), LOG.as_bytes(), |_| {}, refuse);
        assert!(matches!(ended, Err(CliError::Usage(_))));
    }

    #[test]
    fn more_malformed_lines_than_samples() {
        let log = "x\n".repeat(1000);
        let totals = each_hit(Path::new("-"), log.as_bytes(), |_| {}, |_| Ok(())).expect("no I/O");
        let text = totals.to_string();
        assert!(text.starts_with("standard input: 1,000 lines, 0 hits\n"), "{text}");
        assert!(text.ends_with("    and 995 more\n"), "{text}");
    }
}

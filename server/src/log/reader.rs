//! Lines of one log, one after the other, in one buffer; bad lines are counted, not fatal.
//!
//! R1: a line longer than [`LINE_LEN_MAX`] is skipped without being held in memory. R2: of the
//! malformed lines the first [`SAMPLES_MAX`] are kept, cut short, for the report. R3: empty lines
//! are neither entries nor malformed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, stdin};
use std::path::Path;

use super::combined::{Entry, parse_line};
use super::cursor::Malformed;

/// Longest line that is read, bytes. Servers bound a request line at 8 KiB by default.
pub const LINE_LEN_MAX: usize = 64 * 1024;
/// Most malformed lines that are kept.
pub const SAMPLES_MAX: usize = 5;
/// Bytes of a malformed line that are kept.
const SAMPLE_LEN_MAX: usize = 120;

/// A malformed line, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: Malformed,
    /// How it begins. Control characters and bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// Opens a log: a file, or standard input for `-`.
///
/// # Errors
/// As [`File::open`].
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    match path {
        path if path == Path::new("-") => Ok(Box::new(stdin().lock())),
        path => Ok(Box::new(BufReader::with_capacity(1 << 18, File::open(path)?))),
    }
}

/// Reads a log, line by line.
#[derive(Debug)]
pub struct LogReader<R> {
    input: R,
    line: Vec<u8>,
    lines: u64,
    bytes: u64,
    malformed: u64,
    samples: Vec<Sample>,
}

impl<R: BufRead> LogReader<R> {
    /// Reads from `input`, from where it stands.
    pub fn new(input: R) -> LogReader<R> {
        LogReader { input, line: Vec::new(), lines: 0, bytes: 0, malformed: 0, samples: vec![] }
    }

    /// The next well-formed line; `None` at the end. Malformed lines on the way are counted.
    ///
    /// # Errors
    /// Those of the input.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry<'_>>> {
        // The answer borrows the buffer, which the next turn of a loop would write; so lines are
        // judged first, and the good one is parsed again outside of the loop's borrow.
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            match self.judge() {
                Ok(true) => break,
                Ok(false) => {}
                Err(problem) => self.note(problem),
            }
        }
        Ok(parse_line(&self.line).ok())
    }

    /// Lines read so far, of any kind.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Malformed lines so far.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// The first malformed lines.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Is the line in the buffer an entry? An empty one is not.
    fn judge(&self) -> Result<bool, Malformed> {
        match self.line.as_slice() {
            b"" | b"\r" => Ok(false),
            line if line.len() > LINE_LEN_MAX => {
                Err(Malformed { column: LINE_LEN_MAX + 1, expected: "a line of at most 64 KiB" })
            }
            line => parse_line(line).map(|_| true),
        }
    }

    /// Reads a line into the buffer, at most one byte more than the limit of it, without its line
    /// feed. False: there is none.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let limit = LINE_LEN_MAX as u64 + 1;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(false);
        }
        self.lines += 1;
        self.bytes += read as u64;
        if self.line.pop_if(|last| *last == b'\n').is_none() && self.line.len() > LINE_LEN_MAX {
            self.bytes += self.input.skip_until(b'\n')? as u64;
        }
        Ok(true)
    }

    fn note(&mut self, problem: Malformed) {
        self.malformed += 1;
        if self.samples.len() == SAMPLES_MAX {
            return;
        }
        let kept = &self.line[..self.line.len().min(SAMPLE_LEN_MAX)];
        let text = String::from_utf8_lossy(kept).replace(char::is_control, "\u{fffd}");
        self.samples.push(Sample { line: self.lines, problem, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"h - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200 1"#;

    fn statuses<R: BufRead>(reader: &mut LogReader<R>) -> Vec<u16> {
        let mut statuses = vec![];
        while let Some(entry) = reader.next_entry().expect("no I/O") {
            statuses.push(entry.status);
        }
        statuses
    }

    #[test]
    fn good_bad_and_empty_lines_are_told_apart() {
        let log = format!("{GOOD}\n\nnonsense\r\n\r\n{GOOD}\r\n\x1b[31m\n{GOOD}");
        let mut reader = LogReader::new(log.as_bytes());
        assert_eq!(statuses(&mut reader), [200, 200, 200]);
        assert_eq!((reader.lines(), reader.malformed()), (7, 2));
        assert_eq!(reader.bytes(), log.len() as u64);
        let [first, second] = reader.samples() else { panic!("two samples") };
        assert_eq!((first.line, first.problem.column), (3, 9));
        assert_eq!((second.line, second.text.as_str()), (6, "\u{fffd}[31m"));
    }

    #[test]
    fn a_long_line_is_skipped_whole() {
        let fill = |len: usize| format!("{GOOD} \"-\" \"{}\"", "x".repeat(len));
        let spare = LINE_LEN_MAX - fill(0).len();
        let log = format!("{}\n{}\n{}", fill(spare), fill(spare + 1), fill(3 * LINE_LEN_MAX));
        let mut reader = LogReader::new(BufReader::with_capacity(100, log.as_bytes()));
        assert_eq!(statuses(&mut reader), [200], "the longest line that is read");
        assert_eq!((reader.lines(), reader.malformed()), (3, 2));
        assert_eq!(reader.bytes(), log.len() as u64);
        assert!(reader.line.capacity() <= 2 * (LINE_LEN_MAX + 1));
        assert_eq!(reader.samples()[1].line, 3);
    }

    #[test]
    fn samples_are_few_and_short() {
        let log = format!("{}\n", "\u{e4}".repeat(500)).repeat(20);
        let mut reader = LogReader::new(log.as_bytes());
        assert!(statuses(&mut reader).is_empty());
        assert_eq!((reader.malformed(), reader.samples().len()), (20, SAMPLES_MAX));
        assert!(reader.samples().iter().all(|sample| sample.text.chars().count() <= 120));
    }
}

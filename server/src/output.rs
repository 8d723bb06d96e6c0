//! Standard output, buffered; errors of writing it become [`CliError::Output`]. Standard error,
//! where nobody has to listen.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde_json::Value;

use crate::error::CliError;

/// Says something on standard error; nobody has to listen.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Where a command writes what was asked for. [`Output::finish`] must end it: what is still in the
/// buffer when it is dropped is written without anybody learning of a failure.
#[derive(Debug)]
pub struct Output<W: Write> {
    to: BufWriter<W>,
}

impl Output<StdoutLock<'static>> {
    /// This process's standard output, locked.
    pub fn stdout() -> Output<StdoutLock<'static>> {
        Output::new(io::stdout().lock())
    }
}

impl<W: Write> Output<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Output<W> {
        Output { to: BufWriter::with_capacity(1 << 16, to) }
    }

    /// Writes `text` as it is.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.bytes(text.as_bytes())
    }

    /// Writes `line` and a line feed.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn line(&mut self, line: &str) -> Result<(), CliError> {
        self.text(line)?;
        self.text("\n")
    }

    /// Writes `value` on a line of its own.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn json(&mut self, value: &Value) -> Result<(), CliError> {
        self.line(&value.to_string())
    }

    /// Writes `bytes` as they are.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.to.write_all(bytes).map_err(CliError::Output)
    }

    /// Writes what is left in the buffer.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn finish(mut self) -> Result<(), CliError> {
        self.to.flush().map_err(CliError::Output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_in_order_when_finished() {
        let mut written = vec![];
        let mut output = Output::new(&mut written);
        output.line("a").expect("room");
        output.json(&serde_json::json!({"b": 1})).expect("room");
        output.bytes(&[0xff]).expect("room");
        output.finish().expect("room");
        assert_eq!(written, b"a\n{\"b\":1}\n\xff");
    }

    #[test]
    fn a_reader_that_left_is_told_apart() {
        let mut output = Output::new(Closed);
        output.line("kept in the buffer").expect("buffered");
        let error = output.finish().expect_err("closed");
        assert!(error.is_closed_output());
        assert_eq!(error.code(), 0);
    }
}

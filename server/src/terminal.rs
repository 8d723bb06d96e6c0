//! What standard output can show: its width, and whether colour is welcome.
//!
//! `COLUMNS` outranks the terminal; `NO_COLOR`, and `TERM=dumb`, forbid colour. Into a pipe or a
//! file nothing but plain text goes.

use std::env;
use std::io::{self, IsTerminal};

/// Width where none is known, columns.
pub const WIDTH_DEFAULT: usize = 80;
/// Widths outside of this range are moved into it.
const WIDTH_RANGE: (usize, usize) = (20, 400);

/// Where a picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    /// May escape sequences for colour be written?
    pub colour: bool,
}

/// What the surroundings say; [`Terminal::decide`] weighs it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Is standard output a terminal?
    pub is_terminal: bool,
    /// Its width, if it says.
    pub measured: Option<usize>,
    /// The variable `COLUMNS`.
    pub columns: Option<String>,
    /// The variable `NO_COLOR`.
    pub no_color: Option<String>,
    /// The variable `TERM`.
    pub term: Option<String>,
}

impl Terminal {
    /// A plain one of the default width, as a file is.
    pub const PLAIN: Terminal = Terminal { width: WIDTH_DEFAULT, colour: false };

    /// Of this process's standard output.
    pub fn of_stdout() -> Terminal {
        let size = terminal_size::terminal_size_of(io::stdout());
        Terminal::decide(&Surroundings {
            is_terminal: io::stdout().is_terminal(),
            measured: size.map(|(width, _)| usize::from(width.0)),
            columns: env::var("COLUMNS").ok(),
            no_color: env::var("NO_COLOR").ok(),
            term: env::var("TERM").ok(),
        })
    }

    /// Weighs what the surroundings say.
    pub fn decide(around: &Surroundings) -> Terminal {
        let columns = around.columns.as_deref().and_then(|columns| columns.trim().parse().ok());
        let width = columns.or(around.measured).unwrap_or(WIDTH_DEFAULT);
        let forbidden = around.no_color.as_deref().is_some_and(|value| !value.is_empty());
        let dumb = around.term.as_deref() == Some("dumb");
        Terminal {
            width: width.clamp(WIDTH_RANGE.0, WIDTH_RANGE.1),
            colour: around.is_terminal && !forbidden && !dumb,
        }
    }

    /// `text` in `colour`, or as it is where colour is not welcome.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        match (self.colour, colour) {
            (false, _) => text.to_owned(),
            (true, Colour::Bar) => format!("\x1b[36m{text}\x1b[0m"),
            (true, Colour::Peak) => format!("\x1b[1;33m{text}\x1b[0m"),
            (true, Colour::Axis) => format!("\x1b[2m{text}\x1b[0m"),
            (true, Colour::Title) => format!("\x1b[1m{text}\x1b[0m"),
            (true, Colour::Bad) => format!("\x1b[1;31m{text}\x1b[0m"),
        }
    }
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A bar of a chart.
    Bar,
    /// The highest bar.
    Peak,
    /// Axes and their labels.
    Axis,
    /// A heading.
    Title,
    /// Something wrong.
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn columns_outranks_the_terminal() {
        let mut around = Surroundings { is_terminal: true, ..Surroundings::default() };
        assert_eq!(Terminal::decide(&around).width, 80);
        around.measured = Some(132);
        assert_eq!(Terminal::decide(&around).width, 132);
        around.columns = text("100");
        assert_eq!(Terminal::decide(&around).width, 100);
        around.columns = text("wide");
        assert_eq!(Terminal::decide(&around).width, 132);
        around.columns = text("1");
        assert_eq!(Terminal::decide(&around).width, 20);
    }

    #[test]
    fn colour_only_where_it_is_welcome() {
        let mut around = Surroundings { is_terminal: true, ..Surroundings::default() };
        assert!(Terminal::decide(&around).colour);
        around.no_color = text("");
        assert!(Terminal::decide(&around).colour, "an empty NO_COLOR says nothing");
        around.no_color = text("1");
        assert!(!Terminal::decide(&around).colour);
        around = Surroundings { is_terminal: true, term: text("dumb"), ..Surroundings::default() };
        assert!(!Terminal::decide(&around).colour);
        assert!(!Terminal::decide(&Surroundings::default()).colour, "into a pipe");
    }

    #[test]
    fn paint_adds_nothing_to_plain_text() {
        assert_eq!(Terminal::PLAIN.paint(Colour::Peak, "█"), "█");
        let coloured = Terminal { colour: true, ..Terminal::PLAIN };
        assert_eq!(coloured.paint(Colour::Axis, "0"), "\x1b[2m0\x1b[0m");
    }
}

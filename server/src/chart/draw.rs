//! A series as bars of block characters, with axes, total, peak and mean.
//!
//! D1: no line is wider than the terminal, titles excepted. D2: a count above zero shows, however
//! small. D3: where the terminal is too narrow for bars side by side, they lie one below the other.

use std::fmt::Write as _;

use super::series::Series;
use crate::numbers::grouped;
use crate::terminal::{Colour, Terminal};

/// Rows of a chart with upright bars.
const ROWS: usize = 8;
/// Widest cell of a bar, its gap included, columns.
const CELL_MAX: usize = 4;
/// An upright bar's last character, by eighths.
const UPRIGHT: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// A lying bar's last character, by eighths.
const LYING: [&str; 9] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

/// Draws `series` for `terminal`. Every line ends with a line feed.
pub fn draw(series: &Series, terminal: &Terminal) -> String {
    let period = series.period();
    let title = format!("{} {}", series.site(), series.page());
    let mut text = format!(
        "{}  {period}, hits by {}\n\n",
        terminal.paint(Colour::Title, &title),
        period.unit()
    );
    let top = axis_top(series.hits().iter().copied().max().unwrap_or(0));
    let label_width = grouped(top).len();
    let room = terminal.width.saturating_sub(label_width + 4);
    match (room / period.units()).min(CELL_MAX) {
        0 => draw_lying(&mut text, series, terminal),
        cell => draw_upright(&mut text, series, terminal, &Frame { top, label_width, cell }),
    }
    text.push('\n');
    text.push_str(&summary(series));
    text
}

/// How upright bars are laid out.
struct Frame {
    /// The count at the top of the axis.
    top: u64,
    /// Columns of the axis's labels.
    label_width: usize,
    /// Columns of a bar with its gap.
    cell: usize,
}

impl Frame {
    /// Columns of a bar itself.
    fn bar_width(&self) -> usize {
        self.cell.saturating_sub(1).max(1)
    }

    /// The start of a row: the label, right-aligned, and the axis.
    fn margin(&self, terminal: &Terminal, label: &str, axis: char) -> String {
        let margin = format!(" {label:>width$} {axis}", width = self.label_width);
        terminal.paint(Colour::Axis, &margin)
    }
}

fn draw_upright(text: &mut String, series: &Series, terminal: &Terminal, frame: &Frame) {
    let peak = series.peak();
    let eighths: Vec<usize> =
        series.hits().iter().map(|hits| scaled(*hits, frame.top, ROWS * 8)).collect();
    // A row more than bars can fill, if the highest fills them all, for the mark above it.
    let rows = match peak {
        Some(peak) if eighths[peak] > (ROWS - 1) * 8 => ROWS + 1,
        _ => ROWS,
    };
    for row in (0..rows).rev() {
        let (label, axis) = match row {
            ROWS => (String::new(), ' '),
            row if row == ROWS - 1 => (grouped(frame.top), '┤'),
            row if row == ROWS / 2 - 1 && frame.top.is_multiple_of(2) => {
                (grouped(frame.top / 2), '┤')
            }
            _ => (String::new(), '│'),
        };
        let mut line = frame.margin(terminal, &label, axis);
        for (index, eighths) in eighths.iter().enumerate() {
            let is_peak = peak == Some(index);
            let marked = is_peak && eighths.div_ceil(8) == row;
            let block =
                if marked { "▼" } else { UPRIGHT[eighths.saturating_sub(row * 8).min(8)] };
            let cell = match block {
                " " => " ".repeat(frame.bar_width()),
                "▼" => format!("{block:^width$}", width = frame.bar_width()),
                _ => block.repeat(frame.bar_width()),
            };
            let colour = if is_peak { Colour::Peak } else { Colour::Bar };
            match block {
                " " => line.push_str(&cell),
                _ => line.push_str(&terminal.paint(colour, &cell)),
            }
            line.push_str(&" ".repeat(frame.cell - frame.bar_width()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let width = frame.cell * series.hits().len();
    text.push_str(&frame.margin(terminal, "0", '┼'));
    text.push_str(&terminal.paint(Colour::Axis, &"─".repeat(width)));
    text.push('\n');
    text.push_str(&terminal.paint(Colour::Axis, &axis_labels(series, frame)));
    text.push('\n');
}

/// The line of labels below the axis: the first unit, and every unit on a step that has room.
fn axis_labels(series: &Series, frame: &Frame) -> String {
    let period = series.period();
    let mut line = " ".repeat(frame.label_width + 3);
    let margin = line.len();
    for index in 0..period.units() {
        let number = index + period.first();
        let at = margin + index * frame.cell;
        let due = index == 0 || number.is_multiple_of(period.label_step());
        if due && (index == 0 || line.len() < at) {
            line.push_str(&" ".repeat(at - line.len()));
            line.push_str(&number.to_string());
        }
    }
    line
}

fn draw_lying(text: &mut String, series: &Series, terminal: &Terminal) {
    let highest = series.hits().iter().copied().max().unwrap_or(0);
    let count_width = grouped(highest).len();
    let room = terminal.width.saturating_sub(count_width + 6).max(1);
    for (index, hits) in series.hits().iter().enumerate() {
        let eighths = scaled(*hits, highest.max(1), room * 8);
        let bar = UPRIGHT[8].repeat(eighths / 8) + LYING[eighths % 8];
        let is_peak = series.peak() == Some(index);
        let colour = if is_peak { Colour::Peak } else { Colour::Bar };
        let bar = if bar.is_empty() { bar } else { terminal.paint(colour, &bar) };
        let number = index + series.period().first();
        let line = format!(" {number:>2} {:>count_width$} {bar}", grouped(*hits));
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn summary(series: &Series) -> String {
    let period = series.period();
    let mut text = format!(" total {}", grouped(series.total()));
    if let Some(peak) = series.peak() {
        let (hits, name) = (grouped(series.hits()[peak]), period.name_of(peak));
        let mean = series.total() as f64 / period.units() as f64;
        write!(text, "   peak {hits} at {name}   mean {mean:.1} per {}", period.unit())
            .expect("a String takes all");
    }
    text.push('\n');
    text
}

/// The least round number that is no less than `highest`: 1, 2, 4, 6, 8 or 10 times a power of ten.
fn axis_top(highest: u64) -> u64 {
    if highest <= 1 {
        return 1;
    }
    let power = 10_u64.pow(highest.ilog10());
    let round = [1, 2, 4, 6, 8, 10].into_iter().map(|times| power.saturating_mul(times));
    round.into_iter().find(|top| *top >= highest).unwrap_or(u64::MAX)
}

/// `hits` on a scale on which `top` is `full`; at least 1 if above zero (D2).
fn scaled(hits: u64, top: u64, full: usize) -> usize {
    let scaled = (hits as f64 / top as f64 * full as f64).round() as usize;
    scaled.clamp(usize::from(hits > 0), full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Period;
    use jiff::civil::date;

    fn day(hits: Vec<u64>) -> Series {
        Series::new("site-1", "/a", Period::Day(date(2010, 10, 10)), hits)
    }

    fn plain(width: usize) -> Terminal {
        Terminal { width, colour: false }
    }

    #[test]
    fn a_day_of_hours() {
        let hits = (0..24).map(|hour| hour * hour).collect();
        let expected = "\
site-1 /a  2010-10-10, hits by hour

 600 ┤                                                                     ▼
     │                                                                  ▄▄ ██
     │                                                            ▃▃ ▇▇ ██ ██
     │                                                      ▃▃ ▇▇ ██ ██ ██ ██
 300 ┤                                                ▃▃ ▇▇ ██ ██ ██ ██ ██ ██
     │                                       ▂▂ ▅▅ ██ ██ ██ ██ ██ ██ ██ ██ ██
     │                           ▁▁ ▃▃ ▅▅ ▇▇ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██
     │   ▁▁ ▁▁ ▁▁ ▂▂ ▃▃ ▄▄ ▅▅ ▇▇ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██ ██
   0 ┼────────────────────────────────────────────────────────────────────────
      0        3        6        9        12       15       18       21

 total 4,324   peak 529 at 23:00–23:59   mean 180.2 per hour
";
        assert_eq!(draw(&day(hits), &plain(80)), expected);
    }

    #[test]
    fn no_hits_no_peak() {
        let text = draw(&day(vec![]), &plain(80));
        assert!(text.ends_with("\n total 0\n"), "{text}");
        assert!(!text.contains('▼') && !text.contains('█'));
    }

    #[test]
    fn one_hit_among_a_million_shows() {
        let mut hits = vec![0; 24];
        (hits[3], hits[20]) = (1, 1_000_000);
        assert_eq!(draw(&day(hits), &plain(100)).matches("▁▁").count(), 1);
    }

    #[test]
    fn every_width_holds_its_lines() {
        let date = date(2010, 10, 10);
        for period in [Period::Day(date), Period::Hour(date, 3), Period::Month(date)] {
            for width in 20..140 {
                for top in [0, 1, 999, 123_456_789] {
                    let hits = (0..period.units() as u64).map(|unit| top * unit / 60).collect();
                    let text = draw(&Series::new("s", "/", period, hits), &plain(width));
                    let lines = text.lines().skip(2).filter(|line| !line.starts_with(" total"));
                    let widest = lines.map(|line| line.chars().count()).max();
                    assert!(widest <= Some(width), "{width} {top}\n{text}");
                }
            }
        }
    }

    #[test]
    fn too_narrow_for_upright_bars() {
        let mut hits = vec![0; 60];
        (hits[0], hits[1], hits[59]) = (80, 40, 1);
        let minutes = Series::new("s", "/", Period::Hour(date(2010, 10, 10), 7), hits);
        let text = draw(&minutes, &plain(28));
        let line = |number: usize| text.lines().nth(number + 2);
        assert_eq!(line(0), Some("  0 80 ████████████████████"));
        assert_eq!(line(1), Some("  1 40 ██████████"));
        assert_eq!(line(2), Some("  2  0"));
        assert_eq!(line(59), Some(" 59  1 ▎"));
    }

    #[test]
    fn tops_are_round_and_high_enough() {
        for highest in (0..5000).chain([u64::MAX - 1, u64::MAX]) {
            let top = axis_top(highest);
            assert!(top >= highest && top >= 1, "{highest}");
            assert!(highest < 2 || top / 2 <= highest, "{highest} → {top} wastes half");
        }
        assert_eq!((axis_top(529), axis_top(1000), axis_top(1001)), (600, 1000, 2000));
    }

    #[test]
    fn colour_marks_the_peak() {
        let text = draw(&day(vec![1, 2]), &Terminal { width: 80, colour: true });
        assert!(text.contains("\x1b[1;33m"));
        assert!(!draw(&day(vec![1, 2]), &plain(80)).contains('\x1b'));
    }
}

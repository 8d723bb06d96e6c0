//! Tables of text: columns as wide as their widest cell, headings above.

use crate::terminal::{Colour, Terminal};

/// A table that is being filled. Cells may hold escape sequences for colour only in the last
/// column, which nothing is aligned with.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// A column: its heading, and where its cells stand.
#[derive(Debug, Clone)]
pub struct Column {
    heading: &'static str,
    is_left: bool,
}

impl Column {
    /// A column of names.
    pub fn left(heading: &'static str) -> Column {
        Column { heading, is_left: true }
    }

    /// A column of numbers.
    pub fn right(heading: &'static str) -> Column {
        Column { heading, is_left: false }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl Into<Vec<Column>>) -> Table {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The table as text. Every line ends with a line feed.
    pub fn draw(&self, terminal: &Terminal) -> String {
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let widths = cells.map(|cell| cell.chars().count());
            widths.chain([self.columns[at].heading.len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, column), &width) in cells.zip(&self.columns).zip(&widths) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                match column.is_left {
                    true => line.push_str(&format!("{cell:<width$}")),
                    false => line.push_str(&format!("{cell:>width$}")),
                }
            }
            line.trim_end().to_owned()
        };
        let head = line(&mut self.columns.iter().map(|column| column.heading));
        let mut text = terminal.paint(Colour::Title, &head) + "\n";
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(String::as_str)));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let columns = [Column::left("name"), Column::right("count"), Column::left("")];
        let mut table = Table::new(columns);
        table.row(vec!["a.b".to_owned(), "1,000,000".to_owned(), "fine".to_owned()]);
        table.row(vec!["längstes".to_owned(), "7".to_owned(), String::new()]);
        let expected = "name          count\na.b       1,000,000  fine\nlängstes          7\n";
        assert_eq!(table.draw(&Terminal::PLAIN), expected);
    }
}

//! Hits held in memory, to be counted more than once: 12 bytes each, pages held once.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::log::LocalMinute;

/// Hits in the order they came.
#[derive(Debug, Default)]
pub struct RecordedHits {
    hits: Vec<(LocalMinute, u32)>,
    pages: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl RecordedHits {
    /// Adds a hit on `page`.
    pub fn push(&mut self, at: LocalMinute, page: &str) {
        let number = match self.numbers.get(page) {
            Some(number) => *number,
            None => {
                let number = self.pages.len() as u32;
                self.pages.push(page.to_owned());
                self.numbers.insert(page.to_owned(), number);
                number
            }
        };
        self.hits.push((at, number));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// How many pages they are on.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The hits: when, and on which page.
    pub fn iter(&self) -> impl Iterator<Item = (LocalMinute, &str)> {
        self.hits.iter().map(|(at, page)| (*at, self.pages[*page as usize].as_str()))
    }

    /// The day and page with the most hits: the earliest day, and the page met first, of equals.
    pub fn busiest(&self) -> Option<(Date, &str)> {
        let mut counts: HashMap<(Date, u32), u64> = HashMap::new();
        for (at, page) in &self.hits {
            let date = Date::new(at.year, at.month as i8, at.day as i8).ok()?;
            *counts.entry((date, *page)).or_default() += 1;
        }
        let most = counts.iter().max_by_key(|((date, page), count)| {
            (**count, std::cmp::Reverse(*date), std::cmp::Reverse(*page))
        });
        most.map(|((date, page), _)| (*date, self.pages[*page as usize].as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_busiest_page_of_the_busiest_day() {
        let at = |day| LocalMinute { year: 2010, month: 10, day, hour: 1, minute: 2 };
        let mut hits = RecordedHits::default();
        assert_eq!(hits.busiest(), None);
        for (day, page) in [(1, "/a"), (2, "/b"), (1, "/b"), (2, "/b"), (2, "/a")] {
            hits.push(at(day), page);
        }
        assert_eq!((hits.len(), hits.pages()), (5, 2));
        assert_eq!(hits.iter().nth(2), Some((at(1), "/b")));
        assert_eq!(hits.busiest(), Some((date(2010, 10, 2), "/b")));
    }
}

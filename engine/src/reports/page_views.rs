//! Hits per minute, hour, day and month of every page of every site.
//!
//! ```text
//! daily    { _id: "20001010/site-1/apache_pb.gif", metadata: { date, site, page },
//!            hourly: { "0": n … "23": n }, minute: { "0": { "0": n … "59": n } … "23": … } }
//! monthly  { _id: "200010/site-1/apache_pb.gif", metadata: { date, site, page },
//!            daily: { "1": n … "31": n } }
//!
//! The date of a monthly document is the first of its month.
//! ```

use std::ops::Range;

use bson::{RawBsonRef, RawDocument, RawDocumentBuf, rawdoc};

use super::calendar::{Day, Minute};
use super::counts::{add, add_all, each_numbered, sub_document};
use super::page_views_builder::{Growth, MinuteLayout, PageViewsBuilder, zeroed_day};
use super::series::Series;
use crate::bson::field_path::FieldPath;
use crate::collection::{Collection, UpdateReport};
use crate::engine::Engine;
use crate::error::{Error, Reason, Result};
use crate::update::template;

/// Longest range that a series covers, spans. Bounds what one call allocates.
const SPANS_MAX: i64 = 10_000_000;

/// What one hit cost in each of its two documents.
#[derive(Debug, Clone, PartialEq)]
pub struct HitReport {
    /// The document of the page's day.
    pub daily: UpdateReport,
    /// The document of the page's month.
    pub monthly: UpdateReport,
}

/// Page views of a database: collections `daily` and `monthly`.
#[derive(Debug, Clone)]
pub struct PageViews {
    daily: Collection,
    monthly: Collection,
    layout: MinuteLayout,
    growth: Growth,
    /// `hourly.0` … `hourly.23`
    hours: Vec<FieldPath>,
    /// The minutes of a day, by minute of the day.
    minutes: Vec<FieldPath>,
    /// `daily.1` … `daily.31`
    days: Vec<FieldPath>,
}

impl PageViews {
    /// Opens or creates them in `database` with templates, hierarchical minutes and the default
    /// record sizes.
    ///
    /// # Errors
    /// Those of creating a collection.
    pub fn open(engine: &Engine, database: &str) -> Result<PageViews> {
        PageViews::builder(engine, database).open()
    }

    /// Chooses another layout, growth or policy.
    pub fn builder(engine: &Engine, database: &str) -> PageViewsBuilder {
        PageViewsBuilder::new(engine, database)
    }

    pub(super) fn new(
        daily: Collection,
        monthly: Collection,
        layout: MinuteLayout,
        growth: Growth,
    ) -> PageViews {
        let path = |text: String| FieldPath::parse(&text).expect("a path of plain names");
        let minute = |m: u32| match layout {
            MinuteLayout::Hierarchical => path(format!("minute.{}.{}", m / 60, m % 60)),
            MinuteLayout::Flat => path(format!("minute.{m}")),
        };
        PageViews {
            daily,
            monthly,
            layout,
            growth,
            hours: (0..24).map(|h| path(format!("hourly.{h}"))).collect(),
            minutes: (0..1440).map(minute).collect(),
            days: (1..=31).map(|d| path(format!("daily.{d}"))).collect(),
        }
    }

    /// The collection of daily documents.
    pub fn daily(&self) -> &Collection {
        &self.daily
    }

    /// The collection of monthly documents.
    pub fn monthly(&self) -> &Collection {
        &self.monthly
    }

    /// How minutes lie in the daily documents.
    pub fn layout(&self) -> MinuteLayout {
        self.layout
    }

    /// Counts one hit on `page` of `site`: its hour and minute, and its day of the month.
    ///
    /// # Errors
    /// Those of an update. The two documents are updated one after the other: when the second
    /// fails the first is counted.
    pub fn log_hit(&self, at: impl Into<Minute>, site: &str, page: &str) -> Result<HitReport> {
        let at = at.into();
        let day = at.day();
        let paths = [&self.hours[at.hour() as usize], &self.minutes[at.of_day() as usize]];
        let of_month = &self.days[day.civil().2 as usize - 1];
        Ok(HitReport {
            daily: self.count(&self.daily, &daily_id(day, site, page), &paths, day, site, page)?,
            monthly: self.count(
                &self.monthly,
                &monthly_id(day, site, page),
                &[of_month],
                day.first_of_month(),
                site,
                page,
            )?,
        })
    }

    /// Adds one to the counters at `paths` of the document `id`, which is made if it is missing.
    fn count(
        &self,
        collection: &Collection,
        id: &str,
        paths: &[&FieldPath],
        date: Day,
        site: &str,
        page: &str,
    ) -> Result<UpdateReport> {
        let mut increments = [(paths[0], 1i64); 2];
        for (increment, path) in increments.iter_mut().zip(paths) {
            increment.0 = path;
        }
        let increments = &increments[..paths.len()];
        // Not by the template alone, which knows no metadata.
        let report = collection.increment_existing(id, increments)?;
        if report.matched > 0 {
            return Ok(report);
        }
        if self.growth == Growth::Preallocate {
            self.preallocate(date, site, page)?;
            return collection.increment_existing(id, increments);
        }
        let mut counters = RawDocumentBuf::new();
        for path in paths {
            counters.append(super::field_name(path.as_str()), 1i32);
        }
        let filter = rawdoc! { "_id": id, "metadata": metadata(date, site, page) };
        collection.update_one(filter, rawdoc! { "$inc": counters })?.upsert(true).run()
    }

    /// Makes the zeroed documents of `page` for `day` and its month, unless they are there: the
    /// articles' function, in the form that works. Counters that are there stay as they are.
    ///
    /// # Errors
    /// Those of an upsert.
    pub fn preallocate(&self, day: Day, site: &str, page: &str) -> Result<()> {
        let make = |collection: &Collection, id: String, date: Day, zeroed: &RawDocument| {
            let zeroed = template::expand(zeroed.as_bytes())?;
            let broken = |_| Error::InvalidBson { at: 0, rule: "a template is a document" };
            let zeroed = RawDocumentBuf::from_bytes(zeroed).map_err(broken)?;
            // In the filter, so that metadata precedes the counters as it does after a hit: what
            // has a varying length would else stand behind them, and hide their layout.
            let filter = rawdoc! { "_id": id, "metadata": metadata(date, site, page) };
            let update = rawdoc! { "$setOnInsert": zeroed };
            match collection.update_one(filter, update)?.upsert(true).run() {
                // It is there, under metadata of another form.
                Err(Error::DuplicateKey { index, .. }) if index == "_id_" => Ok(()),
                made => made.map(drop),
            }
        };
        make(&self.daily, daily_id(day, site, page), day, &zeroed_day(self.layout))?;
        let zeroed_month = rawdoc! { "daily": { "$grid": [31], "from": 1 } };
        make(&self.monthly, monthly_id(day, site, page), day.first_of_month(), &zeroed_month)
    }

    /// Is there a document of `page` for this day?
    ///
    /// # Errors
    /// Those of a lookup.
    pub fn has_day(&self, day: Day, site: &str, page: &str) -> Result<bool> {
        Ok(self.daily.find_by_id(daily_id(day, site, page).as_str())?.is_some())
    }

    /// Is there a document of `page` for the month of this day?
    ///
    /// # Errors
    /// Those of a lookup.
    pub fn has_month(&self, day: Day, site: &str, page: &str) -> Result<bool> {
        Ok(self.monthly.find_by_id(monthly_id(day, site, page).as_str())?.is_some())
    }

    /// Hits of each minute of `range`, over as many days as it spans.
    ///
    /// # Errors
    /// Those of a lookup; a range of more than ten million minutes is refused.
    pub fn minutes(&self, site: &str, page: &str, range: Range<Minute>) -> Result<Series> {
        self.of_days(site, page, range, 1, |document, first, series| {
            let Some(minutes) = sub_document(document, "minute")? else { return Ok(()) };
            let wanted = -first..series.len() as i64 - first;
            each_numbered(minutes, |number, value| {
                // Whichever layout the document has: hours of minutes, or minutes of the day.
                let Some(of_hour) = value.as_document() else {
                    add(first + number, value, series);
                    return Ok(());
                };
                let hour = number * 60..(number + 1) * 60;
                match hour.start < wanted.end && wanted.start < hour.end {
                    true => add_all(of_hour, first + hour.start, series),
                    false => Ok(()),
                }
            })
        })
    }

    /// Hits of each hour of `range`, over as many days as it spans. The range is widened to
    /// whole hours.
    ///
    /// # Errors
    /// As [`PageViews::minutes`].
    pub fn hourly(&self, site: &str, page: &str, range: Range<Minute>) -> Result<Series> {
        self.of_days(site, page, range, 60, |document, first, series| {
            let hours = sub_document(document, "hourly")?;
            hours.map_or(Ok(()), |hours| add_all(hours, first, series))
        })
    }

    /// Hits of each day of `range`, over as many months as it spans; from the monthly documents.
    ///
    /// # Errors
    /// As [`PageViews::minutes`].
    pub fn by_day(&self, site: &str, page: &str, range: Range<Day>) -> Result<Series> {
        let length = range.end.start().since(range.start.start()) / 1440;
        let mut series =
            Series { start: range.start.start(), step_min: 1440, counts: vec![0; spans(length)?] };
        let mut month = range.start.first_of_month();
        while month < range.end {
            let id = monthly_id(month, site, page);
            self.monthly.read_by_id(RawBsonRef::String(&id), |document| {
                let days = sub_document(document.as_bytes(), "daily")?;
                let mut counts = [0i64; 32];
                days.map_or(Ok(()), |days| add_all(days, 0, &mut counts))?;
                let first = month.start().since(series.start) / 1440;
                for (at, count) in (first..).zip(&counts[1..]) {
                    let slot = usize::try_from(at).ok().and_then(|at| series.counts.get_mut(at));
                    slot.into_iter().for_each(|slot| *slot += count);
                }
                Ok(())
            })?;
            month = month.plus(month.days_in_month() as i32);
        }
        Ok(series)
    }

    /// A series over the daily documents of `range`: `read` adds a document's counts to it, one
    /// per span of `step_min`, from the place of midnight on, which may lie before the first.
    fn of_days(
        &self,
        site: &str,
        page: &str,
        range: Range<Minute>,
        step_min: u32,
        read: impl Fn(&[u8], i64, &mut [i64]) -> Result<()>,
    ) -> Result<Series> {
        let step = i64::from(step_min);
        let start = range.start.plus(-i64::from(range.start.of_day()) % step);
        let length = (range.end.since(start) + step - 1) / step;
        let mut series = Series { start, step_min, counts: vec![0; spans(length)?] };
        let mut day = start.day();
        while day.start() < range.end {
            let (id, first) = (daily_id(day, site, page), day.start().since(start) / step);
            // Never into the next day, whatever the document has.
            let end = usize::try_from(first + 1440 / step).unwrap_or(0).min(series.counts.len());
            let counts = &mut series.counts[..end];
            self.daily.read_by_id(RawBsonRef::String(&id), |document| {
                read(document.as_bytes(), first, counts)
            })?;
            day = day.plus(1);
        }
        Ok(series)
    }
}

fn spans(length: i64) -> Result<usize> {
    match length {
        length if length > SPANS_MAX => Err(Error::refused(
            Reason::BadValue,
            format!("a series of {length} spans is longer than {SPANS_MAX}"),
        )),
        length => Ok(usize::try_from(length).unwrap_or(0)),
    }
}

fn metadata(date: Day, site: &str, page: &str) -> RawDocumentBuf {
    rawdoc! { "date": date.date(), "site": site, "page": page }
}

/// `20001010/site-1/apache_pb.gif`: the page begins with its slash.
fn daily_id(day: Day, site: &str, page: &str) -> String {
    let (year, month, of_month) = day.civil();
    id(&[(year.unsigned_abs(), 4), (month, 2), (of_month, 2)], site, page)
}

/// `200010/site-1/apache_pb.gif`
fn monthly_id(day: Day, site: &str, page: &str) -> String {
    let (year, month, _) = day.civil();
    id(&[(year.unsigned_abs(), 4), (month, 2)], site, page)
}

/// Numbers, each of at least so many digits, a slash, site and page. A chart of a month makes 31
/// of these: `format!` would take longer than the documents.
fn id(numbers: &[(u32, u32)], site: &str, page: &str) -> String {
    let mut id = String::with_capacity(12 + site.len() + page.len());
    for &(number, digits) in numbers {
        let digits = digits.max(number.checked_ilog10().map_or(1, |log| log + 1));
        let places = (0..digits).rev().map(|place| number / 10u32.pow(place) % 10);
        id.extend(places.map(|digit| char::from(b'0' + digit as u8)));
    }
    id.push('/');
    id.push_str(site);
    id.push_str(page);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_articles() {
        for (year, month, of_month) in [(2000, 10, 10), (1, 1, 2), (9999, 12, 31), (476, 9, 4)] {
            let day = Day::new(year, month, of_month).expect("a day");
            let date = format!("{year:04}{month:02}");
            assert_eq!(daily_id(day, "s", "/p"), format!("{date}{of_month:02}/s/p"));
            assert_eq!(monthly_id(day, "s", "/p"), format!("{date}/s/p"));
        }
    }
}

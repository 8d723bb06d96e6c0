//! The articles' schemas, ready made: pre-aggregated page views, and technology per month.
//!
//! * [`PageViews`]: one document per page and day (hours and minutes), one per page and month
//!   (days). After "Pre-Aggregated Reports" of the MongoDB manual, with its errors mended.
//! * [`Technology`]: one document per site and month of browsers and platforms, with `other`, in
//!   one collection per year. After "Counters Everywhere".
//!
//! Both are ordinary collections: whatever speaks to a collection can read and update them.

mod calendar;
mod counts;
mod page_views;
mod page_views_builder;
mod series;
mod technology;

pub use calendar::{Day, Minute};
pub use page_views::{HitReport, PageViews};
pub use page_views_builder::{Growth, MinuteLayout, PageViewsBuilder};
pub use series::Series;
pub use technology::{BROWSERS, PLATFORMS, Technology, TechnologyMonth};

/// A name of a field for a document. What is counted by has no NUL in it.
fn field_name(name: &str) -> bson::raw::CString {
    bson::raw::CString::try_from(name).expect("names of counters are made here, without NUL")
}

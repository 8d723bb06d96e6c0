//! Browsers and platforms per site and month, in one collection per year.
//!
//! ```text
//! technology.2011  { _id: "site-1:6", b: { safari: { "5-0": 5 }, ie: { "9-0": 5, "8-0": 2 } },
//!                    p: { mac: 10, windows: 5 } }
//! ```
//!
//! Browsers and platforms are bounded lists with `other`, so a document stays small. A version
//! keeps its first two numbers, joined by a hyphen, as names of fields hold no dots.

use std::collections::BTreeMap;

use bson::{RawDocument, rawdoc};

use super::calendar::Day;
use crate::collection::{Collection, UpdateReport};
use crate::engine::Engine;
use crate::error::Result;

/// The browsers that are told apart; all else is `other`.
pub const BROWSERS: [&str; 6] = ["chrome", "safari", "firefox", "opera", "ie", "other"];
/// The platforms that are told apart; all else is `other`.
pub const PLATFORMS: [&str; 9] =
    ["mac", "windows", "linux", "iphone", "ipad", "ipod", "android", "blackberry", "other"];

/// Browser and platform counters of a database.
#[derive(Debug, Clone)]
pub struct Technology {
    engine: Engine,
    database: String,
}

/// What was counted of one site in one month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TechnologyMonth {
    /// Hits by browser, then by version (`12-0`).
    pub browsers: BTreeMap<String, BTreeMap<String, i64>>,
    /// Hits by platform.
    pub platforms: BTreeMap<String, i64>,
}

impl Technology {
    /// The counters in `database`. Collections are made by the first hit of their year.
    pub fn open(engine: &Engine, database: &str) -> Technology {
        Technology { engine: engine.clone(), database: database.to_owned() }
    }

    /// The collection of a year: `technology.2011`.
    ///
    /// # Errors
    /// [`crate::Error::InvalidNamespace`] if the database's name is not one.
    pub fn collection(&self, year: i32) -> Result<Collection> {
        self.engine.database(&self.database)?.collection(&format!("technology.{year}"))
    }

    /// Counts one hit: its browser and version, and its platform, in one update.
    ///
    /// Names are taken in any case; those that are not listed count as `other`. The version is
    /// cut to its first two numbers.
    ///
    /// # Errors
    /// Those of an upsert.
    pub fn log(
        &self,
        day: Day,
        site: &str,
        browser: &str,
        version: &str,
        platform: &str,
    ) -> Result<UpdateReport> {
        let (year, month, _) = day.civil();
        let browser = listed(&BROWSERS, browser);
        let browser = format!("b.{browser}.{}", short_version(version));
        let platform = format!("p.{}", listed(&PLATFORMS, platform));
        let filter = rawdoc! { "_id": id(site, month) };
        let mut counters = bson::RawDocumentBuf::new();
        counters.append(super::field_name(&browser), 1i32);
        counters.append(super::field_name(&platform), 1i32);
        let update = rawdoc! { "$inc": counters };
        self.collection(year)?.update_one(filter, update)?.upsert(true).run()
    }

    /// What was counted of `site` in the month of `day`.
    ///
    /// # Errors
    /// Those of a lookup.
    pub fn month(&self, day: Day, site: &str) -> Result<TechnologyMonth> {
        let (year, month, _) = day.civil();
        let mut found = TechnologyMonth::default();
        let Some(document) = self.collection(year)?.find_by_id(id(site, month).as_str())? else {
            return Ok(found);
        };
        for (browser, versions) in fields(&document, "b") {
            let versions = versions.as_document().map(counts).unwrap_or_default();
            found.browsers.insert(browser.to_owned(), versions);
        }
        if let Some(platforms) = document.get("p").ok().flatten().and_then(|p| p.as_document()) {
            found.platforms = counts(platforms);
        }
        Ok(found)
    }
}

fn id(site: &str, month: u32) -> String {
    format!("{site}:{month}")
}

/// The name as it is listed, or `other`.
fn listed(list: &[&'static str], name: &str) -> &'static str {
    list.iter().copied().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or("other")
}

/// `12.0.742.112` → `12-0`; what has no number is `unknown`.
fn short_version(version: &str) -> String {
    let number = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    let mut parts = version.split(['.', '-']).map(number).take_while(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => format!("{major}-{minor}"),
        (Some(major), None) => format!("{major}-0"),
        (None, _) => "unknown".to_owned(),
    }
}

fn fields<'a>(
    document: &'a RawDocument,
    name: &str,
) -> impl Iterator<Item = (&'a str, bson::RawBsonRef<'a>)> {
    let inner = document.get(name).ok().flatten().and_then(|value| value.as_document());
    inner.into_iter().flat_map(|inner| inner.iter().flatten()).map(|(n, v)| (n.as_str(), v))
}

fn counts(document: &RawDocument) -> BTreeMap<String, i64> {
    let number = |value: bson::RawBsonRef<'_>| match value {
        bson::RawBsonRef::Int32(n) => Some(i64::from(n)),
        bson::RawBsonRef::Int64(n) => Some(n),
        bson::RawBsonRef::Double(n) => Some(n as i64),
        _ => None,
    };
    let fields = document.iter().flatten();
    fields.filter_map(|(name, value)| Some((name.as_str().to_owned(), number(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_keep_two_numbers() {
        let cases = [
            ("12.0.742.112", "12-0"),
            ("5.0", "5-0"),
            ("9", "9-0"),
            ("12-0", "12-0"),
            ("4.0b7", "4-0"),
            ("", "unknown"),
            ("UNKNOWN", "unknown"),
            ("$x.y", "unknown"),
        ];
        for (version, short) in cases {
            assert_eq!(short_version(version), short, "{version:?}");
        }
    }

    #[test]
    fn names_are_listed_or_other() {
        assert_eq!(listed(&BROWSERS, "Safari"), "safari");
        assert_eq!(listed(&BROWSERS, "Konqueror"), "other");
        assert_eq!(listed(&PLATFORMS, "iPad"), "ipad");
    }
}

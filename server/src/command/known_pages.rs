//! What is counted in a database, for whoever asked for something that is not.

use bson::RawDocument;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use tallymap::Direction;
use tallymap::reports::PageViews;

use super::chart::with_slash;
use crate::error::CliError;

/// Names that a hint lists.
const LISTED_MAX: usize = 8;

/// The first few names of a kind, in the order met, each once.
#[derive(Default)]
struct Few {
    names: Vec<String>,
    has_more: bool,
}

impl Few {
    fn meet(&mut self, name: String) {
        if self.names.contains(&name) {
            return;
        }
        match self.names.len() < LISTED_MAX {
            true => self.names.push(name),
            false => self.has_more = true,
        }
    }

    /// One below the other.
    fn list(mut self) -> String {
        self.names.sort();
        let more = self.has_more.then(|| "…".to_owned());
        self.names.into_iter().chain(more).map(|name| format!("\n  {name}")).collect()
    }
}

/// What else can be charted: other days of the page, else other pages of the site, else sites.
pub fn hint(views: &PageViews, site: &str, page: &str) -> Result<String, CliError> {
    let (mut days, mut pages, mut sites) = (Few::default(), Few::default(), Few::default());
    for located in views.daily().scan(Direction::Forward)? {
        let document = located?.document;
        let Some((of_site, of_page, date)) = metadata(&document) else { continue };
        let of_page = with_slash(of_page);
        if of_site == site && of_page == page {
            days.meet(date.to_string());
        } else if of_site == site {
            pages.meet(of_page.into_owned());
        } else {
            sites.meet(of_site.to_owned());
        }
    }
    let hint = match (days, pages, sites) {
        (days, ..) if !days.names.is_empty() => format!("the page was hit on{}", days.list()),
        (_, pages, _) if !pages.names.is_empty() => format!("pages of {site} are{}", pages.list()),
        (.., sites) if !sites.names.is_empty() => format!("sites are{}", sites.list()),
        _ => "nothing at all is counted yet: see `tallymap ingest --help`".to_owned(),
    };
    Ok(format!("hint: {hint}"))
}

fn metadata(document: &RawDocument) -> Option<(&str, &str, Date)> {
    let metadata = document.get_document("metadata").ok()?;
    let date = metadata.get_datetime("date").ok()?.timestamp_millis();
    let date = Offset::UTC.to_datetime(Timestamp::from_millisecond(date).ok()?).date();
    Some((metadata.get_str("site").ok()?, metadata.get_str("page").ok()?, date))
}

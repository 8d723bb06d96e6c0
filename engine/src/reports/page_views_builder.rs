//! How page views are stored: the choices that the articles discuss.

use bson::{RawDocumentBuf, rawdoc};

use super::page_views::PageViews;
use crate::collection::{Collection, CollectionOptions};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::index::index_spec::IndexSpec;
use crate::store::SizingPolicy;

/// How minutes lie in a daily document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MinuteLayout {
    /// `minute.13.37`: 24 hours of 60 minutes. At most 23 + 59 fields are skipped.
    #[default]
    Hierarchical,
    /// `minute.817`: 0 to 1439 in a row. Up to 1439 fields are skipped. For comparison.
    Flat,
}

/// How a document comes to its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Growth {
    /// The collection knows the zeroed document; the first hit instantiates it.
    #[default]
    Template,
    /// [`PageViews::preallocate`] writes the zeroed document before the first hit is counted.
    Preallocate,
    /// Every counter is added when it is first counted: the document grows, and moves.
    Grow,
}

/// Opens [`PageViews`] with other choices than the default.
#[derive(Debug, Clone)]
pub struct PageViewsBuilder {
    engine: Engine,
    database: String,
    layout: MinuteLayout,
    growth: Growth,
    policy: SizingPolicy,
}

impl PageViewsBuilder {
    pub(super) fn new(engine: &Engine, database: &str) -> PageViewsBuilder {
        PageViewsBuilder {
            engine: engine.clone(),
            database: database.to_owned(),
            layout: MinuteLayout::default(),
            growth: Growth::default(),
            policy: SizingPolicy::default(),
        }
    }

    /// How minutes lie in a daily document.
    pub fn layout(mut self, layout: MinuteLayout) -> Self {
        self.layout = layout;
        self
    }

    /// How a document comes to its counters.
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// How records are sized, if the collections are created now.
    pub fn policy(mut self, policy: SizingPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Opens the collections `daily` and `monthly`, creating them with their index on site, page
    /// and date if they are not there.
    ///
    /// In an engine that is read-only nothing is created: of what is missing there are no hits.
    ///
    /// A collection that exists keeps its template and policy. Its layout is kept, too, whatever
    /// was asked for: [`PageViews::layout`] says which it is. Two layouts in one document would
    /// take `minute.13` for an hour here and for a minute there.
    ///
    /// # Errors
    /// Those of creating a collection and an index.
    pub fn open(self) -> Result<PageViews> {
        let daily = self.collection("daily", zeroed_day(self.layout))?;
        let monthly =
            self.collection("monthly", rawdoc! { "daily": { "$grid": [31], "from": 1 } })?;
        let layout = layout_there(&daily)?.unwrap_or(self.layout);
        Ok(PageViews::new(daily, monthly, layout, self.growth))
    }

    fn collection(&self, name: &str, zeroed: RawDocumentBuf) -> Result<Collection> {
        let database = self.engine.database(&self.database)?;
        if self.engine.options().read_only {
            return database.collection(name);
        }
        let mut options = CollectionOptions::default().policy(self.policy);
        if self.growth == Growth::Template {
            options = options.template(zeroed);
        }
        let collection = match database.create_collection(name, options) {
            Err(Error::NamespaceExists { .. }) => database.collection(name)?,
            created => created?,
        };
        // Several days of one page, in order, by one range of this index.
        let index = [("metadata.site", 1), ("metadata.page", 1), ("metadata.date", 1)];
        collection.create_index(IndexSpec::new(&index))?;
        Ok(collection)
    }
}

/// The layout of the daily documents: that of the template, else of the first of them.
fn layout_there(daily: &Collection) -> Result<Option<MinuteLayout>> {
    let document = match daily.template()? {
        Some(template) => Some(template),
        None => daily.find_one(rawdoc! {})?,
    };
    let minute = document.as_ref().and_then(|document| document.get_document("minute").ok());
    let first = minute.and_then(|minute| minute.iter().flatten().next());
    Ok(first.map(|(_, counter)| match counter.as_document() {
        Some(_) => MinuteLayout::Hierarchical,
        None => MinuteLayout::Flat,
    }))
}

/// The counters of a new day, as a template.
pub(super) fn zeroed_day(layout: MinuteLayout) -> RawDocumentBuf {
    match layout {
        MinuteLayout::Hierarchical => {
            rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] } }
        }
        MinuteLayout::Flat => {
            rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [1440] } }
        }
    }
}

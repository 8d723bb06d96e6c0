//! Views: pipelines over a collection, or over another view, that are read like a collection.
//!
//! They are documents of `<db>.system.views`, as MongoDB keeps them: `{ _id: "db.view", viewOn,
//! pipeline, collation }`. A collection by the same name is not there; who finds a collection is
//! not asked for views, so that they cost a collection nothing.
//!
//! V1. No name leads to a collection and to a view: whoever makes one of them holds the
//!     database's views meanwhile.
//! V2. Views lead to a collection in less than [`DEPTH_MAX`] steps, and never to themselves. That
//!     is checked when one is made, and again when one is read: the documents may be another's.

mod ask;
mod change;
mod graph;
mod resolve;

pub use ask::{check_find, find_as_pipeline, unsupported};
pub use resolve::{Known, too_deep};

use std::sync::Arc;

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, cstr, rawdoc};

use super::database_core::DatabaseCore;
use super::handle::Collection;
use crate::error::{Error, Reason, Result};
use crate::namespace_string::NamespaceString;

/// The collection that has them.
pub const VIEWS: &str = "system.views";
/// Views that lead to one another.
pub const DEPTH_MAX: usize = 20;

/// A view, as it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its name, without the database's.
    pub name: String,
    /// What it is a view of: a collection of its database, or another view.
    pub on: String,
    /// The stages that its documents come through.
    pub pipeline: Vec<RawDocumentBuf>,
    /// How it compares texts, if not by their bytes.
    pub collation: Option<RawDocumentBuf>,
}

impl View {
    /// Its options as MongoDB lists them.
    pub fn options(&self) -> RawDocumentBuf {
        let pipeline: RawArrayBuf = self.pipeline.iter().map(|stage| stage.as_ref()).collect();
        let mut out = rawdoc! { "viewOn": self.on.as_str(), "pipeline": pipeline };
        if let Some(collation) = &self.collation {
            out.append(cstr!("collation"), collation.clone());
        }
        out
    }

    /// The view that a document of [`VIEWS`] describes.
    ///
    /// # Errors
    /// [`Reason::InvalidViewDefinition`].
    fn parse(database: &str, document: &RawDocument) -> Result<View> {
        let id = document.get_str("_id").unwrap_or_default();
        let bad = |what: &str| {
            let message = format!("found invalid view definition {id}: {what}");
            Error::refused(Reason::InvalidViewDefinition, message)
        };
        let rest = id.strip_prefix(database).and_then(|rest| rest.strip_prefix('.'));
        let name = rest.filter(|name| !name.is_empty()).ok_or_else(|| bad("_id is its name"))?;
        let on = document.get_str("viewOn").map_err(|_| bad("'viewOn' is a string"))?;
        let stages = document.get_array("pipeline").map_err(|_| bad("'pipeline' is an array"))?;
        let mut pipeline = Vec::new();
        for stage in stages {
            let stage = stage.ok().and_then(|stage| stage.as_document().map(ToOwned::to_owned));
            pipeline.push(stage.ok_or_else(|| bad("a stage is a document"))?);
        }
        let collation = document.get_document("collation").ok().map(ToOwned::to_owned);
        Ok(View { name: name.to_owned(), on: on.to_owned(), pipeline, collation })
    }

    fn to_document(&self, database: &str) -> RawDocumentBuf {
        let mut out = rawdoc! { "_id": format!("{database}.{}", self.name) };
        for (name, value) in self.options().iter().flatten() {
            out.append(name, value);
        }
        out
    }
}

impl DatabaseCore {
    /// The view of this name, if there is one.
    ///
    /// # Errors
    /// [`Reason::InvalidViewDefinition`]; `Corrupt`.
    pub fn view(self: &Arc<Self>, name: &str) -> Result<Option<View>> {
        let id = format!("{}.{name}", self.name);
        let Some(document) = self.views_collection()?.find_by_id(id.as_str())? else {
            return Ok(None);
        };
        View::parse(&self.name, &document).map(Some)
    }

    /// All views, by name.
    ///
    /// # Errors
    /// As [`DatabaseCore::view`].
    pub fn views(self: &Arc<Self>) -> Result<Vec<View>> {
        let mut views = Vec::new();
        for document in self.views_collection()?.scan(crate::store::Direction::Forward)? {
            views.push(View::parse(&self.name, &document?.document)?);
        }
        views.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(views)
    }

    fn views_collection(self: &Arc<Self>) -> Result<Collection> {
        self.collection(NamespaceString::new(&self.name, VIEWS)?)
    }

    /// Refuses a name that a view has.
    ///
    /// # Errors
    /// [`Reason::CommandNotSupportedOnView`].
    pub fn check_no_view(self: &Arc<Self>, ns: &NamespaceString) -> Result<()> {
        let is_view = !ns.is_system() && self.view(ns.collection())?.is_some();
        if is_view { Err(is_a_view(ns)) } else { Ok(()) }
    }
}

impl Collection {
    /// The view that there is by this name, and no collection.
    ///
    /// # Errors
    /// [`Reason::InvalidViewDefinition`]; `Corrupt`.
    pub fn view(&self) -> Result<Option<View>> {
        if self.exists() || self.namespace().is_system() {
            return Ok(None);
        }
        self.database.view(self.namespace().collection())
    }

    /// The error of an operation on a collection that does not exist, which may be one that no
    /// view has.
    pub(super) fn missing(&self) -> Error {
        match self.view() {
            Ok(None) => self.core.missing(),
            Ok(Some(_)) => is_a_view(self.namespace()),
            Err(error) => error,
        }
    }

    /// Refuses to be a view.
    ///
    /// # Errors
    /// [`Reason::CommandNotSupportedOnView`].
    pub fn check_no_view(&self) -> Result<()> {
        match self.view()? {
            None => Ok(()),
            Some(_) => Err(is_a_view(self.namespace())),
        }
    }
}

fn is_a_view(ns: &NamespaceString) -> Error {
    let message = format!("Namespace {ns} is a view, not a collection");
    Error::refused(Reason::CommandNotSupportedOnView, message)
}

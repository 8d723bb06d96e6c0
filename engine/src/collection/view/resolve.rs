//! What a view comes to: a collection, and the stages between that and the view.

use std::collections::HashMap;
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};
use parking_lot::Mutex;

use super::DEPTH_MAX;
use crate::aggregate::Pipeline;
use crate::collection::DatabaseCore;
use crate::collection::handle::Collection;
use crate::collection::variables::collation_of;
use crate::error::{Error, Reason, Result};
use crate::expression::Scope;
use crate::namespace_string::NamespaceString;

/// A view, down to its collection.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub base: Collection,
    pub pipeline: Vec<RawDocumentBuf>,
    pub collation: Option<RawDocumentBuf>,
    /// Its full name.
    ns: NamespaceString,
}

impl Collection {
    /// What this view comes to; none if it is a collection, or nothing.
    ///
    /// # Errors
    /// [`Reason::ViewDepthLimitExceeded`]; those of a definition that is none.
    pub fn resolved(&self) -> Result<Option<Resolved>> {
        let Some(view) = self.view()? else { return Ok(None) };
        let collation = view.collation;
        let (mut on, mut pipeline) = (view.on, view.pipeline);
        for _ in 1..DEPTH_MAX {
            let ns = NamespaceString::new(&self.database.name, &on)?;
            let base = self.database.collection(ns)?;
            let Some(next) = base.view()? else {
                let ns = self.namespace().clone();
                return Ok(Some(Resolved { base, pipeline, collation, ns }));
            };
            on = next.on;
            pipeline.splice(0..0, next.pipeline);
        }
        Err(too_deep())
    }
}

/// The refusal of views that lead to too many others.
pub fn too_deep() -> Error {
    let message =
        format!("View depth too deep or view cycle detected; maximum depth is {DEPTH_MAX}");
    Error::refused(Reason::ViewDepthLimitExceeded, message)
}

impl Resolved {
    /// The collation of a request that reads it: its own, which a request may repeat.
    ///
    /// # Errors
    /// [`Reason::OptionNotSupportedOnView`] for another one.
    pub fn collation(&self, asked: Option<&RawDocument>) -> Result<Option<RawDocumentBuf>> {
        if asked.is_some() && collation_of(asked)? != collation_of(self.collation.as_deref())? {
            let message = "Cannot override a view's default collation";
            return Err(Error::refused(Reason::OptionNotSupportedOnView, message));
        }
        Ok(self.collation.clone())
    }
}

/// A view that a stage reads.
#[derive(Debug)]
pub struct Read {
    pub base: Collection,
    pub pipeline: Pipeline,
}

/// The collections and views that the stages of one run have asked for.
#[derive(Debug, Default)]
pub struct Known {
    views: Mutex<HashMap<Box<str>, Option<Arc<Read>>>>,
}

impl Known {
    /// What the view of this name comes to; none if it is none.
    ///
    /// # Errors
    /// As [`Collection::resolved`]; [`Reason::OptionNotSupportedOnView`] if it has another
    /// collation than the run.
    pub fn view(
        &self,
        database: &Arc<DatabaseCore>,
        name: &str,
        collation: Option<&RawDocument>,
    ) -> Result<Option<Arc<Read>>> {
        if let Some(known) = self.views.lock().get(name) {
            return Ok(known.clone());
        }
        let ns = NamespaceString::new(&database.name, name)?;
        let read = match database.collection(ns)?.resolved()? {
            None => None,
            Some(view) => {
                let own = collation_of(view.collation.as_deref())?;
                if own != collation_of(collation)? {
                    let message = format!("Cannot override default collation of view {}", view.ns);
                    return Err(Error::refused(Reason::OptionNotSupportedOnView, message));
                }
                let stages = view.pipeline.iter().map(|stage| stage.as_bytes());
                let pipeline = Pipeline::parse(stages, &Scope::default().under(own))?;
                Some(Arc::new(Read { base: view.base, pipeline }))
            }
        };
        self.views.lock().insert(name.into(), read.clone());
        Ok(read)
    }
}

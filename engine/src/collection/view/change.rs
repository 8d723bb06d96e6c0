//! Making, changing and dropping views.

use std::sync::Arc;

use bson::RawDocumentBuf;

use super::{View, graph};
use crate::aggregate::Pipeline;
use crate::collection::DatabaseCore;
use crate::collection::variables::collation_of;
use crate::error::{Error, Reason, Result};
use crate::expression::Scope;
use crate::namespace_string::NamespaceString;

impl DatabaseCore {
    /// Makes a view.
    ///
    /// # Errors
    /// [`Reason::NamespaceExists`] and 17399 if its name is taken; those of a pipeline that no
    /// view may have.
    pub fn create_view(self: &Arc<Self>, mut view: View) -> Result<()> {
        self.check(&mut view)?;
        let _views = self.hold_views();
        let ns = NamespaceString::new(&self.name, &view.name)?;
        if self.collection(ns.clone())?.exists() {
            let message = format!("Cannot create collection {ns} - collection already exists.");
            return Err(Error::refused(Reason::Location(17399), message));
        }
        if self.view(&view.name)?.is_some() {
            return Err(Error::refused(Reason::NamespaceExists, "Namespace already exists"));
        }
        graph::check(&self.name, &view, &self.views()?)?;
        self.views_collection()?.insert(&view.to_document(&self.name))?;
        Ok(())
    }

    /// Changes what a view is of, or its pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`]; as [`DatabaseCore::create_view`].
    pub fn modify_view(
        self: &Arc<Self>,
        name: &str,
        on: Option<String>,
        pipeline: Option<Vec<RawDocumentBuf>>,
    ) -> Result<()> {
        let _views = self.hold_views();
        let missing =
            || Error::NotFound { what: "collection", name: format!("{}.{name}", self.name) };
        let old = self.view(name)?.ok_or_else(missing)?;
        let mut view = View {
            on: on.unwrap_or_else(|| old.on.clone()),
            pipeline: pipeline.unwrap_or_else(|| old.pipeline.clone()),
            ..old.clone()
        };
        self.check(&mut view)?;
        graph::check(&self.name, &view, &self.views()?)?;
        if view != old {
            let id = bson::rawdoc! { "_id": format!("{}.{name}", self.name) };
            self.views_collection()?.replace_one(&id, view.to_document(&self.name))?.run()?;
        }
        Ok(())
    }

    /// Drops a view. Answers whether there was one.
    ///
    /// # Errors
    /// `Corrupt`; the journal's.
    pub fn drop_view(self: &Arc<Self>, name: &str) -> Result<bool> {
        let _views = self.hold_views();
        let id = bson::rawdoc! { "_id": format!("{}.{name}", self.name) };
        Ok(self.views_collection()?.delete_one(id)? > 0)
    }

    /// Refuses what no view may be; its collation is written out.
    fn check(&self, view: &mut View) -> Result<()> {
        NamespaceString::new(&self.name, &view.name)?;
        if view.on.is_empty() {
            return Err(Error::refused(Reason::BadValue, "'viewOn' cannot be empty"));
        }
        if NamespaceString::new(&self.name, &view.on).is_err() {
            let message = format!("invalid name for 'viewOn': {}", view.on);
            return Err(Error::refused(Reason::InvalidNamespace, message));
        }
        let collation = collation_of(view.collation.as_deref())?;
        view.collation = match &collation {
            None => None,
            Some(collation) => Some(
                RawDocumentBuf::from_bytes(collation.to_bson())
                    .map_err(|_| Error::invalid_bson(0, "a collation is a document"))?,
            ),
        };
        check_pipeline(&self.name, view, &Scope::default().under(collation))
    }
}

fn check_pipeline(database: &str, view: &View, scope: &Scope) -> Result<()> {
    for stage in &view.pipeline {
        crate::bson::document::check(stage.as_bytes())?;
    }
    Pipeline::check_form(view.pipeline.iter().map(|stage| stage.as_bytes()))?;
    let name = format!("{database}.{}", view.name);
    let told = |error| match error {
        Error::Refused { reason, message } => {
            let message = format!("Invalid pipeline for view {name} :: caused by :: {message}");
            Error::refused(reason, message)
        }
        error => error,
    };
    let stages = view.pipeline.iter().map(|stage| stage.as_bytes());
    let pipeline = Pipeline::parse(stages, scope).map_err(told)?;
    match pipeline.stages().iter().enumerate().find(|(_, stage)| stage.writes()) {
        None => Ok(()),
        Some((at, stage)) => {
            let stage = stage.name();
            let message = format!(
                "The aggregation stage {stage} in location {at} of the pipeline cannot be used in \
                 the view definition of {name} because it writes to disk"
            );
            Err(told(Error::refused(Reason::OptionNotSupportedOnView, message)))
        }
    }
}

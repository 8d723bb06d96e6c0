//! `$facet`: the same documents through several pipelines, into one document.

use std::sync::Arc;

use super::chain::{Run, Sink};
use super::memory::Memory;
use super::{Chain, Context, Pipeline};
use crate::bson::builder::{Builder, Index};
use crate::bson::document::{check_depth, check_len};
use crate::bson::element::{Elements, Value};
use crate::bson::{text, ty};
use crate::error::Result;
use crate::expression::{Scope, check_name, location, name_of};

/// Its pipelines by name.
#[derive(Debug)]
pub(crate) struct Facet {
    parts: Vec<(Box<str>, Pipeline)>,
}

/// The pipelines by name, unparsed: arrays of documents.
pub(super) fn parts<'v>(value: Value<'v>) -> Result<Vec<(&'v str, Value<'v>)>> {
    if value.ty != ty::DOCUMENT || value.bytes.len() == 5 {
        let shown = text::value(value);
        let message = format!(
            "the $facet specification must be a non-empty object, but found: $facet: {shown}"
        );
        return Err(location(40169, message));
    }
    let mut parts = vec![];
    for element in Elements::new(value.bytes)? {
        let element = element?;
        let name = name_of(&element)?;
        check_name(name)?;
        if element.ty != ty::ARRAY {
            let found = ty::name(element.ty);
            let message = format!("arguments to $facet must be arrays, {name} is type {found}");
            return Err(location(40170, message));
        }
        for stage in Elements::new(element.value)? {
            let stage = stage?;
            if stage.ty != ty::DOCUMENT {
                let message = format!(
                    "elements of arrays in $facet spec must be non-empty objects, {name} argument \
                     contained an element of type {}",
                    ty::name(stage.ty)
                );
                return Err(location(40171, message));
            }
        }
        parts.push((name, element.val()));
    }
    Ok(parts)
}

impl Facet {
    pub fn parse(value: Value<'_>, scope: &Scope, depth: usize) -> Result<Facet> {
        let mut parsed = vec![];
        for (name, part) in parts(value)? {
            let pipeline = Pipeline::parse_nested(part, scope, depth)?;
            if let Some(stage) = pipeline.stages().iter().find(|stage| !stage.fits_in_facet()) {
                let stage = stage.name();
                let message = format!("{stage} is not allowed to be used within a $facet stage");
                return Err(location(40600, message));
            }
            parsed.push((name.into(), pipeline));
        }
        Ok(Facet { parts: parsed })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        let chains = self.parts.iter().map(|(_, part)| Chain::new(part.stages(), context));
        Box::new(FacetRun {
            chains: chains.map(|chain| (chain, vec![])).collect(),
            spec: self.clone(),
            memory: Memory::default(),
        })
    }
}

#[derive(Debug)]
struct FacetRun {
    spec: Arc<Facet>,
    chains: Vec<(Chain, Vec<Vec<u8>>)>,
    memory: Memory,
}

fn drain(chain: &mut Chain, into: &mut Vec<Vec<u8>>, memory: &mut Memory) -> Result<()> {
    loop {
        while let Some(doc) = chain.take() {
            memory.take("$facet", doc.len())?;
            into.push(doc);
        }
        if !chain.more()? {
            return Ok(());
        }
    }
}

impl Run for FacetRun {
    fn push(&mut self, doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        for (chain, results) in &mut self.chains {
            if !chain.is_done() {
                chain.push(doc.clone())?;
                drain(chain, results, &mut self.memory)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Sink) -> Result<()> {
        let mut doc = Builder::new();
        for ((name, _), (chain, results)) in self.spec.parts.iter().zip(&mut self.chains) {
            while chain.finish_one()? {
                drain(chain, results, &mut self.memory)?;
            }
            doc.begin(ty::ARRAY, name.as_bytes());
            for (i, result) in results.iter().enumerate() {
                check_len(doc.len() + result.len())?;
                check_depth(2, Value { ty: ty::DOCUMENT, bytes: result })?;
                doc.document(Index::new(i), result);
            }
            doc.end();
        }
        out.accept(doc.finish())
    }

    fn is_done(&self) -> bool {
        // It gives its document at the end in any case.
        !self.chains.is_empty() && self.chains.iter().all(|(chain, _)| chain.is_done())
    }
}

//! A pipeline that begins with `$collStats`: the engine has the figures of the collection, and the
//! server knows how long commands took, and its own name.

use bson::RawDocumentBuf;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::{text, ty};
use tallymap::{Collection, Reason};

use super::host_info::host;
use crate::dispatch::call::{Call, document};
use crate::dispatch::cursors::Source;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Fields, truncated};
use crate::dispatch::put::{Put, raw};
use crate::dispatch::top::Latency;

/// Bytes of an empty document.
const EMPTY_LEN: usize = 5;

/// Which of the server's figures are wanted.
#[derive(Debug, Default, Clone, Copy)]
struct Wanted {
    latencies: bool,
    histograms: bool,
}

/// The documents of the pipeline, if that is how it begins.
///
/// # Errors
/// For what is no option of the stage; the engine's.
pub fn run(call: &Call<'_>, collection: &Collection, stages: &[&[u8]]) -> Outcome<Option<Source>> {
    let Some((first, rest)) = stages.split_first() else { return Ok(None) };
    let Some(stage) = Elements::new(first)?.next().transpose()? else { return Ok(None) };
    if stage.name == b"$indexStats" && stage.ty == ty::DOCUMENT {
        let mut documents = Vec::new();
        for found in collection.aggregate([document(first)?]).run()? {
            documents.push(with_host(call, found?.as_bytes())?);
        }
        return through(collection, rest, documents);
    }
    if stage.name != b"$collStats" || stage.ty != ty::DOCUMENT {
        return Ok(None);
    }
    let (wanted, options) = parse(stage.value)?;
    let mut engines = Builder::new();
    engines.document("$collStats", &options);
    let engines = engines.finish();
    let mut documents = Vec::new();
    for found in collection.aggregate([document(&engines)?]).run()? {
        documents.push(with_figures(call, collection, found?.as_bytes(), wanted)?);
    }
    through(collection, rest, documents)
}

/// What further stages make of these documents.
fn through(
    collection: &Collection,
    stages: &[&[u8]],
    documents: Vec<RawDocumentBuf>,
) -> Outcome<Option<Source>> {
    let stages: Vec<_> = stages.iter().map(|stage| document(stage)).collect::<Outcome<_>>()?;
    Ok(Some(Source::Engine(collection.aggregate(stages).run_over(documents)?)))
}

/// What `$indexStats` says of an index, and where.
fn with_host(call: &Call<'_>, found: &[u8]) -> Outcome<RawDocumentBuf> {
    let mut out = Builder::new();
    for field in Elements::new(found)? {
        let field = field?;
        out.element(&field);
        if field.name == b"key" {
            out.str("host", &host(call));
        }
    }
    Ok(raw(out))
}

/// What the server is asked for, and the options that are left for the engine.
fn parse(options: &[u8]) -> Outcome<(Wanted, Vec<u8>)> {
    let (mut wanted, mut left) = (Wanted::default(), Builder::new());
    for option in Elements::new(options)? {
        let option = option?;
        let name = option.name_lossy();
        if option.name == b"storageStats" && option.ty == ty::DOCUMENT {
            check_scale(option.value)?;
        }
        if !matches!(option.name, b"latencyStats" | b"queryExecStats") {
            left.element(&option);
            continue;
        }
        if option.ty == ty::NULL {
            continue;
        }
        if option.ty != ty::DOCUMENT {
            let found = ty::name(option.ty);
            let message = format!(
                "BSON field '$collStats.{name}' is the wrong type '{found}', expected type 'object'"
            );
            return Err(Failure::new(Reason::TypeMismatch, message));
        }
        if name == "queryExecStats" && option.value.len() > EMPTY_LEN {
            let shown = text::document(option.value);
            let message = format!("expected an empty object, but got {shown}");
            return Err(Failure::new(Reason::Location(31170), message));
        }
        if name == "queryExecStats" {
            let message = "The option 'queryExecStats' of $collStats is not supported";
            return Err(Failure::new(Reason::CommandNotSupported, message));
        }
        wanted.latencies = true;
        for field in Fields::of("$collStats.latencyStats", option.value)? {
            let field = field?;
            if field.name != "histograms" {
                return field.unknown();
            }
        }
        if let Some(histograms) = tallymap::bson::element::get(option.value, "histograms")? {
            if histograms.ty != ty::BOOL {
                let found = ty::name(histograms.ty);
                let message =
                    format!("Field 'histograms' should be a boolean value, but found: {found}");
                return Err(Failure::new(Reason::TypeMismatch, message));
            }
            wanted.histograms = histograms.val().is_true();
        }
    }
    Ok((wanted, left.finish()))
}

/// Refuses to divide by less than one.
fn check_scale(options: &[u8]) -> Outcome<()> {
    let scale = tallymap::bson::element::get(options, "scale")?;
    match scale.and_then(|scale| truncated(scale.val())) {
        Some(scale @ ..1) => {
            let message = format!("BSON field 'scale' value must be >= 1, actual value '{scale}'");
            Err(Failure::new(Reason::Location(51024), message))
        }
        _ => Ok(()),
    }
}

/// The engine's document with the server's figures in their places.
fn with_figures(
    call: &Call<'_>,
    collection: &Collection,
    found: &[u8],
    wanted: Wanted,
) -> Outcome<RawDocumentBuf> {
    let (ns, mut out) = (collection.namespace(), Builder::new());
    for field in Elements::new(found)? {
        let field = field?;
        out.element(&field);
        match field.name {
            b"ns" => drop(out.str("host", &host(call))),
            b"localTime" if wanted.latencies => {
                let entry = call.top().entry(ns.database(), ns.collection()).unwrap_or_default();
                let latencies = &entry.latencies;
                out.put_document("latencyStats", |out| {
                    let kinds = [
                        ("reads", &latencies.reads),
                        ("writes", &latencies.writes),
                        ("commands", &latencies.commands),
                        ("transactions", &Latency::default()),
                    ];
                    for (name, latency) in kinds {
                        out.put_document(name, |out| put(out, latency, wanted.histograms));
                    }
                });
            }
            _ => {}
        }
    }
    Ok(raw(out))
}

fn put(out: &mut Builder, latency: &Latency, has_histogram: bool) {
    if has_histogram {
        out.put_array("histogram", |out| {
            for (at, (micros, count)) in latency.histogram().enumerate() {
                let mut bar = Builder::new();
                bar.put_i64("micros", micros as i64);
                bar.put_i64("count", count as i64);
                let bar = bar.finish();
                out.value(Index::new(at), Value { ty: ty::DOCUMENT, bytes: &bar });
            }
        });
    }
    out.put_i64("latency", latency.usage.time.get() as i64);
    out.put_i64("ops", latency.usage.count.get() as i64);
}

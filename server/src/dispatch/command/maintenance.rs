//! Commands that tidy up a collection: `compact`, `reIndex`, `touch`, and `repairDatabase` for all
//! of a database. The last two were MMAPv1's, and are as mongod 3.2 had them.

use std::time::Instant;

use tallymap::bson::builder::{Builder, Index};
use tallymap::{Collection, CompactPadding, Direction, Reason};

use super::list_indexes::put_specification;
use crate::dispatch::call::{Call, collection_name};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::truncated;
use crate::dispatch::put::Put;

/// Why a cursor has no more.
const MOVED: &str = "the collection was compacted, or its indexes were built anew";

/// The collection that the first field names, by the rules of the older commands.
fn named<'a>(call: &Call<'a>) -> Outcome<Collection> {
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let collection = call.collection_named(name)?;
    if call.name == "compact" && collection.view()?.is_some() {
        return Err(Failure::new(Reason::CommandNotSupportedOnView, "can't compact a view"));
    }
    collection.check_no_view()?;
    match collection.exists() {
        true => Ok(collection),
        false => Err(Failure::new(Reason::NamespaceNotFound, "collection does not exist")),
    }
}

/// Moves the documents of a collection together.
pub fn compact(call: &Call<'_>) -> Outcome<Builder> {
    let collection = named(call)?;
    let padding = padding(call)?;
    let before = collection.stats()?;
    collection.compact_with(padding)?;
    interrupt(call, &collection);
    let after = collection.stats()?;
    let size = |stats: &tallymap::CollStats| stats.storage_size() + stats.total_index_size();
    let mut out = Builder::new();
    out.put_integer("bytesFreed", (size(&before) - size(&after)).max(0));
    Ok(out)
}

/// How long records are to be: `paddingFactor`, `paddingBytes`, `preservePadding`.
fn padding(call: &Call<'_>) -> Outcome<CompactPadding> {
    let number =
        |name: &str| {
            let value = call.request.field(name)?;
            Some(value.as_number().map(|number| number.to_f64()).ok_or_else(|| {
                Failure::new(Reason::TypeMismatch, format!("{name} must be a number"))
            }))
        };
    let (factor, bytes) =
        (number("paddingFactor").transpose()?, number("paddingBytes").transpose()?);
    let preserves = call.request.field("preservePadding").is_some_and(|it| it.is_true());
    match (factor, bytes) {
        (None, None) if preserves => Ok(CompactPadding::Preserve),
        (None, None) => Ok(CompactPadding::Policy),
        _ if preserves => {
            let message = "cannot mix preservePadding and paddingFactor|paddingBytes";
            Err(Failure::new(Reason::BadValue, message))
        }
        (factor, bytes) => {
            let (factor, extra_len) = (factor.unwrap_or(1.0), bytes.unwrap_or(0.0) as i32);
            Ok(CompactPadding::Manual { factor, extra_len })
        }
    }
}

/// Queries on it cannot go on.
fn interrupt(call: &Call<'_>, collection: &Collection) {
    let ns = collection.namespace().as_str();
    call.cursors().interrupt(|of| of == ns, MOVED);
}

/// Builds the indexes of a collection anew.
pub fn re_index(call: &Call<'_>) -> Outcome<Builder> {
    let collection = named(call)?;
    let before = collection.indexes()?.len();
    let after = collection.rebuild_indexes()?;
    interrupt(call, &collection);
    let mut out = Builder::new();
    out.put_integer("nIndexesWas", before as i64);
    out.put_integer("nIndexes", after as i64);
    let indexes = collection.indexes()?;
    let mut failed = None;
    out.put_array("indexes", |out| {
        for (at, index) in indexes.iter().enumerate() {
            out.begin(tallymap::bson::ty::DOCUMENT, Index::new(at));
            failed = failed.take().or(put_specification(out, index).err());
            out.end();
        }
    });
    failed.map_or(Ok(out), Err)
}

/// Reads all of a collection, so that it is in memory.
pub fn touch(call: &Call<'_>) -> Outcome<Builder> {
    let (mut data, mut index) = (false, false);
    for field in call.fields("touch")? {
        let field = field?;
        match field.name {
            "data" => data = field.value.is_true(),
            "index" => index = field.value.is_true(),
            _ => {}
        }
    }
    let name = collection_name(call.target())?;
    let collection = call.collection_named(name)?;
    if !data && !index {
        return Err(Failure::unnumbered("must specify at least one of (data:true, index:true)"));
    }
    if !collection.exists() {
        return Err(Failure::new(Reason::NamespaceNotFound, "collection not found"));
    }
    let mut out = Builder::new();
    if data {
        let began = Instant::now();
        for document in collection.scan(Direction::Forward)? {
            document?;
        }
        let ranges = collection.stats()?.extents.len();
        out.put_document("data", |out| {
            out.put_integer("numRanges", ranges as i64);
            out.put_integer("millis", began.elapsed().as_millis() as i64);
        });
    }
    if index {
        let began = Instant::now();
        let indexes = collection.indexes()?;
        for one in &indexes {
            for entry in collection.index_scan(&one.name, Direction::Forward)? {
                entry?;
            }
        }
        out.put_document("indexes", |out| {
            out.put_integer("num", indexes.len() as i64);
            out.put_integer("numRanges", indexes.len() as i64);
            out.put_integer("millis", began.elapsed().as_millis() as i64);
        });
    }
    Ok(out)
}

/// Compacts every collection of the database, its capped ones excepted, whose indexes are built
/// anew. Its files do not shrink: `tallymap repair` makes new ones.
pub fn repair_database(call: &Call<'_>) -> Outcome<Builder> {
    let options = ["preserveClonedFilesOnFailure", "backupOriginalFiles"];
    for field in call.fields("repairDatabase")? {
        let field = field?;
        if !options.contains(&field.name) {
            return field.unknown();
        }
    }
    if call.target().as_number().is_none_or(|one| one.to_f64() != 1.0) {
        return Err(Failure::unnumbered("bad option"));
    }
    let database = call.database()?;
    for name in database.collection_names()? {
        let collection = database.collection(&name)?;
        if collection.namespace().collection().starts_with("system.") {
            continue;
        }
        match collection.stats()?.capped {
            None => drop(collection.compact_with(CompactPadding::Preserve)?),
            Some(_) => drop(collection.rebuild_indexes()?),
        }
        interrupt(call, &collection);
    }
    Ok(Builder::new())
}

/// `planCacheClear`: queries are planned anew.
pub fn clear_plans(call: &Call<'_>) -> Outcome<Builder> {
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let has = |name| call.request.field(name).is_some();
    if !has("query") && (has("sort") || has("projection") || has("collation")) {
        let message = "sort, projection, or collation provided without query";
        return Err(Failure::new(Reason::BadValue, message));
    }
    let collection = call.collection_named(name)?;
    collection.check_no_view()?;
    collection.forget_plans()?;
    Ok(Builder::new())
}

/// `planCacheListFilters`, `planCacheClearFilters`: there are none.
pub fn plan_filters(call: &Call<'_>) -> Outcome<Builder> {
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    call.collection_named(name)?.check_no_view()?;
    let mut out = Builder::new();
    if call.name == "planCacheListFilters" {
        out.put_array("filters", |_| {});
    }
    Ok(out)
}

/// `planCacheSetFilter`: what is sound is refused, too.
pub fn set_plan_filter(call: &Call<'_>) -> Outcome<Builder> {
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let bad = |message: &str| Err(Failure::new(Reason::BadValue, message));
    if !call.collection_named(name)?.exists() {
        return bad("no such collection");
    }
    if call.request.field("query").is_none() {
        return bad("required field query missing");
    }
    match call.request.field("indexes") {
        None => bad("required field indexes missing"),
        Some(indexes) if indexes.ty != tallymap::bson::ty::ARRAY => {
            bad("required field indexes must be an array")
        }
        Some(indexes) if indexes.bytes.len() <= 5 => {
            bad("required field indexes must contain at least one index")
        }
        Some(_) => {
            let message = "index filters are not supported: give the query a hint";
            Err(Failure::new(Reason::CommandNotSupported, message))
        }
    }
}

/// A positive number of bytes, as `convertToCapped` wants it.
pub fn capped_size(call: &Call<'_>) -> Outcome<i64> {
    let size = call.request.field("size").and_then(truncated);
    size.filter(|size| *size > 0).ok_or_else(|| Failure::unnumbered("invalid command spec"))
}

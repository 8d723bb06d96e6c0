//! The stages of a pipeline, each over all documents.

use bson::{Bson, Document, doc};

use super::collections::Collections;
use super::expression::{Scope, evaluate, is_null};
use super::filter::{equals, is_operators, matches};
use super::numbers::total;
use super::paths::{place, values};
use super::projection::{add_fields, project, put};
use super::sort::SortOrder;
use super::{NO_OPINION, Naive};
use crate::order::{compare, float};

/// Runs documents through a pipeline.
///
/// # Errors
/// No opinion on what is refused.
pub fn run(
    mut documents: Vec<Document>,
    stages: &[Bson],
    all: &Collections,
) -> Naive<Vec<Document>> {
    for stage in stages {
        let stage = stage.as_document().filter(|stage| stage.len() == 1).ok_or(NO_OPINION)?;
        let (name, argument) = stage.iter().next().ok_or(NO_OPINION)?;
        documents = one(documents, name, argument, all)?;
    }
    Ok(documents)
}

fn each(
    documents: Vec<Document>,
    change: impl Fn(&Document) -> Naive<Document>,
) -> Naive<Vec<Document>> {
    if documents.is_empty() {
        // Refused or not, whether or not there are documents.
        change(&Document::new()).map_err(|_| NO_OPINION)?;
    }
    documents.iter().map(change).collect()
}

fn one(
    documents: Vec<Document>,
    name: &str,
    argument: &Bson,
    all: &Collections,
) -> Naive<Vec<Document>> {
    let parts = argument.as_document().ok_or(NO_OPINION);
    let count = || float(argument).filter(|n| n.fract() == 0.0 && *n >= 0.0).ok_or(NO_OPINION);
    match name {
        "$match" => all_matches(documents, parts?),
        "$project" => each(documents, |doc| project(doc, parts?, false)),
        "$addFields" | "$set" => each(documents, |doc| add_fields(doc, parts?)),
        "$unset" => {
            let path = argument.as_str().ok_or(NO_OPINION)?;
            each(documents, |doc| project(doc, &doc! { path: 0 }, false))
        }
        "$sort" if parts?.is_empty() => Err(NO_OPINION),
        // Which error is met first depends on the stages that are moved.
        "$sort" => SortOrder::parse(parts?)?.sort(documents).map_err(|_| NO_OPINION),
        "$skip" => Ok(documents.into_iter().skip(count()? as usize).collect()),
        "$limit" if count()? == 0.0 => Err(NO_OPINION),
        "$limit" => Ok(documents.into_iter().take(count()? as usize).collect()),
        "$count" => {
            let field =
                argument.as_str().filter(|name| !name.is_empty() && !name.contains(['$', '.']));
            let count = doc! { field.ok_or(NO_OPINION)?: documents.len() as i32 };
            Ok(if documents.is_empty() { vec![] } else { vec![count] })
        }
        "$group" => group(documents, parts?),
        "$sortByCount" if !is_expression(argument) => Err(NO_OPINION),
        "$sortByCount" => {
            let counts = group(documents, &doc! { "_id": argument, "count": { "$sum": 1 } })?;
            SortOrder::parse(&doc! { "count": -1 })?.sort(counts)
        }
        "$bucket" => bucket(documents, parts?),
        "$unwind" => unwind(documents, argument),
        "$replaceRoot" => replace_root(documents, parts?.get("newRoot").ok_or(NO_OPINION)?),
        "$replaceWith" => replace_root(documents, argument),
        "$lookup" => lookup(documents, parts?, all),
        "$facet" if parts?.is_empty() => Err(NO_OPINION),
        "$facet" => {
            let mut out = Document::new();
            for (name, stages) in parts? {
                let stages = stages.as_array().ok_or(NO_OPINION)?;
                let found = run(documents.clone(), stages, all)?;
                out.insert(name, found.into_iter().map(Bson::from).collect::<Vec<_>>());
            }
            Ok(vec![out])
        }
        _ => Err(NO_OPINION),
    }
}

fn all_matches(documents: Vec<Document>, filter: &Document) -> Naive<Vec<Document>> {
    // Refused or not, whether or not there are documents.
    matches(&Document::new(), filter)?;
    let mut out = vec![];
    for doc in documents {
        if matches(&doc, filter)? {
            out.push(doc);
        }
    }
    Ok(out)
}

fn replace_root(documents: Vec<Document>, root: &Bson) -> Naive<Vec<Document>> {
    each(documents, |doc| match evaluate(root, &Scope::new(doc))? {
        Some(Bson::Document(root)) => Ok(root),
        _ => Err(NO_OPINION),
    })
}

fn group(documents: Vec<Document>, parts: &Document) -> Naive<Vec<Document>> {
    let id = parts.get("_id").ok_or(NO_OPINION)?;
    // Numbers and truths there would be flags of a projection.
    let flag = |value: &Bson| float(value).is_some() || matches!(value, Bson::Boolean(_));
    if id
        .as_document()
        .is_some_and(|id| id.values().any(flag) && is_operators(&id.clone().into()).is_none())
    {
        return Err(NO_OPINION);
    }
    if documents.is_empty() {
        // Refused or not, whether or not there are documents.
        for argument in parts.iter().filter(|(name, _)| *name != "_id").map(|(_, spec)| spec) {
            let argument = argument.as_document().and_then(|spec| spec.values().next());
            let argument = argument.ok_or(NO_OPINION)?;
            if argument.as_array().is_some_and(|items| items.len() != 1) {
                return Err(NO_OPINION);
            }
            evaluate(argument, &Scope::new(&Document::new())).map_err(|_| NO_OPINION)?;
        }
        evaluate(id, &Scope::new(&Document::new())).map_err(|_| NO_OPINION)?;
    }
    let mut groups: Vec<(Bson, Vec<Scope>)> = vec![];
    for doc in documents {
        let scope = Scope::new(&doc);
        let mut key = evaluate(id, &scope)?.unwrap_or(Bson::Null);
        // The one field of an object is null rather than missing.
        let fields = id.as_document().filter(|fields| fields.len() == 1);
        let name = fields.and_then(|fields| fields.keys().next());
        if let (Some(name), Bson::Document(key)) = (name, &mut key)
            && !name.starts_with('$')
            && key.is_empty()
        {
            key.insert(name, Bson::Null);
        }
        match groups.iter_mut().find(|(known, _)| compare(known, &key).is_eq()) {
            Some((_, members)) => members.push(scope),
            None => groups.push((key, vec![scope])),
        }
    }
    let mut out = vec![];
    for (key, members) in groups {
        let mut result = doc! { "_id": key };
        for (name, accumulator) in parts.iter().filter(|(name, _)| *name != "_id") {
            let accumulator = accumulator.as_document().filter(|doc| doc.len() == 1);
            let (operator, argument) =
                accumulator.and_then(|a| a.iter().next()).ok_or(NO_OPINION)?;
            if argument.as_array().is_some_and(|items| items.len() != 1) {
                return Err(NO_OPINION);
            }
            let items = members.iter().map(|scope| evaluate(argument, scope));
            let items: Vec<Option<Bson>> = items.collect::<Naive<_>>()?;
            if name.contains('.') {
                return Err(NO_OPINION);
            }
            if let Some(value) = accumulate(operator, items)? {
                result.insert(name, value);
            }
        }
        out.push(result);
    }
    Ok(out)
}

fn accumulate(operator: &str, items: Vec<Option<Bson>>) -> Naive<Option<Bson>> {
    match operator {
        "$sum" | "$avg" | "$min" | "$max" | "$stdDevPop" | "$stdDevSamp" => total(operator, &items),
        "$first" => Ok(Some(items.into_iter().next().flatten().unwrap_or(Bson::Null))),
        "$last" => Ok(Some(items.into_iter().next_back().flatten().unwrap_or(Bson::Null))),
        "$push" => Ok(Some(items.into_iter().flatten().collect())),
        "$addToSet" => {
            let mut out: Vec<Bson> = vec![];
            for item in items.into_iter().flatten() {
                if !out.iter().any(|known| compare(known, &item).is_eq()) {
                    out.push(item);
                }
            }
            Ok(Some(out.into()))
        }
        _ => Err(NO_OPINION),
    }
}

/// A path, or an operator.
fn is_expression(value: &Bson) -> bool {
    let is_path = value.as_str().is_some_and(|path| path.starts_with('$'));
    is_path || is_operators(value).is_some()
}

fn bucket(documents: Vec<Document>, parts: &Document) -> Naive<Vec<Document>> {
    let bounds = parts.get_array("boundaries").map_err(|_| NO_OPINION)?;
    if bounds.len() < 2 || bounds.windows(2).any(|pair| compare(&pair[0], &pair[1]).is_ge()) {
        return Err(NO_OPINION);
    }
    let by = parts.get("groupBy").filter(|by| is_expression(by)).ok_or(NO_OPINION)?;
    let mut buckets: Vec<(Bson, Vec<Document>)> = vec![];
    for doc in documents {
        let value = evaluate(by, &Scope::new(&doc))?;
        let key = value.and_then(|value| {
            let inside = |pair: &&[Bson]| {
                compare(&pair[0], &value).is_le() && compare(&value, &pair[1]).is_lt()
            };
            bounds.windows(2).find(inside).map(|pair| pair[0].clone())
        });
        let key = key.or_else(|| parts.get("default").cloned()).ok_or(NO_OPINION)?;
        match buckets.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(doc),
            None => buckets.push((key, vec![doc])),
        }
    }
    let mut out = vec![];
    for (key, members) in buckets {
        let output = match parts.get("output") {
            Some(output) => output.as_document().cloned().ok_or(NO_OPINION)?,
            None => doc! { "count": { "$sum": 1 } },
        };
        let mut spec = doc! { "_id": { "$literal": key } };
        spec.extend(output);
        out.extend(group(members, &spec)?);
    }
    SortOrder::parse(&doc! { "_id": 1 })?.sort(out)
}

fn unwind(documents: Vec<Document>, argument: &Bson) -> Naive<Vec<Document>> {
    let empty = Document::new();
    let options = argument.as_document().unwrap_or(&empty);
    let path = argument.as_str().or_else(|| options.get_str("path").ok()).ok_or(NO_OPINION)?;
    let path = path.strip_prefix('$').filter(|path| !path.is_empty()).ok_or(NO_OPINION)?;
    let parts: Vec<&str> = path.split('.').collect();
    let known = ["path", "preserveNullAndEmptyArrays", "includeArrayIndex"];
    if options.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(NO_OPINION);
    }
    let keep = options.get_bool("preserveNullAndEmptyArrays").unwrap_or(false);
    let index = options.get_str("includeArrayIndex").ok();
    let mut out = vec![];
    for doc in documents {
        let with = |value: Option<Bson>, at: Bson| -> Naive<Document> {
            let mut new = put(Some(doc.clone().into()), &parts, value);
            if let Some(index) = index {
                let index: Vec<&str> = index.split('.').collect();
                new = put(new, &index, Some(at));
            }
            new.and_then(|new| new.as_document().cloned()).ok_or(NO_OPINION)
        };
        match plain(&doc, &parts) {
            Some(Bson::Array(items)) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    out.push(with(Some(item.clone()), Bson::Int64(at as i64))?);
                }
            }
            Some(Bson::Array(_)) if keep => out.push(with(None, Bson::Null)?),
            Some(Bson::Array(_)) => {}
            value => {
                let null = is_null(&value.cloned());
                if keep || !null {
                    match value {
                        Some(value) => out.push(with(Some(value.clone()), Bson::Null)?),
                        None if index.is_some() => return Err(NO_OPINION),
                        None => out.push(doc.clone()),
                    }
                }
            }
        }
    }
    Ok(out)
}

/// What stands at a path that leads through documents only.
fn plain<'a>(doc: &'a Document, parts: &[&str]) -> Option<&'a Bson> {
    let value = doc.get(parts[0])?;
    match parts.len() {
        1 => Some(value),
        _ => plain(value.as_document()?, &parts[1..]),
    }
}

/// What a path leads to: a number to a place in an array, a name into each document of it.
fn local_values(value: &Bson, path: &[&str], out: &mut Vec<Bson>) {
    match (value, path) {
        (Bson::Array(items), []) => out.extend(items.iter().cloned()),
        (value, []) => out.push(value.clone()),
        (Bson::Document(doc), [name, rest @ ..]) => {
            if let Some(value) = doc.get(name) {
                local_values(value, rest, out);
            }
        }
        (Bson::Array(items), [name, rest @ ..]) => match place(name) {
            Some(place) => {
                if let Some(item) = items.get(place) {
                    local_values(item, rest, out);
                }
            }
            None => {
                let docs = items.iter().filter(|item| matches!(item, Bson::Document(_)));
                docs.for_each(|item| local_values(item, path, out));
            }
        },
        _ => {}
    }
}

fn lookup(documents: Vec<Document>, parts: &Document, all: &Collections) -> Naive<Vec<Document>> {
    let text = |name: &str| parts.get_str(name).map_err(|_| NO_OPINION);
    let (local, foreign) = (text("localField")?, text("foreignField")?);
    let path: Vec<&str> = local.split('.').collect();
    let others = all.documents(text("from")?);
    each(documents, |doc| {
        // Elements stand for their arrays, null for nothing.
        let mut wanted: Vec<Bson> = vec![];
        local_values(&doc.clone().into(), &path, &mut wanted);
        if wanted.is_empty() {
            wanted.push(Bson::Null);
        }
        if wanted.iter().any(|value| matches!(value, Bson::RegularExpression(_))) {
            return Err(NO_OPINION);
        }
        let matching = |other: &&Document| {
            let theirs = values(other, foreign, true);
            theirs.iter().any(|value| wanted.iter().any(|wanted| equals(*value, wanted)))
        };
        let found: Vec<Bson> = others.iter().filter(matching).cloned().map(Bson::from).collect();
        let path: Vec<&str> = text("as")?.split('.').collect();
        if path.len() > 1 && matches!(doc.get(path[0]), Some(Bson::Array(_))) {
            return Err(NO_OPINION);
        }
        let new = put(Some(doc.clone().into()), &path, Some(found.into()));
        new.and_then(|new| new.as_document().cloned()).ok_or(NO_OPINION)
    })
}

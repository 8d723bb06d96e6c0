//! Projections of finds and of `$project`, and computed fields.

use bson::{Bson, Document};

use super::expression::{Scope, evaluate, is_true};
use super::filter::{first_element, is_operators};
use super::{NO_OPINION, Naive};
use crate::order::float;

/// What is asked of a field.
#[derive(Debug, Clone)]
enum Node {
    Keep,
    Drop,
    Below(Tree),
    Slice(i64, Option<i64>),
}

type Tree = Vec<(String, Node)>;

/// A parsed projection.
struct Parsed {
    including: bool,
    tree: Tree,
    /// Paths with their expressions; `$elemMatch` with its filter.
    computed: Vec<(String, Bson)>,
    /// Kept whole or not at all.
    id: bool,
}

/// What a projection makes of a document; of a find's if `is_find`.
///
/// # Errors
/// No opinion on positional ones and on what is refused.
pub fn project(doc: &Document, projection: &Document, is_find: bool) -> Naive<Document> {
    let parsed = parse(projection, is_find)?;
    let mut out = Document::new();
    if let (true, Some(id)) = (parsed.id, doc.get("_id")) {
        out.insert("_id", id.clone());
    }
    let mut rest = doc.clone();
    rest.remove("_id");
    let rest =
        if parsed.including { include(&rest, &parsed.tree) } else { exclude(&rest, &parsed.tree) };
    out.extend(rest);
    let scope = Scope::new(doc);
    let mut out = Bson::Document(out);
    for (path, expression) in &parsed.computed {
        let parts: Vec<&str> = path.split('.').collect();
        let elements = expression.as_document().and_then(|doc| doc.get_document("$elemMatch").ok());
        let value = match elements {
            Some(elements) if is_find => {
                let array = doc.get(path);
                let place = first_element(array, elements)?;
                let items = array.and_then(Bson::as_array);
                let found = place.and_then(|place| items.map(|items| items[place].clone()));
                found.map(|found| Bson::Array(vec![found]))
            }
            _ => evaluate(expression, &scope)?,
        };
        out = put(Some(out), &parts, value).ok_or(NO_OPINION)?;
    }
    match cleared(out) {
        Bson::Document(out) => Ok(out),
        _ => Err(NO_OPINION),
    }
}

fn parse(projection: &Document, is_find: bool) -> Naive<Parsed> {
    let mut parsed = Parsed { including: false, tree: vec![], computed: vec![], id: true };
    let (mut includes, mut excludes) = (false, false);
    for (path, value) in projection {
        let is_flag = float(value).is_some() || matches!(value, Bson::Boolean(_));
        let bad = |part: &str| part.is_empty() || part.starts_with('$');
        if path.split('.').any(bad) || path.starts_with("_id.") {
            return Err(NO_OPINION);
        }
        if path == "_id" {
            if !is_flag {
                return Err(NO_OPINION);
            }
            parsed.id = is_true(Some(value));
            continue;
        }
        let operator = is_operators(value).and_then(|doc| doc.iter().next());
        let node = match operator {
            Some((name, argument)) if is_find && name == "$slice" => slice(argument)?,
            Some((name, _)) if is_find && name == "$elemMatch" => {
                parsed.computed.push((path.clone(), value.clone()));
                continue;
            }
            _ if is_flag && is_true(Some(value)) => {
                includes = true;
                Node::Keep
            }
            _ if is_flag => {
                excludes = true;
                Node::Drop
            }
            None if value.as_document().is_some() => return Err(NO_OPINION),
            _ => {
                includes = true;
                parsed.computed.push((path.clone(), value.clone()));
                // What leads to it is kept, empty.
                if let Some((parent, _)) = path.rsplit_once('.') {
                    let parts: Vec<&str> = parent.split('.').collect();
                    grow(&mut parsed.tree, &parts, Node::Below(vec![]))?;
                }
                continue;
            }
        };
        let parts: Vec<&str> = path.split('.').collect();
        grow(&mut parsed.tree, &parts, node)?;
    }
    if includes && excludes || (projection.is_empty() && !is_find) {
        return Err(NO_OPINION);
    }
    for (n, (path, _)) in parsed.computed.iter().enumerate() {
        let inside = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}."));
        let clash = |other: &str| inside(path, other) || inside(other, path);
        if parsed.computed[..n].iter().any(|(other, _)| clash(other))
            || projection.keys().any(|other| other != path && clash(other))
        {
            return Err(NO_OPINION);
        }
    }
    // What only cuts or chooses elements leaves the others, unless it stands alone.
    let cuts = parsed.tree.iter().any(|(_, node)| cuts(node));
    let chooses = !parsed.computed.is_empty() && !cuts;
    let by_id = projection.contains_key("_id") && parsed.id;
    parsed.including = includes || (!excludes && (by_id || chooses));
    Ok(parsed)
}

fn cuts(node: &Node) -> bool {
    match node {
        Node::Below(tree) => tree.iter().any(|(_, node)| cuts(node)),
        node => matches!(node, Node::Slice(..)),
    }
}

fn slice(argument: &Bson) -> Naive<Node> {
    match argument {
        Bson::Int32(count) => Ok(Node::Slice(i64::from(*count), None)),
        Bson::Array(both) => match both.as_slice() {
            [Bson::Int32(skip), Bson::Int32(count)] if *count > 0 => {
                Ok(Node::Slice(i64::from(*skip), Some(i64::from(*count))))
            }
            _ => Err(NO_OPINION),
        },
        _ => Err(NO_OPINION),
    }
}

fn grow(tree: &mut Tree, parts: &[&str], node: Node) -> Naive<()> {
    let at = match tree.iter().position(|(name, _)| name == parts[0]) {
        Some(at) => at,
        None => {
            tree.push((parts[0].to_owned(), Node::Below(vec![])));
            let at = tree.len() - 1;
            if parts.len() == 1 {
                tree[at].1 = node;
                return Ok(());
            }
            at
        }
    };
    match (&mut tree[at].1, parts.len()) {
        // Two paths, one inside the other.
        (_, 1) if !matches!(node, Node::Below(_)) => Err(NO_OPINION),
        (Node::Below(_), 1) => Ok(()),
        (Node::Below(below), _) => grow(below, &parts[1..], node),
        _ => Err(NO_OPINION),
    }
}

fn sliced(value: &Bson, skip: i64, count: Option<i64>) -> Bson {
    let Bson::Array(items) = value else { return value.clone() };
    let len = items.len() as i64;
    let (from, count) = match count {
        Some(count) if skip < 0 => ((len + skip).max(0), count),
        Some(count) => (skip, count),
        None if skip < 0 => ((len + skip).max(0), -skip),
        None => (0, skip),
    };
    items.iter().skip(from as usize).take(count as usize).cloned().collect()
}

fn include(doc: &Document, tree: &Tree) -> Document {
    let mut out = Document::new();
    for (name, value) in doc {
        let Some((_, node)) = tree.iter().find(|(known, _)| known == name) else { continue };
        match node {
            Node::Keep => drop(out.insert(name, value.clone())),
            Node::Slice(skip, count) => drop(out.insert(name, sliced(value, *skip, *count))),
            Node::Below(tree) => {
                // Keeps its place, should something be computed for it.
                out.insert(name, include_value(value, tree));
            }
            Node::Drop => {}
        }
    }
    out
}

/// Undefined stands for nothing until all is computed.
fn include_value(value: &Bson, tree: &Tree) -> Bson {
    match value {
        Bson::Document(doc) => include(doc, tree).into(),
        Bson::Array(items) => items.iter().map(|item| include_value(item, tree)).collect(),
        _ => Bson::Undefined,
    }
}

fn exclude(doc: &Document, tree: &Tree) -> Document {
    let mut out = Document::new();
    for (name, value) in doc {
        match tree.iter().find(|(known, _)| known == name).map(|(_, node)| node) {
            None | Some(Node::Keep) => drop(out.insert(name, value.clone())),
            Some(Node::Slice(skip, count)) => drop(out.insert(name, sliced(value, *skip, *count))),
            Some(Node::Below(tree)) => drop(out.insert(name, exclude_value(value, tree))),
            Some(Node::Drop) => {}
        }
    }
    out
}

fn exclude_value(value: &Bson, tree: &Tree) -> Bson {
    match value {
        Bson::Document(doc) => exclude(doc, tree).into(),
        Bson::Array(items) => items.iter().map(|item| exclude_value(item, tree)).collect(),
        other => other.clone(),
    }
}

fn cleared(value: Bson) -> Bson {
    match value {
        Bson::Document(doc) => {
            let kept = doc.into_iter().filter(|(_, value)| *value != Bson::Undefined);
            kept.map(|(name, value)| (name, cleared(value))).collect::<Document>().into()
        }
        Bson::Array(items) => {
            let kept = items.into_iter().filter(|value| *value != Bson::Undefined);
            kept.map(cleared).collect()
        }
        other => other,
    }
}

/// A value with another one at a path in it, in every element of arrays on the way.
pub fn put(value: Option<Bson>, parts: &[&str], new: Option<Bson>) -> Option<Bson> {
    let Some((name, rest)) = parts.split_first() else { return new };
    match value {
        Some(Bson::Array(items)) => {
            let each = items.into_iter().filter_map(|item| put(Some(item), parts, new.clone()));
            Some(each.collect())
        }
        Some(Bson::Document(mut doc)) => {
            match put(doc.get(name).cloned(), rest, new) {
                Some(new) => drop(doc.insert(*name, new)),
                None => drop(doc.remove(name)),
            }
            Some(doc.into())
        }
        _ => {
            let mut doc = Document::new();
            if let Some(new) = put(None, rest, new) {
                doc.insert(*name, new);
            }
            Some(doc.into())
        }
    }
}

/// The document with computed fields, as `$addFields` adds them.
pub fn add_fields(doc: &Document, fields: &Document) -> Naive<Document> {
    let scope = Scope::new(doc);
    let mut out = Some(Bson::Document(doc.clone()));
    for (n, (path, expression)) in fields.iter().enumerate() {
        let inside = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}."));
        let bad = |part: &str| part.is_empty() || part.starts_with('$');
        let clash = |other: &String| inside(path, other) || inside(other, path);
        let nested = expression.as_document().is_some() && is_operators(expression).is_none();
        if path.split('.').any(bad) || nested || fields.keys().take(n).any(clash) {
            return Err(NO_OPINION);
        }
        let parts: Vec<&str> = path.split('.').collect();
        out = put(out, &parts, evaluate(expression, &scope)?);
    }
    out.and_then(|out| out.as_document().cloned()).ok_or(NO_OPINION)
}

//! Parses a projection.
//!
//! The first field that is included, computed or excluded decides which of the two a projection
//! does; `_id` may be the exception. If none does, `$slice` leaves the other fields and
//! `$elemMatch` does not.

use super::Policy;
use super::slice::Slice;
use super::tree::{Mode, Node, Rule};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{Expression, Scope};
use crate::limits::NESTING_MAX;
use crate::query::field_names;
use crate::query::filter::{Filter, truncated};

/// The tree of a projection, and what becomes of what it does not name.
pub(super) fn tree(
    projection: &[u8],
    policy: Policy,
    filter: Option<&Filter>,
    scope: &Scope,
) -> Result<(Mode, Node)> {
    let mut parser = Parser {
        policy,
        filter,
        scope,
        root: Node::default(),
        mode: None,
        id: None,
        has_slice: false,
        has_elem_match: false,
        has_positional: false,
        fails: None,
    };
    parser.document("", projection, 0)?;
    parser.finish()
}

struct Parser<'s> {
    policy: Policy,
    /// What a positional `$` stands for an element of.
    filter: Option<&'s Filter>,
    scope: &'s Scope,
    root: Node,
    mode: Option<Mode>,
    /// Is `_id` wanted, if that is said?
    id: Option<bool>,
    has_slice: bool,
    has_elem_match: bool,
    has_positional: bool,
    /// Why the whole of it fails, if nothing else is wrong with it.
    fails: Option<Error>,
}

/// A path as a rule is for it, and as it is written at its place.
#[derive(Debug, Clone, Copy)]
struct Path<'p> {
    whole: &'p str,
    relative: &'p str,
}

fn refused<T>(code: i32, message: impl Into<String>) -> Result<T> {
    Err(Error::refused(Reason::Location(code), message))
}

/// Include or exclude? None if it is a value or an expression.
fn flag(value: Value<'_>) -> Option<bool> {
    match value.ty {
        ty::BOOL => Some(value.is_true()),
        ty::DECIMAL128 => Some(truncated(value) != Some(0)),
        ty::INT32 | ty::INT64 | ty::DOUBLE => Some(value.is_true()),
        _ => None,
    }
}

/// Refuses what a positional `$` cannot be set to.
fn check_positional(element: &Element<'_>) -> Result<()> {
    let (code, what) = match (element.ty, flag(element.val())) {
        (ty::DOCUMENT, _) => (31271, "an expression or sub object"),
        (_, Some(false)) => (31395, "exclusion"),
        (_, None) => (31308, "a literal"),
        (_, Some(true)) => return Ok(()),
    };
    refused(code, format!("positional projection cannot be used with {what}"))
}

impl Parser<'_> {
    fn document(&mut self, above: &str, doc: &[u8], depth: usize) -> Result<()> {
        if depth > NESTING_MAX {
            return Err(Error::refused(Reason::Overflow, "a projection nests too deeply"));
        }
        for element in Elements::new(doc)? {
            let element = element?;
            let name = std::str::from_utf8(element.name)
                .map_err(|_| Error::invalid_bson(element.ofs + 1, "text is UTF-8"))?;
            self.element(above, name, &element, depth)?;
        }
        Ok(())
    }

    fn element(
        &mut self,
        above: &str,
        name: &str,
        element: &Element<'_>,
        depth: usize,
    ) -> Result<()> {
        let (path, positional) = match self.positional(name)? {
            Some(before) => (before, true),
            None => (name, false),
        };
        if positional {
            check_positional(element)?;
        }
        field_names::check(path)?;
        let whole = if above.is_empty() { path.to_owned() } else { format!("{above}.{path}") };
        let path = Path { whole: &whole, relative: path };
        if whole.split('.').count() > NESTING_MAX {
            let message = format!("a path has at most {NESTING_MAX} components");
            return Err(Error::refused(Reason::Overflow, message));
        }
        if element.ty == ty::DOCUMENT {
            return self.object(path, element, depth);
        }
        match flag(element.val()) {
            Some(wanted) => self.flag(path, name, wanted, positional),
            None => self.computed(path, element.val(), element),
        }
    }

    /// The path before a positional `$`.
    fn positional<'n>(&self, name: &'n str) -> Result<Option<&'n str>> {
        if !name.contains(".$.") && !name.ends_with(".$") {
            return Ok(None);
        }
        if self.policy == Policy::Aggregate {
            return refused(31324, "Cannot use positional projection in aggregation projection");
        }
        if name.contains(".$.") {
            let message = "As of 4.4, it's illegal to specify positional operator in the middle \
                           of a path.Positional projection may only be used at the end, for \
                           example: a.b.$. If the query previously used a form like a.b.$.d, \
                           remove the parts following the '$' and the results will be \
                           equivalent.";
            return refused(31394, message);
        }
        Ok(name.strip_suffix(".$"))
    }

    fn flag(&mut self, path: Path<'_>, name: &str, wanted: bool, positional: bool) -> Result<()> {
        if path.whole == "_id" && !positional {
            self.id = Some(wanted);
            return self.place(path, Some(if wanted { Rule::Include } else { Rule::Exclude }));
        }
        if positional {
            if self.has_elem_match {
                return refused(31256, "Cannot specify positional operator and $elemMatch.");
            }
            if self.has_positional {
                let message = "Cannot specify more than one positional projection per query.";
                return refused(31276, message);
            }
            if let Some(name) = self.filter.and_then(Filter::without_position) {
                let message = format!("{name} is not allowed in this context");
                return Err(Error::refused(Reason::QueryFeatureNotAllowed, message));
            }
            self.has_positional = true;
            self.place(path, Some(Rule::Positional))?;
            return self.set_mode(wanted, name);
        }
        self.place(path, Some(if wanted { Rule::Include } else { Rule::Exclude }))?;
        self.set_mode(wanted, name)
    }

    fn set_mode(&mut self, wanted: bool, name: &str) -> Result<()> {
        match (self.mode, wanted) {
            (Some(Mode::Inclusion), false) => refused(
                31254,
                format!("Cannot do exclusion on field {name} in inclusion projection"),
            ),
            (Some(Mode::Exclusion), true) => refused(
                31253,
                format!("Cannot do inclusion on field {name} in exclusion projection"),
            ),
            _ => {
                self.mode = Some(if wanted { Mode::Inclusion } else { Mode::Exclusion });
                Ok(())
            }
        }
    }

    fn object(&mut self, path: Path<'_>, element: &Element<'_>, depth: usize) -> Result<()> {
        let mut inner = Elements::new(element.value)?;
        let Some(first) = inner.next().transpose()? else {
            let message = "An empty sub-projection is not a valid value. Found empty object at \
                           path";
            return refused(51270, message);
        };
        let is_reference = matches!(first.name, b"$id" | b"$ref" | b"$db");
        if !first.name.starts_with(b"$") || is_reference || inner.next().is_some() {
            self.place(path, None)?;
            return self.document(path.whole, element.value, depth + 1);
        }
        match (first.name, self.policy) {
            (b"$slice", Policy::Find) => self.slice(path, &first, element),
            (b"$elemMatch", Policy::Find) => self.elem_match(path, &first),
            (b"$elemMatch", Policy::Aggregate) => {
                let message = "Cannot use $elemMatch in this context";
                Err(Error::refused(Reason::InvalidPipelineOperator, message))
            }
            (b"$meta", _) => meta(&first),
            _ => self.computed(path, element.val(), element),
        }
    }

    fn slice(&mut self, path: Path<'_>, slice: &Element<'_>, element: &Element<'_>) -> Result<()> {
        let why = match Slice::parse(slice)? {
            Ok(slice) => match self.place(path, Some(Rule::Slice(slice))) {
                Ok(()) => {
                    self.has_slice = true;
                    return Ok(());
                }
                Err(error) => format!("Location{}: {error}", error.code()),
            },
            Err(why) => why,
        };
        let refused = Slice::refused_as_expression(slice)?;
        // It may be the `$slice` of expressions, and fail when it is evaluated.
        let computed = match refused.filter(|_| self.mode != Some(Mode::Exclusion)) {
            Some(refused) => {
                self.mode = Some(Mode::Inclusion);
                self.fails = Some(refused);
                self.place(path, Some(Rule::Include))
            }
            None => self.computed(path, element.val(), element),
        };
        computed.map_err(|error| {
            let given = text::document(element.value);
            let message = format!(
                "Invalid $slice syntax. The given syntax {given} did not match the find() syntax \
                 because :: {why} :: The given syntax did not match the expression $slice \
                 syntax. :: caused by :: {error}"
            );
            Error::refused(Reason::Location(error.code()), message)
        })
    }

    fn elem_match(&mut self, path: Path<'_>, elem_match: &Element<'_>) -> Result<()> {
        if elem_match.ty != ty::DOCUMENT {
            let ty = ty::name(elem_match.ty);
            let message = format!("elemMatch: Invalid argument, object required, but got {ty}");
            return refused(31274, message);
        }
        if self.has_positional {
            return refused(31255, "Cannot specify positional operator and $elemMatch.");
        }
        if path.whole.contains('.') {
            return refused(31275, "Cannot use $elemMatch projection on a nested field.");
        }
        self.has_elem_match = true;
        let test = Filter::parse_elem_match(elem_match)?;
        self.place(path, Some(Rule::ElemMatch(Box::new(test))))
    }

    fn computed(&mut self, path: Path<'_>, value: Value<'_>, element: &Element<'_>) -> Result<()> {
        let is_exclusion = self.mode == Some(Mode::Exclusion);
        let expression = Expression::parse(value, self.scope).map_err(unknown_expression(value));
        let is_unknown = expression.as_ref().is_err_and(|error| error.code() == 31325);
        if is_exclusion && element.ty == ty::DOCUMENT && !is_unknown {
            let message = "Cannot use expression other than $meta in exclusion projection";
            return refused(31252, message);
        }
        let expression = expression?;
        self.place(path, Some(Rule::Computed(Box::new(expression))))?;
        if is_exclusion {
            let shown = text::named(element.name, value);
            let message = format!("Cannot use an expression {shown} in an exclusion projection");
            return refused(31310, message);
        }
        self.mode = Some(Mode::Inclusion);
        Ok(())
    }

    /// Adds a rule at the end of a path; without one, makes room for rules below it.
    fn place(&mut self, path: Path<'_>, rule: Option<Rule>) -> Result<()> {
        let Path { whole, relative } = path;
        let mut node = &mut self.root;
        for (dot, _) in whole.match_indices('.') {
            let start = whole[..dot].rfind('.').map_or(0, |dot| dot + 1);
            let name = &whole.as_bytes()[start..dot];
            let next = match node.place(name) {
                Some(_) => node.rule_mut(name),
                None => Some(node.add(&whole[..dot], Rule::Below(Node::default()))),
            };
            let Some(Rule::Below(below)) = next else {
                let rest = relative.split_once('.').map_or("", |(_, rest)| rest);
                let message = format!("Path collision at {relative} remaining portion {rest}");
                return refused(31249, message);
            };
            node = below;
        }
        let name = whole.rsplit('.').next().unwrap_or_default().as_bytes();
        match (node.rule_mut(name), rule) {
            (None, rule) => {
                node.add(whole, rule.unwrap_or_else(|| Rule::Below(Node::default())));
                Ok(())
            }
            (Some(Rule::Below(_)), None) => Ok(()),
            _ => refused(31250, format!("Path collision at {relative}")),
        }
    }

    fn finish(mut self) -> Result<(Mode, Node)> {
        if self.root.rules().is_empty() && self.policy == Policy::Aggregate {
            return refused(51272, "projection specification must have at least one field");
        }
        if let Some(error) = self.fails {
            return Err(error);
        }
        let mode = self.mode.unwrap_or(match self.id {
            Some(true) => Mode::Inclusion,
            _ if self.has_elem_match && !self.has_slice => Mode::Inclusion,
            _ => Mode::Exclusion,
        });
        if mode == Mode::Inclusion && self.root.place(b"_id").is_none() {
            self.root.add("_id", Rule::Include);
        }
        let needless = |rule: &Rule| match mode {
            Mode::Inclusion => matches!(rule, Rule::Exclude),
            Mode::Exclusion => matches!(rule, Rule::Include),
        };
        self.root.retain(|named| !needless(&named.rule));
        self.root.seal(mode);
        Ok((mode, self.root))
    }
}

/// What an expression that does not exist is called here.
fn unknown_expression(value: Value<'_>) -> impl FnOnce(Error) -> Error {
    let first = match value.ty {
        ty::DOCUMENT => Elements::new(value.bytes).ok().and_then(|mut elements| elements.next()),
        _ => None,
    };
    let name = first.and_then(Result::ok).map(|first| first.name_lossy().into_owned());
    move |error| match (error, name) {
        (Error::Refused { reason: Reason::InvalidPipelineOperator, message }, Some(name))
            if message.contains("Unrecognized expression") && message.contains(&name) =>
        {
            Error::refused(Reason::Location(31325), format!("Unknown expression {name}"))
        }
        (error, _) => error,
    }
}

/// There is no metadata to give back.
fn meta<T>(meta: &Element<'_>) -> Result<T> {
    match meta.val().as_str() {
        None => refused(17307, "$meta only supports string arguments"),
        Some("textScore") => {
            refused(40218, "query requires text score metadata, but it is not available")
        }
        Some(other) => refused(17308, format!("Unsupported argument to $meta: {other}")),
    }
}

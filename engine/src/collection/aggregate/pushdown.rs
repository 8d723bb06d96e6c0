//! What a pipeline begins with and a find can do: match, sort, skip, limit, and which fields
//! are of any use behind that.

use crate::aggregate::{Kind, Stage};
use crate::bson::builder::{Builder, Index};
use crate::bson::number::Number;
use crate::bson::ty;

/// The beginning of a pipeline as a query.
#[derive(Debug, Clone)]
pub struct Pushed {
    pub filter: Vec<u8>,
    pub sort: Option<Vec<u8>>,
    pub skip: u64,
    pub limit: u64,
    pub projection: Option<Vec<u8>>,
    /// How many stages it does.
    pub stages: usize,
}

impl Pushed {
    pub fn of(filter: &[u8], stages: &[Stage]) -> Pushed {
        let mut filters = vec![filter];
        let (mut sort, mut skip, mut limit, mut count) = (None::<&Stage>, 0_u64, 0_u64, 0);
        for stage in stages {
            let is_cut = skip > 0 || limit > 0;
            match stage.kind() {
                // A filter behind a sort lets the same documents through before it.
                Kind::Match(_) if !is_cut => filters.push(stage.source()),
                Kind::Sort(..) if !is_cut && sort.is_none() && stage.name() == "$sort" => {
                    sort = Some(stage);
                }
                Kind::Skip(more) if limit == 0 => skip = skip.saturating_add(*more),
                Kind::Skip(more) if *more < limit => {
                    skip = skip.saturating_add(*more);
                    limit -= more;
                }
                Kind::Limit(most) if limit == 0 => limit = *most,
                Kind::Limit(most) => limit = limit.min(*most),
                _ => break,
            }
            count += 1;
        }
        let projection = stages.get(count).and_then(|stage| projection(&stage.fields()?));
        Pushed {
            filter: all_of(&filters),
            sort: sort.map(|stage| stage.source().to_vec()),
            skip,
            limit,
            projection,
            stages: count,
        }
    }
}

/// A filter of all these.
fn all_of(filters: &[&[u8]]) -> Vec<u8> {
    const EMPTY_LEN: usize = 5;
    let filters: Vec<&[u8]> =
        filters.iter().copied().filter(|filter| filter.len() > EMPTY_LEN).collect();
    match filters[..] {
        [] => Builder::new().finish(),
        [one] => one.to_vec(),
        _ => {
            let mut all = Builder::new();
            all.begin(ty::ARRAY, "$and");
            for (i, filter) in filters.iter().enumerate() {
                all.document(Index::new(i), filter);
            }
            all.end();
            all.finish()
        }
    }
}

/// A projection of these fields.
fn projection(fields: &[&str]) -> Option<Vec<u8>> {
    let mut fields: Vec<&str> = fields.to_vec();
    fields.sort_unstable();
    fields.dedup();
    let is_below = |field: &str, other: &str| {
        field.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'))
    };
    let all = fields.clone();
    fields.retain(|field| !all.iter().any(|other| is_below(field, other)));
    if fields.is_empty() {
        fields.push("_id");
    }
    let mut out = Builder::new();
    for field in &fields {
        out.number(field, Number::Int32(1));
    }
    if !fields.iter().any(|field| *field == "_id" || field.starts_with("_id.")) {
        out.number("_id", Number::Int32(0));
    }
    Some(out.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Pipeline;
    use crate::bson::text;
    use crate::expression::Scope;
    use ::bson::{RawDocumentBuf, rawdoc};

    fn pushed(stages: &[RawDocumentBuf]) -> String {
        let stages = stages.iter().map(|stage| stage.as_bytes());
        let pipeline = Pipeline::parse(stages, &Scope::default()).unwrap();
        let pushed = Pushed::of(&[5, 0, 0, 0, 0], pipeline.stages());
        let shown = |doc: &Option<Vec<u8>>| doc.as_ref().map(|doc| text::document(doc));
        format!(
            "{} sort {} skip {} limit {} fields {} stages {}",
            text::document(&pushed.filter),
            shown(&pushed.sort).unwrap_or_default(),
            pushed.skip,
            pushed.limit,
            shown(&pushed.projection).unwrap_or_default(),
            pushed.stages
        )
    }

    #[test]
    fn what_a_find_does() {
        let (a, b) = (rawdoc! { "$match": { "a": 1 } }, rawdoc! { "$match": { "b": 2 } });
        let sort = rawdoc! { "$sort": { "c": -1 } };
        let (limit, skip) = (rawdoc! { "$limit": 10 }, rawdoc! { "$skip": 3 });
        let group = rawdoc! { "$group": { "_id": "$x.y", "n": { "$sum": "$x" } } };
        assert_eq!(
            pushed(&[a.clone(), sort.clone(), b.clone(), limit.clone(), skip.clone(), a.clone()]),
            "{ $and: [ { a: 1 }, { b: 2 } ] } sort { c: -1 } skip 3 limit 7 fields  stages 5"
        );
        assert_eq!(
            pushed(&[skip, limit, sort, group.clone()]),
            "{} sort  skip 3 limit 10 fields  stages 2"
        );
        assert_eq!(
            pushed(&[a, group]),
            "{ a: 1 } sort  skip 0 limit 0 fields { x: 1, _id: 0 } stages 1"
        );
        let count = rawdoc! { "$count": "n" };
        assert_eq!(pushed(&[count]), "{} sort  skip 0 limit 0 fields { _id: 1 } stages 0");
    }
}

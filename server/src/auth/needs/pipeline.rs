//! What a pipeline needs: each collection that some stage looks into, at whatever depth, and the
//! one that its last stage writes into.

use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;

use super::elements;
use crate::auth::action::Action as A;
use crate::auth::privilege::{Privileges, Resource};

/// What a pipeline starts with.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// The documents of a collection.
    Collection(&'a str, &'a str),
    /// What the first stage knows of the server; stages after it look into this database.
    Server(&'a str),
    /// What came from a stage around it, over this database.
    Within(&'a str),
}

struct Look<'a> {
    privileges: &'a Privileges,
    bypasses: bool,
}

/// May it be run?
pub fn may(privileges: &Privileges, start: Start<'_>, stages: Value<'_>, bypasses: bool) -> bool {
    Look { privileges, bypasses }.pipeline(start, stages)
}

impl Look<'_> {
    fn allow(&self, resource: Resource<'_>, action: A) -> bool {
        self.privileges.allow(resource, action)
    }

    /// For what cannot be read: only who may find everything is told why.
    fn unreadable(&self) -> bool {
        self.allow(Resource::AllCollections, A::Find)
    }

    fn pipeline(&self, start: Start<'_>, stages: Value<'_>) -> bool {
        let first = elements(stages).next().and_then(first_field);
        let first_name = first.map(|(name, _)| name).unwrap_or_default();
        let source = match start {
            Start::Collection(database, name) => {
                let collection = Resource::Collection(database, name);
                match first_name {
                    b"$collStats" => self.allow(collection, A::CollStats),
                    b"$indexStats" => self.allow(collection, A::IndexStats),
                    b"$planCacheStats" => self.allow(collection, A::PlanCacheRead),
                    _ => self.allow(collection, A::Find),
                }
            }
            Start::Server(_) => self.of_server(first_name, first.map(|(_, stage)| stage)),
            Start::Within(_) => true,
        };
        let (Start::Collection(database, _) | Start::Server(database) | Start::Within(database)) =
            start;
        source && elements(stages).all(|stage| self.stage(database, stage))
    }

    /// What a first stage tells of others.
    fn of_server(&self, name: &[u8], stage: Option<Value<'_>>) -> bool {
        let of_all = stage.and_then(Value::as_document).is_some_and(|options| {
            let fields = Elements::new(options).into_iter().flatten().map_while(Result::ok);
            fields.filter(|field| field.name == b"allUsers").any(|field| field.val().is_true())
        });
        match name {
            b"$currentOp" if of_all => self.allow(Resource::Cluster, A::Inprog),
            b"$listLocalSessions" | b"$listSessions" if of_all => {
                self.allow(Resource::Cluster, A::ListSessions)
            }
            _ => true,
        }
    }

    /// All that a stage looks into; a stage has one field, but what has more is looked at, too.
    fn stage(&self, database: &str, stage: Value<'_>) -> bool {
        let fields = Elements::new(stage.bytes).ok().filter(|_| stage.ty == ty::DOCUMENT);
        fields.into_iter().flatten().map_while(Result::ok).all(|field| {
            let value = field.val();
            match field.name {
                b"$lookup" | b"$graphLookup" => self.foreign(database, value, b"from"),
                b"$unionWith" if value.as_str().is_some() => self.named(database, value),
                b"$unionWith" => self.foreign(database, value, b"coll"),
                b"$facet" => Elements::new(value.bytes).is_ok_and(|facets| {
                    value.ty != ty::DOCUMENT
                        || facets
                            .map_while(Result::ok)
                            .all(|facet| self.pipeline(Start::Within(database), facet.val()))
                }),
                b"$out" => self.writes(database, value, &[A::Insert, A::Remove]),
                b"$merge" => self.merge(database, value),
                _ => true,
            }
        })
    }

    /// A collection of the same database, found in from its beginning.
    fn named(&self, database: &str, name: Value<'_>) -> bool {
        match name.as_str() {
            Some(name) => self.allow(Resource::Collection(database, name), A::Find),
            None => self.unreadable(),
        }
    }

    /// A stage's other collection, called `field`, and the pipeline over it.
    fn foreign(&self, database: &str, stage: Value<'_>, field: &[u8]) -> bool {
        let Some(stage) = stage.as_document() else { return true };
        let fields = || Elements::new(stage).into_iter().flatten().map_while(Result::ok);
        let pipelines = || fields().filter(|own| own.name == b"pipeline");
        let mut names = fields().filter(|own| own.name == field).peekable();
        if names.peek().is_none() {
            // Documents that come from nowhere; or none, which is refused.
            return pipelines().all(|own| self.pipeline(Start::Within(database), own.val()));
        }
        names.all(|name| match name.val().as_str() {
            None => self.unreadable(),
            Some(name) if pipelines().next().is_none() => {
                self.allow(Resource::Collection(database, name), A::Find)
            }
            Some(name) => {
                let start = Start::Collection(database, name);
                pipelines().all(|own| self.pipeline(start, own.val()))
            }
        })
    }

    /// Into a collection of a name, or of `{ db, coll }`.
    fn writes(&self, database: &str, into: Value<'_>, actions: &[A]) -> bool {
        if let Some(name) = into.as_str() {
            return self.may_write(database, name, actions);
        }
        let Some(into) = into.as_document() else { return true };
        let fields = || Elements::new(into).into_iter().flatten().map_while(Result::ok);
        let texts = |name: &'static [u8]| {
            fields().filter(move |own| own.name == name).map(|own| own.val().as_str())
        };
        let mut databases: Vec<_> = texts(b"db").collect();
        if databases.is_empty() {
            databases.push(Some(database));
        }
        texts(b"coll").all(|name| {
            databases.iter().all(|database| match (database, name) {
                (Some(database), Some(name)) => self.may_write(database, name, actions),
                _ => self.unreadable(),
            })
        })
    }

    fn may_write(&self, database: &str, name: &str, actions: &[A]) -> bool {
        let into = Resource::Collection(database, name);
        actions.iter().all(|action| self.allow(into, *action))
            && (!self.bypasses || self.allow(into, A::BypassDocumentValidation))
    }

    fn merge(&self, database: &str, stage: Value<'_>) -> bool {
        let both = [A::Insert, A::Update];
        if stage.as_str().is_some() {
            return self.writes(database, stage, &both);
        }
        let Some(stage) = stage.as_document() else { return true };
        let fields = || Elements::new(stage).into_iter().flatten().map_while(Result::ok);
        // Null is as if it was not there: only what says otherwise, each time, needs less.
        let is = |name: &[u8], texts: &[&str]| {
            let mut all = fields().filter(|own| own.name == name).peekable();
            let is_one = |text: &str| texts.contains(&text);
            all.peek().is_some() && all.all(|own| own.val().as_str().is_some_and(is_one))
        };
        let actions: &[A] = match is(b"whenNotMatched", &["discard", "fail"]) {
            _ if is(b"whenMatched", &["fail"]) => &[A::Insert],
            true => &[A::Update],
            false => &both,
        };
        fields()
            .filter(|own| own.name == b"into")
            .all(|own| self.writes(database, own.val(), actions))
    }
}

fn first_field(stage: Value<'_>) -> Option<(&[u8], Value<'_>)> {
    let field = Elements::new(stage.as_document()?).ok()?.next()?.ok()?;
    Some((field.name, field.val()))
}

#[cfg(test)]
mod tests {
    use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};

    use super::*;
    use crate::auth::action::Actions;
    use crate::auth::privilege::Pattern;

    /// May who has these actions on these collections of `d` run it over `d.c`?
    fn may_with(allowed: &[(&str, A)], stages: Vec<RawDocumentBuf>) -> bool {
        let privilege = |(name, action): &(&str, A)| {
            (Pattern::Collection("d".into(), (*name).into()), Actions::of(&[*action]))
        };
        let privileges = Privileges::of(allowed.iter().map(privilege));
        let mut array = RawArrayBuf::new();
        stages.into_iter().for_each(|stage| array.push(stage));
        let stages = Value { ty: ty::ARRAY, bytes: array.as_bytes() };
        may(&privileges, Start::Collection("d", "c"), stages, false)
    }

    /// Does a stage after a find in `c` need exactly these?
    fn needs(stage: RawDocumentBuf, needed: &[(&str, A)]) {
        let all: Vec<_> = [("c", A::Find)].iter().chain(needed).copied().collect();
        assert!(may_with(&all, vec![stage.clone()]), "{stage:?}");
        for left_out in 0..all.len() {
            let mut fewer = all.clone();
            let one = fewer.remove(left_out);
            assert!(!may_with(&fewer, vec![stage.clone()]), "{stage:?} without {one:?}");
        }
    }

    #[test]
    fn every_collection_is_looked_at() {
        let find = |name| (name, A::Find);
        needs(rawdoc! { "$match": { "from": "x" } }, &[]);
        needs(rawdoc! { "$lookup": { "from": "x", "as": "y" } }, &[find("x")]);
        needs(rawdoc! { "$graphLookup": { "from": "x" } }, &[find("x")]);
        needs(rawdoc! { "$unionWith": "x" }, &[find("x")]);
        needs(rawdoc! { "$unionWith": { "coll": "x", "pipeline": [] } }, &[find("x")]);
        let nested = rawdoc! { "$unionWith": { "coll": "x", "pipeline": [
            { "$lookup": { "from": "y", "pipeline": [{ "$unionWith": "z" }] } },
        ] } };
        needs(nested, &[find("x"), find("y"), find("z")]);
        let facet = rawdoc! { "$facet": {
            "one": [{ "$match": {} }], "other": [{ "$lookup": { "from": "x" } }],
        } };
        needs(facet, &[find("x")]);
        needs(rawdoc! { "$lookup": { "from": "x", "from": "y" } }, &[find("x"), find("y")]);
        needs(
            rawdoc! { "$lookup": { "from": "x", "pipeline": [{ "$indexStats": {} }] } },
            &[("x", A::IndexStats)],
        );
    }

    #[test]
    fn stages_after_what_the_server_tells_look_into_its_database() {
        let mut stages = RawArrayBuf::new();
        stages.push(rawdoc! { "$listLocalSessions": {} });
        stages.push(rawdoc! { "$lookup": { "from": "x" } });
        let stages = Value { ty: ty::ARRAY, bytes: stages.as_bytes() };
        let find = (Pattern::Collection("d".into(), "x".into()), Actions::of(&[A::Find]));
        let privileges = Privileges::of([find]);
        assert!(may(&privileges, Start::Server("d"), stages, false));
        assert!(!may(&privileges, Start::Server("admin"), stages, false));
    }

    #[test]
    fn what_is_written_into() {
        let (insert, remove, update) = (("x", A::Insert), ("x", A::Remove), ("x", A::Update));
        needs(rawdoc! { "$out": "x" }, &[insert, remove]);
        needs(rawdoc! { "$out": { "db": "d", "coll": "x" } }, &[insert, remove]);
        needs(rawdoc! { "$merge": "x" }, &[insert, update]);
        needs(rawdoc! { "$merge": { "into": "x" } }, &[insert, update]);
        needs(rawdoc! { "$merge": { "into": { "coll": "x" } } }, &[insert, update]);
        let discards = rawdoc! { "$merge": { "into": "x", "whenNotMatched": "discard" } };
        needs(discards, &[update]);
        for not_matched in [
            rawdoc! { "into": "x", "whenNotMatched": bson::RawBson::Null },
            rawdoc! { "into": "x", "whenNotMatched": 1 },
            rawdoc! { "into": "x", "whenNotMatched": "discard", "whenNotMatched": "insert" },
        ] {
            needs(rawdoc! { "$merge": not_matched }, &[insert, update]);
        }
        let fails = rawdoc! { "$merge": { "into": "x", "whenMatched": "fail" } };
        needs(fails, &[insert]);
        let other = rawdoc! { "$out": { "db": "e", "coll": "x" } };
        assert!(!may_with(&[("c", A::Find), insert, remove], vec![other]));
    }

    #[test]
    fn what_starts_with_figures_needs_no_documents() {
        let stats = || vec![rawdoc! { "$collStats": { "count": {} } }];
        assert!(may_with(&[("c", A::CollStats)], stats()));
        assert!(!may_with(&[("c", A::Find)], stats()));
        let later = vec![rawdoc! { "$match": {} }, rawdoc! { "$collStats": {} }];
        assert!(!may_with(&[("c", A::CollStats)], later));
    }
}

//! Pipelines and what a MongoDB 5.0.4 makes of them on two small collections: `pipelines.txt`,
//! a pipeline and `=> [documents]` or `=> !number` a line.

use std::sync::Arc;

use super::memory::BYTES_MAX;
use super::*;
use crate::bson::element::Elements;
use crate::bson::text;
use crate::expression::Scope;
use crate::expression::tests::notation::Reader;
use crate::query::Filter;

const NUMBERS: &str = "[{_id: 0, g: 0, v: 0, a: [0, 1], o: {x: 0}}, \
    {_id: 1, g: 1, v: 1.5, a: [1, 2], o: {x: 1}}, {_id: 2, g: 2, v: 2, a: [2, 3], o: {x: 2}}, \
    {_id: 3, g: 0, v: 4.5, a: [], o: {x: 3}}, {_id: 4, g: 1, v: 4, a: 4, o: {x: 4}}, \
    {_id: 5, g: 2, v: 7.5, a: 5, o: {x: 5}}]";
const OTHERS: &str = "[{_id: 1, k: 0, w: \"a\"}, {_id: 2, k: 1, w: \"b\"}, \
    {_id: 3, k: [1, 2], w: \"c\"}, {_id: 4, w: \"d\"}]";

#[derive(Debug)]
struct Small;

fn documents(text: &str) -> Vec<Vec<u8>> {
    let array = Reader::new(text).value();
    Elements::new(&array.bytes).unwrap().map(|doc| doc.unwrap().value.to_vec()).collect()
}

impl World for Small {
    fn check_time(&self) -> Result<()> {
        Ok(())
    }

    fn documents(
        &self,
        collection: &str,
        filter: &[u8],
        pipeline: &Pipeline,
        vars: Arc<Variables<'static>>,
    ) -> Result<Documents> {
        let filter = Filter::parse(filter)?;
        let docs = if collection == "other" { documents(OTHERS) } else { vec![] };
        let docs: Vec<_> =
            docs.into_iter().filter(|doc| filter.matches(doc).unwrap()).map(Ok).collect();
        let context = Context { vars, world: Arc::new(Small) };
        Ok(Box::new(Chain::new(pipeline.stages(), &context).run(docs.into_iter())))
    }
}

fn context() -> Context {
    Context { vars: Arc::new(Variables::new(0)), world: Arc::new(Small) }
}

fn parse(pipeline: &str) -> Result<Pipeline> {
    Pipeline::parse_nested(Reader::new(pipeline).value().as_ref(), &Scope::default(), 0)
}

fn run_on(docs: impl Iterator<Item = Result<Vec<u8>>>, pipeline: &str) -> Result<Vec<Vec<u8>>> {
    let pipeline = parse(pipeline)?;
    Chain::new(pipeline.stages(), &context()).run(docs).collect()
}

fn run(pipeline: &str) -> Result<Vec<Vec<u8>>> {
    run_on(documents(NUMBERS).into_iter().map(Ok), pipeline)
}

#[test]
fn as_the_server_does() {
    let table = include_str!("pipelines.txt");
    let (mut wrong, mut count) = (vec![], 0);
    for line in table.lines() {
        count += 1;
        let (pipeline, expected) = line.rsplit_once(" => ").expect(line);
        let found = run(pipeline);
        let is_right = match (&found, expected.strip_prefix('!')) {
            (Err(error), Some(code)) => error.code().to_string() == code,
            (Ok(found), None) => *found == documents(expected),
            _ => false,
        };
        if !is_right {
            let found = match found {
                Ok(docs) => {
                    docs.iter().map(|doc| text::document(doc)).collect::<Vec<_>>().join(", ")
                }
                Err(error) => format!("!{} {error}", error.code()),
            };
            wrong.push(format!("{line}\n    found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 200, "{count} pipelines");
}

#[test]
fn what_is_known_and_not_supported_is_named() {
    let refused = |pipeline: &str| parse(pipeline).unwrap_err().to_string();
    assert_eq!(refused("[{$geoNear: 1}]"), "The stage '$geoNear' is not supported");
    assert_eq!(refused("[{$foo: 1}]"), "Unrecognized pipeline stage name: '$foo'");
    let accumulator = "[{$group: {_id: 1, n: {$accumulator: {}}}}]";
    assert_eq!(refused(accumulator), "The accumulator '$accumulator' is not supported");
    let granular = "[{$bucketAuto: {groupBy: \"$a\", buckets: 2, granularity: \"R6\"}}]";
    assert!(refused(granular).contains("granularity 'R6'"));
}

#[test]
fn a_stage_that_takes_too_much_memory_is_refused() {
    const LEN: usize = 1 << 20;
    let long = "x".repeat(LEN);
    let doc = ::bson::rawdoc! { "s": long };
    let docs = || (0..BYTES_MAX / LEN + 2).map(|_| Ok(doc.as_bytes().to_vec()));
    for pipeline in [
        "[{$bucketAuto: {groupBy: \"$s\", buckets: 2}}]",
        "[{$sample: {size: 1000}}]",
        "[{$sort: {s: 1}}]",
        "[{$group: {_id: {$rand: {}}, s: {$first: \"$s\"}}}]",
    ] {
        let refused = run_on(docs(), pipeline).unwrap_err();
        assert_eq!(refused.code(), 292, "{pipeline}: {refused}");
    }
}

#[test]
fn what_gets_shorter_takes_less_memory() {
    let docs = [::bson::rawdoc! { "s": "x".repeat(1 << 20) }, ::bson::rawdoc! { "s": "" }];
    let docs = || docs.iter().cycle().take(240).map(|doc| Ok(doc.as_bytes().to_vec()));
    assert_eq!(run_on(docs(), "[{$group: {_id: 1, s: {$last: \"$s\"}}}]").unwrap().len(), 1);
}

#[test]
fn a_document_that_is_made_nests_no_deeper_than_one_that_is_stored() {
    for stage in [
        "{$addFields: {d: \"$$ROOT\"}}",
        "{$project: {d: \"$$ROOT\"}}",
        "{$replaceWith: {d: \"$$ROOT\"}}",
        "{$group: {_id: \"$$ROOT\"}}",
        "{$group: {_id: null, d: {$push: \"$$ROOT\"}}}",
        "{$bucket: {groupBy: {$add: 1}, boundaries: [1, 2], output: {d: {$push: \"$$ROOT\"}}}}",
        "{$facet: {d: []}}",
        "{$lookup: {from: \"none\", let: {r: \"$$ROOT\"}, pipeline: [], as: \"a.b.c.d.e.f.g\"}}, \
         {$addFields: {d: \"$$ROOT\"}}",
    ] {
        let stages = |times: usize| format!("[{}]", [stage].repeat(times).join(", "));
        run(&stages(50)).expect(stage);
        assert_eq!(run(&stages(181)).unwrap_err().code(), 15, "{stage}");
    }
}

#[test]
fn a_document_that_becomes_many_becomes_one_at_a_time() {
    let numbers = || (0..300).collect::<::bson::RawArrayBuf>();
    let doc = ::bson::rawdoc! { "a": numbers(), "b": numbers(), "text": "x".repeat(1000) };
    for (pipeline, expected) in [
        ("[{$unwind: \"$a\"}, {$unwind: \"$b\"}]", 90_000),
        ("[{$group: {_id: 1, d: {$first: \"$$ROOT\"}}}, {$unwind: \"$d.a\"}]", 300),
        ("[{$unwind: \"$a\"}, {$sort: {a: -1}}, {$unwind: \"$b\"}, {$limit: 1000}]", 1000),
        ("[{$unionWith: \"other\"}]", 5),
    ] {
        let pipeline = parse(pipeline).unwrap();
        let mut chain = Chain::new(pipeline.stages(), &context());
        chain.push(doc.as_bytes().to_vec()).unwrap();
        let mut found = 0;
        loop {
            let given = std::iter::from_fn(|| chain.take()).count();
            assert!(given <= 1, "{given} at once");
            found += given;
            if given == 0 && !chain.more().unwrap() && !chain.finish_one().unwrap() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn an_error_ends_the_documents() {
    let pipeline = parse("[{$project: {x: {$divide: [1, \"$v\"]}}}]").unwrap();
    let docs = documents(NUMBERS).into_iter().rev().map(Ok);
    let mut found = Chain::new(pipeline.stages(), &context()).run(docs);
    assert_eq!(found.by_ref().take(5).filter(Result::is_ok).count(), 5);
    assert_eq!(found.next().unwrap().unwrap_err().code(), 2);
    assert!(found.next().is_none());
}

#[test]
fn a_limit_stops_the_source() {
    let mut taken = 0;
    let docs = documents(NUMBERS).into_iter().inspect(|_| taken += 1).map(Ok);
    let found = run_on(docs, "[{$match: {}}, {$limit: 2}, {$project: {v: 1}}]").unwrap();
    assert_eq!((found.len(), taken), (2, 2));
}

#[test]
fn a_sample_is_of_the_documents() {
    for _ in 0..20 {
        let found = run("[{$sample: {size: 3}}, {$group: {_id: \"$_id\"}}]").unwrap();
        assert_eq!(found.len(), 3, "each once");
    }
    assert_eq!(run("[{$sample: {size: 9}}]").unwrap().len(), 6);
}

#[test]
fn groups_come_in_the_order_of_their_first_documents() {
    let found = run("[{$sort: {v: -1}}, {$group: {_id: \"$g\"}}]").unwrap();
    let shown: Vec<String> = found.iter().map(|doc| text::document(doc)).collect();
    assert_eq!(shown, ["{ _id: 2 }", "{ _id: 0 }", "{ _id: 1 }"]);
}

#[test]
fn pipelines_nest_so_deep_and_no_deeper() {
    let nested = |levels: usize| {
        let before = "{$unionWith: {coll: \"none\", pipeline: [".repeat(levels);
        format!("[{before}{}]", "]}}".repeat(levels))
    };
    assert!(parse(&nested(15)).is_ok());
    assert_eq!(parse(&nested(30)).unwrap_err().code(), 232);
}

//! Random updates of random documents.

use ::bson::{Bson, Document, doc};
use oorandom::Rand32;

use super::{Op, Places, check, conflicts, expand, run};
use crate::bson::builder::Builder;
use crate::bson::field::{FieldPath, Skips, locate};
use crate::bson::test_documents::{NAMES, random_document};
use crate::bson::{document, ty};
use crate::error::{Error, Reason, Result};
use crate::rounds::{met_more_than, rounds};
use crate::update::{Applied, Context, IndexedPaths, Mutation, Update};

const OPERATORS: [&str; 15] = [
    "$inc",
    "$mul",
    "$set",
    "$unset",
    "$min",
    "$max",
    "$setOnInsert",
    "$bit",
    "$currentDate",
    "$rename",
    "$push",
    "$addToSet",
    "$pull",
    "$pullAll",
    "$pop",
];

fn pick<T: Copy>(rng: &mut Rand32, of: &[T]) -> T {
    of[rng.rand_range(0..of.len() as u32) as usize]
}

fn small(rng: &mut Rand32) -> i32 {
    rng.rand_range(0..5) as i32 - 2
}

fn random_value(rng: &mut Rand32, kinds: u32) -> Bson {
    let small = small(rng);
    match rng.rand_range(0..kinds) {
        0 => Bson::Int64(i64::from(small)),
        1 => Bson::Double(f64::from(small) / 2.0),
        2 => Bson::Int32(small.wrapping_mul(1 << 30)),
        3 => Bson::Int32(small),
        4 => pick(rng, &["", "x", "text"]).into(),
        5 => Bson::Null,
        6 => doc! { pick(rng, &NAMES): small }.into(),
        _ => vec![Bson::Int32(small), Bson::Null].into(),
    }
}

fn random_operand(rng: &mut Rand32, operator: &str, doc: &Document) -> Bson {
    let small = small(rng);
    let values = |rng: &mut Rand32| -> Vec<Bson> {
        (0..rng.rand_range(0..4)).map(|_| random_value(rng, 8)).collect()
    };
    match operator {
        "$inc" | "$mul" => random_value(rng, 4),
        "$bit" => {
            let operand =
                if rng.rand_range(0..4) == 0 { Bson::Int64(6) } else { Bson::Int32(small) };
            doc! { pick(rng, &["and", "or", "xor"]): operand }.into()
        }
        "$currentDate" => true.into(),
        "$rename" => random_path(rng, doc).into(),
        "$pop" => pick(rng, &[1, -1]).into(),
        "$pullAll" => values(rng).into(),
        "$pull" => match rng.rand_range(0..3) {
            0 => doc! { "$gt": small }.into(),
            1 => doc! { pick(rng, &NAMES): small }.into(),
            // A document is a condition.
            _ => random_value(rng, 6),
        },
        "$push" if rng.rand_range(0..2) == 0 => {
            let mut clauses = doc! { "$each": values(rng) };
            for name in ["$position", "$slice"] {
                if rng.rand_range(0..2) == 0 {
                    clauses.insert(name, self::small(rng));
                }
            }
            if rng.rand_range(0..2) == 0 {
                clauses.insert("$sort", pick(rng, &[1, -1]));
            }
            clauses.into()
        }
        "$addToSet" if rng.rand_range(0..2) == 0 => doc! { "$each": values(rng) }.into(),
        _ => random_value(rng, 7),
    }
}

/// A path of up to three names, most of the time ones that the document has; some are places
/// that the document decides.
fn random_path(rng: &mut Rand32, doc: &Document) -> String {
    let mut parts: Vec<String> = vec![];
    let doc = Bson::Document(doc.clone());
    let mut level = Some(&doc).filter(|_| rng.rand_range(0..4) > 0);
    let mut has_place = false;
    for depth in 0..rng.rand_range(1..4) {
        let names: Vec<String> = match level {
            Some(Bson::Document(doc)) => doc.keys().cloned().collect(),
            Some(Bson::Array(array)) => (0..array.len()).map(|i| i.to_string()).collect(),
            _ => vec![],
        };
        let name = match names.len() as u32 {
            0 => pick(rng, &NAMES).to_owned(),
            len => names[rng.rand_range(0..len) as usize].clone(),
        };
        let in_array = matches!(level, Some(Bson::Array(_)));
        level = match level {
            Some(Bson::Document(doc)) => doc.get(&name),
            Some(Bson::Array(array)) => name.parse().ok().and_then(|i: usize| array.get(i)),
            _ => None,
        };
        let is_place = depth > 0 && rng.rand_range(0..if in_array { 2 } else { 12 }) == 0;
        parts.push(match pick(rng, &["$", "$[]", "$[e]"]) {
            // There is one "$" at most.
            "$" if is_place && has_place => "$[]".to_owned(),
            place if is_place => place.to_owned(),
            _ => name,
        });
        has_place |= is_place;
    }
    parts.join(".")
}

/// Arrays of counters, which updates are likely to hit.
fn random_counters(rng: &mut Rand32) -> Document {
    let numbers = |rng: &mut Rand32| -> Vec<Bson> {
        (0..rng.rand_range(1..4)).map(|_| small(rng).into()).collect()
    };
    let one = |rng: &mut Rand32| Bson::from(doc! { "a": small(rng), "b": numbers(rng) });
    doc! { "a": numbers(rng), "b": [one(rng), one(rng)], "c": { "0": numbers(rng) } }
}

fn random_ops(rng: &mut Rand32, doc: &Document) -> Vec<Op> {
    let op = |_| {
        let operator = pick(rng, &OPERATORS);
        let path = random_path(rng, doc);
        let operand = random_operand(rng, operator, doc);
        Op { operator, path, operand }
    };
    let count = 4;
    let mut ops: Vec<_> = (0..count).map(op).collect();
    ops.truncate(1 + rng.rand_range(0..count).min(rng.rand_range(0..count)) as usize);
    ops
}

fn to_update(ops: &[Op]) -> Vec<u8> {
    let mut update = Builder::new();
    for op in ops {
        let field = ::bson::doc! { op.path.clone(): op.operand.clone() };
        update.document(op.operator, &::bson::serialize_to_vec(&field).unwrap());
    }
    update.finish()
}

/// The update as the engine does it.
fn apply(bytes: &[u8], ops: &[Op], places: &Places) -> Result<Applied> {
    let mut update = Update::parse(&to_update(ops))?;
    if ops.iter().any(|op| op.path.contains("$[e]")) {
        let filter = ::bson::serialize_to_vec(&doc! { "e": places.e }).unwrap();
        update = update.with_array_filters([filter.as_slice()])?;
    }
    update.check_array_filters()?;
    let indexed = IndexedPaths::NONE;
    update.apply(bytes, &Context { position: places.position, ..Context::new(&indexed) })
}

/// What it is to come to, and the paths that have to be looked for.
fn expected(
    doc: &Document,
    ops: &[Op],
    places: &Places,
) -> Result<(Document, bool, Vec<FieldPath>), Reason> {
    check(ops)?;
    let (ops, mut wrong) = expand(doc, ops, places);
    let mut paths: Vec<&str> = vec![];
    for op in &ops {
        paths.push(&op.path);
        if let ("$rename", Bson::String(to)) = (op.operator, &op.operand) {
            paths.push(to);
        }
    }
    wrong.extend(conflicts(&paths));
    let (new, in_place) = run(doc, &ops, wrong)?;
    Ok((new, in_place, paths.iter().map(|path| FieldPath::parse(path).unwrap()).collect()))
}

#[test]
fn random_updates_agree_with_the_model() {
    let mut rng = Rand32::new(10);
    // Outcomes met: nothing, in place, regrown, conflict, other refusals; those of places that
    // the document decides.
    let (mut met, mut dynamic) = ([0; 5], [0; 5]);
    for round in 0..rounds(40_000) {
        // The model's documents hold each name once.
        let raw = random_document(&mut rng);
        let doc: Document = match rng.rand_range(0..3) {
            0 => random_counters(&mut rng),
            _ => ::bson::deserialize_from_slice(&raw).unwrap(),
        };
        let bytes = ::bson::serialize_to_vec(&doc).unwrap();
        let ops = random_ops(&mut rng, &doc);
        let position = Some(rng.rand_range(0..3)).filter(|position| *position > 0);
        let places = Places { position: position.map(|position| position - 1), e: small(&mut rng) };
        let shown = || format!("round {round}: {:?} on {doc}", update_text(&ops));
        let outcome = match (apply(&bytes, &ops, &places), expected(&doc, &ops, &places)) {
            (Ok(applied), Ok((new, in_place, paths))) => {
                check_applied(applied, &bytes, &new, in_place, &paths, shown)
            }
            (Err(Error::Refused { reason, .. }), Err(expected)) => {
                assert_eq!(reason, expected, "{}", shown());
                3 + usize::from(reason != Reason::ConflictingUpdateOperators)
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}, {}", shown()),
        };
        met[outcome] += 1;
        dynamic[outcome] += u32::from(ops.iter().any(|op| op.path.contains('$')));
    }
    assert!(met.iter().all(|count| met_more_than(200, *count)), "{met:?}");
    assert!(dynamic.iter().all(|count| met_more_than(30, *count)), "{dynamic:?}");
}

/// Is it as it should be? Says what became of the document.
fn check_applied(
    applied: Applied,
    bytes: &[u8],
    new: &Document,
    in_place: bool,
    paths: &[FieldPath],
    shown: impl Fn() -> String,
) -> usize {
    let mut skips = Skips::default();
    for path in paths {
        locate(bytes, path, &mut skips).unwrap();
    }
    assert_eq!(applied.skips, skips, "{}", shown());
    let outcome = match &applied.mutation {
        Mutation::Nothing => 0,
        Mutation::InPlace(_) => 1,
        Mutation::Regrow(_) => 2,
    };
    assert_eq!(outcome < 2, in_place, "{}", shown());
    let result = applied.mutation.into_document(bytes.to_vec());
    document::check(&result).unwrap();
    let expected = ::bson::serialize_to_vec(new).unwrap();
    assert_eq!(result, expected, "{} gives {new}", shown());
    outcome
}

#[test]
fn garbage_is_an_error_or_a_document_and_never_a_panic() {
    let mut rng = Rand32::new(11);
    let mut applied = 0;
    for _ in 0..rounds(20_000) {
        let mut doc = random_document(&mut rng);
        let ops = random_ops(&mut rng, &Document::new());
        for _ in 0..rng.rand_range(1..4) {
            let at = rng.rand_range(0..doc.len() as u32) as usize;
            doc[at] = rng.rand_u32() as u8;
        }
        let indexed = IndexedPaths::NONE;
        let context = Context { position: Some(0), ..Context::new(&indexed) };
        let Ok(update) = Update::parse(&to_update(&ops)) else { continue };
        if let Ok(done) = update.apply(&doc, &context) {
            done.mutation.into_document(doc.clone());
            applied += 1;
        }
        // Wherever these end, they end.
        let filter = crate::query::Filter::parse(&doc);
        let _ = filter.and_then(|filter| filter.matches(&doc));
        let _ = Update::parse(&doc).and_then(|update| update.apply(&doc, &context));
        let _ = crate::update::template::expand(&doc);
        let _ = crate::bson::text::document(&doc);
    }
    assert!(met_more_than(2_000, applied), "{applied}");
}

fn update_text(ops: &[Op]) -> String {
    let update = crate::bson::element::Value { ty: ty::DOCUMENT, bytes: &to_update(ops) };
    crate::bson::text::value(update)
}

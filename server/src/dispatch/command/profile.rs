//! `profile`: which operations of a database are described in its `system.profile`.

use tallymap::bson::builder::Builder;
use tallymap::bson::ty;
use tallymap::{ProfilingLevel, Reason};

use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, missing};
use crate::dispatch::put::Put;

const PATH: &str = "profile";
/// What is said beside a filter.
const NOTE: &str = "When a filter expression is set, slowms and sampleRate are not used for \
                    profiling and slow-query log lines.";

/// Tells the profiler; answers what it was told before. A level that is none asks only.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let database = call.database()?;
    let was = database.profiling();
    let filter_was = database.profiling_filter();
    let (mut told, mut filter) = (was, None);
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "slowms" => {
                if let Some(ms) = field.integer()? {
                    told.slow_ms = ms;
                }
            }
            "filter" if field.value.as_str() == Some("unset") => filter = Some(None),
            "filter" if field.value.ty != ty::DOCUMENT => {
                let message = "Expected an object, or the string 'unset'.";
                return Err(Failure::new(Reason::BadValue, message));
            }
            "filter" => filter = Some(Some(document(field.value.bytes)?)),
            "sampleRate" => told.sample_rate = sample_rate(&field)?.unwrap_or(was.sample_rate),
            _ => {}
        }
    }
    let level = Field::of_target(PATH, PATH, call.target()).integer()?;
    match level.ok_or_else(|| missing(PATH, PATH))? {
        0 => told.level = ProfilingLevel::Off,
        1 => told.level = ProfilingLevel::Slow,
        2 => told.level = ProfilingLevel::All,
        _ => {}
    }
    if let Some(filter) = filter {
        database.set_profiling_filter(filter)?;
    }
    database.set_profiling(told)?;
    let mut out = Builder::new();
    let level = match was.level {
        ProfilingLevel::Off => 0,
        ProfilingLevel::Slow => 1,
        ProfilingLevel::All => 2,
    };
    out.put_i32("was", level);
    out.put_integer("slowms", was.slow_ms);
    out.put_f64("sampleRate", was.sample_rate);
    if let Some(filter) = &filter_was {
        out.document("filter", filter.as_bytes());
    }
    if filter_was.is_some() || matches!(filter, Some(Some(_))) {
        out.str("note", NOTE);
    }
    Ok(out)
}

fn sample_rate(field: &Field<'_>) -> Outcome<Option<f64>> {
    use tallymap::bson::number::Number;
    match field.value.as_number() {
        Some(Number::Double(rate)) if (0.0..=1.0).contains(&rate) => Ok(Some(rate)),
        Some(Number::Double(_)) => {
            let message = "'sampleRate' must be between 0.0 and 1.0 inclusive";
            Err(Failure::new(Reason::BadValue, message))
        }
        None if field.value.ty == ty::NULL => Ok(None),
        _ => field.wrong_type("type 'double'"),
    }
}

//! Takes the events of `tracing` and makes lines of them. Spans, which nobody uses here, are
//! counted and forgotten.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::line::Line;
use super::{Format, SINK, STARTUP, component, levels::Levels, ring};

/// Makes lines of events.
#[derive(Debug)]
pub struct Collector {
    levels: Arc<Levels>,
    format: Format,
    spans: AtomicU64,
}

impl Collector {
    /// One that collects what the levels say.
    pub fn new(levels: Arc<Levels>, format: Format) -> Collector {
        Collector { levels, format, spans: AtomicU64::new(0) }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.levels.want(metadata)
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.levels.most().into())
    }

    fn event(&self, event: &Event<'_>) {
        let line = line(event);
        let json = line.to_json();
        if let Some(sink) = SINK.get() {
            match self.format {
                Format::Text => sink.write(&line.to_text()),
                Format::Json => sink.write(&json),
            }
        }
        ring::push(json, line.is_of_startup);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed).saturating_add(1))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn line(event: &Event<'_>) -> Line {
    let metadata = event.metadata();
    let mut fields = Fields::default();
    event.record(&mut fields);
    let thread = std::thread::current();
    Line {
        at: Timestamp::now(),
        severity: match *metadata.level() {
            Level::ERROR => 'E',
            Level::WARN => 'W',
            Level::INFO => 'I',
            _ => 'D',
        },
        component: component(metadata.target()).to_owned(),
        id: fields.id,
        context: thread.name().unwrap_or("-").to_owned(),
        message: fields.message,
        attributes: fields.attributes,
        is_of_startup: metadata.target() == STARTUP,
    }
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    id: Option<u64>,
    message: String,
    attributes: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), &value) {
            ("id", value) if value.is_u64() => self.id = value.as_u64(),
            ("message", Value::String(text)) => self.message = text.clone(),
            (name, _) => drop(self.attributes.insert(name.to_owned(), value)),
        }
    }

    fn put_text(&mut self, field: &Field, text: String) {
        if let Some(name) = field.name().strip_suffix(".json") {
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            self.attributes.insert(name.to_owned(), value);
            return;
        }
        self.put(field, Value::String(text));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value.to_owned());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.put(field, value.into()),
            Err(_) => self.put(field, value.into()),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::CONNECTION;
    use super::super::levels::{PARTS, WHOLE};
    use super::*;

    fn collected(levels: &Arc<Levels>, work: impl FnOnce()) -> Vec<String> {
        let before = ring::lines().total;
        let collector = Collector::new(levels.clone(), Format::Text);
        tracing::subscriber::with_default(collector, work);
        let recent = ring::lines();
        let new = (recent.total - before) as usize;
        recent.lines[recent.lines.len() - new..].to_vec()
    }

    // One test, because the ring is one for all.
    #[test]
    fn events_become_lines() {
        let lines = collected(&Arc::new(Levels::new(0, true)), || {
            tracing::info!(target: CONNECTION, id = 22943, "left out");
            tracing::debug!(target: "NETWORK", "left out");
            tracing::warn!(target: STARTUP, port = 27017, is_open = true, "a warning");
            let command = r#"{"find":"c"}"#;
            tracing::info!(target: "COMMAND", id = 51803, command.json = command, "Slow query");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        let parsed: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(parsed[0]["s"], "W");
        assert_eq!(parsed[0]["c"], "CONTROL");
        assert_eq!(parsed[0]["attr"], serde_json::json!({ "port": 27017, "is_open": true }));
        assert_eq!(parsed[1]["id"], 51803);
        assert_eq!(parsed[1]["msg"], "Slow query");
        assert_eq!(parsed[1]["attr"]["command"]["find"], "c");
        assert_eq!(ring::startup_warnings().lines, lines[..1]);
        // The same places write or do not, by what was said last.
        let levels = Arc::new(Levels::default());
        let index = PARTS.iter().position(|part| part.name == "index").expect("a part");
        let lines = collected(&levels, || {
            for (change, quiet) in [
                (&[][..], None),
                (&[(WHOLE, 1)], Some(true)),
                (&[(WHOLE, 0), (index, 2)], Some(false)),
            ] {
                levels.set(change, quiet);
                tracing::info!(target: CONNECTION, "came");
                tracing::debug!(target: "COMMAND", "detail");
                tracing::trace!(target: "tallymap::index::build", "every key");
            }
        });
        let said: Vec<String> = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["msg"].to_string())
            .collect();
        assert_eq!(said, [r#""came""#, r#""detail""#, r#""came""#, r#""every key""#]);
    }
}

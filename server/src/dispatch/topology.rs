//! The version of what clients have to know of this server: its number is the process's, and it
//! never changes. Who waits for the next one waits as long as it said, and asks again.

use std::time::{Duration, Instant};

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::fields::{Field, Fields, missing};
use super::operations::Streamed;
use super::put::Put;

/// Longest time that somebody waits, milliseconds: a year.
const PATIENCE_MAX: u64 = 365 * 24 * 3600 * 1000;
/// How often it changed.
const COUNTER: i64 = 0;

/// The version of this server.
#[derive(Debug)]
pub struct Topology {
    process: [u8; 12],
}

impl Default for Topology {
    fn default() -> Topology {
        Topology { process: bson::oid::ObjectId::new().bytes() }
    }
}

impl Topology {
    /// Tells it.
    pub fn put(&self, out: &mut Builder) {
        out.put_document("topologyVersion", |out| {
            out.value("processId", Value { ty: ty::OBJECT_ID, bytes: &self.process });
            out.put_i64("counter", COUNTER);
        });
    }
}

/// What a hello says of the version that it knows.
#[derive(Debug, Default)]
pub struct Awaited {
    known: Option<Known>,
    /// How long to wait for another, milliseconds.
    pub patience: Option<u64>,
}

#[derive(Debug)]
struct Known {
    process: [u8; 12],
    counter: i64,
}

impl Awaited {
    /// Takes the version that it knows.
    ///
    /// # Errors
    /// If it is none.
    pub fn meet_version(&mut self, field: &Field<'_>) -> Outcome<()> {
        self.known = field.object()?.map(Known::parse).transpose()?;
        Ok(())
    }

    /// Waits, if what it knows is what there is.
    ///
    /// # Errors
    /// If a version or a time is said without the other; if the wait was ended.
    pub fn wait(self, call: &Call<'_>) -> Outcome<()> {
        let refused = |code, message: &str| Err(Failure::new(Reason::Location(code), message));
        let (known, patience) = match (self.known, self.patience) {
            (None, None) => return Ok(()),
            (Some(known), Some(patience)) => (known, patience.min(PATIENCE_MAX)),
            (Some(_), None) => {
                let message = "A request with a 'topologyVersion' must include 'maxAwaitTimeMS'";
                return refused(31368, message);
            }
            (None, Some(_)) => {
                let message = "A request with 'maxAwaitTimeMS' must include a 'topologyVersion'";
                return refused(31368, message);
            }
        };
        if known.counter < 0 {
            return refused(31372, "topologyVersion must have a non-negative counter");
        }
        // Who is answered again and again knows what the last answer said.
        let is_told = call.client.connection.streamed() != Streamed::Nothing;
        if !is_told && known.process != call.topology().process {
            return Ok(());
        }
        if !is_told && known.counter > COUNTER {
            let message = format!(
                "Received a topology version with counter: {} which is greater than the server \
                 topology version counter: {COUNTER}",
                known.counter
            );
            return refused(51764, &message);
        }
        let began = Instant::now();
        let until = began + Duration::from_millis(patience);
        let waited = call.operations().wait(&call.client.connection, until);
        call.client.waited.set(began.elapsed());
        waited
    }
}

impl Known {
    fn parse(document: &[u8]) -> Outcome<Known> {
        const PATH: &str = "hello.topologyVersion";
        let (mut process, mut counter) = (None, None);
        for field in Fields::of(PATH, document)? {
            let field = field?;
            match (field.name, field.value.ty) {
                ("processId", ty::OBJECT_ID) => process = field.value.bytes.try_into().ok(),
                ("counter", ty::INT64) => {
                    counter = field.value.bytes.try_into().ok().map(i64::from_le_bytes);
                }
                ("processId" | "counter", _) if field.is_null() => {}
                ("processId", _) => return field.wrong_type("type 'objectId'"),
                ("counter", _) => return field.wrong_type("type 'long'"),
                _ => return field.unknown(),
            }
        }
        Ok(Known {
            process: process.ok_or_else(|| missing(PATH, "processId"))?,
            counter: counter.ok_or_else(|| missing(PATH, "counter"))?,
        })
    }
}

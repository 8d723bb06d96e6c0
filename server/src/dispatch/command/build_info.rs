//! `buildInfo`: which server of MongoDB's this one stands for, by which clients choose what to
//! ask of it.

use tallymap::bson::builder::{Builder, Index};
use tallymap::limits::DOCUMENT_LEN_MAX;

use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;

/// The version that is claimed.
pub const VERSION: [i32; 4] = [5, 0, 4, 0];

/// It as text.
pub fn version() -> String {
    format!("{}.{}.{}", VERSION[0], VERSION[1], VERSION[2])
}

/// Answers.
pub fn run(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.str("version", &version());
    out.str("gitVersion", concat!("tallymap-", env!("CARGO_PKG_VERSION")));
    out.put_array("modules", |_| {});
    out.str("allocator", "system");
    out.str("javascriptEngine", "none");
    out.str("sysInfo", "deprecated");
    out.put_array("versionArray", |out| {
        for (at, number) in VERSION.iter().enumerate() {
            out.number(Index::new(at), tallymap::bson::number::Number::Int32(*number));
        }
    });
    out.put_i32("bits", 64);
    out.put_bool("debug", cfg!(debug_assertions));
    out.put_i32("maxBsonObjectSize", DOCUMENT_LEN_MAX as i32);
    out.put_array("storageEngines", |out| {
        out.str("0", "mmapv1");
    });
    Ok(out)
}

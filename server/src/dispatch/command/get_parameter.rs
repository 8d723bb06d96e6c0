//! `getParameter`: the settings that clients ask for.

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::is_generic;
use crate::dispatch::put::Put;

/// Writes a parameter.
type Write = fn(&mut Builder, &str);

/// Every parameter that there is.
const PARAMETERS: [(&str, Write); 6] = [
    ("authenticationMechanisms", |out, name| out.put_array(name, |_| {})),
    ("enableTestCommands", |out, name| out.put_bool(name, false)),
    ("featureCompatibilityVersion", |out, name| {
        out.put_document(name, |out| {
            out.str("version", "5.0");
        });
    }),
    ("logLevel", |out, name| out.put_i32(name, 0)),
    ("quiet", |out, name| out.put_bool(name, false)),
    ("requireApiVersion", |out, name| out.put_bool(name, false)),
];

/// Answers with those that are named, or all.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    let wants_all = call.target().as_str() == Some("*");
    let mut named = Vec::new();
    for field in call.fields("getParameter")? {
        let field = field?;
        if !is_generic(field.name) {
            named.push(field.name);
        }
    }
    for (name, write) in PARAMETERS {
        if wants_all || named.contains(&name) {
            write(&mut out, name);
        }
    }
    match out.is_empty() {
        true => Err(Failure::unnumbered("no option found to get")),
        false => Ok(out),
    }
}

//! `connectionStatus`, `whatsmyuri`, `getnonce`: who the client is to this server.

use std::hash::{BuildHasher, Hasher, RandomState};

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;

/// Nobody has to log in.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut shows_privileges = false;
    for field in call.fields("connectionStatus")? {
        let field = field?;
        match field.name {
            "showPrivileges" => shows_privileges = field.bool()?.unwrap_or(false),
            _ => return field.unknown(),
        }
    }
    let mut out = Builder::new();
    out.put_document("authInfo", |out| {
        out.put_array("authenticatedUsers", |_| {});
        out.put_array("authenticatedUserRoles", |_| {});
        if shows_privileges {
            out.put_array("authenticatedUserPrivileges", |_| {});
        }
    });
    Ok(out)
}

/// The client's own address.
pub fn whats_my_uri(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.str("you", &call.client.address);
    Ok(out)
}

/// A number that nobody can foresee. It was for a way to log in that is gone.
pub fn nonce(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.str("nonce", &format!("{:016x}", RandomState::new().build_hasher().finish()));
    Ok(out)
}

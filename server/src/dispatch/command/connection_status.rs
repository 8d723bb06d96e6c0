//! `connectionStatus`, `whatsmyuri`, `getnonce`: who the client is to this server.

use tallymap::bson::builder::Builder;

use crate::auth::name::{Kind, put_names};
use crate::auth::uuid;
use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;

/// Who is logged in, and what he may do.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut shows_privileges = false;
    for field in call.fields("connectionStatus")? {
        let field = field?;
        // As with mongod, others are passed over.
        if field.name == "showPrivileges" {
            shows_privileges = field.bool()?.unwrap_or(false);
        }
    }
    let state = call.client.login.state(call.auth(), call.engine())?;
    let mut out = Builder::new();
    out.put_document("authInfo", |out| {
        put_names(out, "authenticatedUsers", Kind::User, &state.names()[..]);
        put_names(out, "authenticatedUserRoles", Kind::Role, state.roles());
        if shows_privileges {
            state.privileges().put(out, "authenticatedUserPrivileges");
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
    let random = uuid()?;
    let nonce: String =
        random[..6].iter().chain(&random[14..]).map(|b| format!("{b:02x}")).collect();
    let mut out = Builder::new();
    out.str("nonce", &nonce);
    Ok(out)
}

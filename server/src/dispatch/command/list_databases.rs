//! `listDatabases`.

use tallymap::Filter;
use tallymap::bson::builder::{Builder, Index};

use crate::auth::action::Action;
use crate::auth::privilege::Resource;
use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;

/// Lists.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (mut filter, mut name_only, mut only_own) = (None, false, None);
    for field in call.fields("listDatabases")? {
        let field = field?;
        match field.name {
            "filter" => filter = field.object()?.map(Filter::parse).transpose()?,
            "nameOnly" => name_only = field.number_or_bool()?.unwrap_or(false),
            "authorizedDatabases" => only_own = field.bool()?,
            _ => return field.unknown(),
        }
    }
    let (mut total, mut listed) = (0, Vec::new());
    let state = call.client.login.state(call.auth(), call.engine())?;
    let privileges = state.privileges();
    let lists_all = !call.auth().is_enabled()
        || only_own != Some(true) && privileges.allow(Resource::Cluster, Action::ListDatabases);
    let mut names = call.engine().database_names();
    // As in mongod, `admin` is always there; here without a file until something is in it.
    if !names.iter().any(|name| name == "admin") {
        names.push("admin".to_owned());
        names.sort();
    }
    for name in names {
        if !lists_all && !privileges.touch(&name) {
            continue;
        }
        let mut entry = Builder::new();
        entry.str("name", &name);
        let mut size = 0;
        if !name_only {
            size = call.engine().database(&name)?.stats()?.file_size;
            entry.put_i64("sizeOnDisk", size);
            entry.put_bool("empty", false);
        }
        let entry = entry.finish();
        if filter.as_ref().map_or(Ok(true), |filter| filter.matches(&entry))? {
            total += size;
            listed.push(entry);
        }
    }
    let mut out = Builder::new();
    out.put_array("databases", |out| {
        for (at, entry) in listed.iter().enumerate() {
            out.document(Index::new(at), entry);
        }
    });
    if !name_only {
        out.put_i64("totalSize", total);
        out.put_i64("totalSizeMb", total >> 20);
    }
    Ok(out)
}

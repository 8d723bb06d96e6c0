//! Which databases and collections a command works on, and how it opens a directory to read.

use std::io;
use std::path::Path;

use tallymap::{Collection, Database, Engine};

use crate::error::CliError;

/// Opens `dbpath` without changing a byte of it.
pub fn open_read_only(dbpath: &Path) -> Result<Engine, CliError> {
    Ok(Engine::builder(dbpath).read_only(true).open()?)
}

/// The database `name`, or all of them, by name.
pub fn databases(engine: &Engine, name: Option<&str>) -> Result<Vec<Database>, CliError> {
    let names = match name {
        Some(name) => vec![name.to_owned()],
        None => engine.database_names(),
    };
    if names.is_empty() {
        let dbpath = engine.dbpath().display();
        return Err(CliError::Usage(format!("{dbpath} holds no databases")));
    }
    names.iter().map(|name| existing_database(engine, name)).collect()
}

/// The database `name`, which has to exist.
pub fn existing_database(engine: &Engine, name: &str) -> Result<Database, CliError> {
    let database = engine.database(name)?;
    if database.exists() {
        return Ok(database);
    }
    let message = match engine.database_names().as_slice() {
        [] => format!("{} holds no databases", engine.dbpath().display()),
        names => format!("there is no database '{name}'\nhint: there is {}", names.join(", ")),
    };
    Err(CliError::Usage(message))
}

/// Is it a collection of users? The catalogue's own are not.
pub fn is_of_users(name: &str) -> bool {
    !name.starts_with("system.")
}

/// The collection `name` of `database`, which has to exist.
pub fn existing_collection(database: &Database, name: &str) -> Result<Collection, CliError> {
    let collection = database.collection(name)?;
    if collection.exists() {
        return Ok(collection);
    }
    let names = database.collection_names()?;
    let names: Vec<&str> = names.iter().map(String::as_str).filter(|n| is_of_users(n)).collect();
    let ns = collection.namespace();
    Err(CliError::Usage(match names.as_slice() {
        [] => format!("there is no collection '{ns}', nor any other"),
        names => format!("there is no collection '{ns}'\nhint: there is {}", names.join(", ")),
    }))
}

/// The names of the collections to work on: `name`, which has to exist, or those that `wanted`
/// says.
pub fn collection_names(
    database: &Database,
    name: Option<&str>,
    wanted: fn(&str) -> bool,
) -> Result<Vec<String>, CliError> {
    match name {
        Some(name) => {
            existing_collection(database, name)?;
            Ok(vec![name.to_owned()])
        }
        None => {
            let mut names = database.collection_names()?;
            names.retain(|name| wanted(name));
            Ok(names)
        }
    }
}

/// Refuses a directory that has something in it.
pub fn check_empty_or_new(dir: &Path) -> Result<(), CliError> {
    let mut entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(CliError::file(dir))?,
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => {
            let message = format!("{} is not empty: name a new directory", dir.display());
            Err(CliError::Usage(message))
        }
    }
}

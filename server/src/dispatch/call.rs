//! A command that is being run: what it was sent with, and by whom.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bson::RawDocument;
use tallymap::bson::element::{Element, Value};
use tallymap::bson::ty;
use tallymap::{AskedBy, Collection, Database, Engine, Hint, Reason};

use super::Dispatcher;
use super::common::Common;
use super::counts::Counts;
use super::failure::{Failure, Outcome};
use super::fields::Fields;
use super::last_write::LastWrite;
use super::operations::{Connection, Operations};
use super::own_cursors::OwnCursors;
use super::parameters::Parameters;
use super::request::Request;
use super::sessions::{Sessions, Uid};
use super::table::Commands;
use super::top::Top;
use super::topology::Topology;
use super::write_gate::WriteGate;
use crate::auth::login::Login;
use crate::auth::{Auth, Checked};
use crate::wire::compressor::Compressor;

/// Somebody who sends commands: a connection.
#[derive(Debug)]
pub struct Client {
    /// Its number, above 0.
    pub id: i32,
    /// Where it is, as `address:port`.
    pub address: String,
    /// Does it come from this machine?
    pub is_local: bool,
    /// Compressors that the server takes.
    offers: Vec<Compressor>,
    /// Those that it wants, in its order.
    pub compressors: RefCell<Vec<Compressor>>,
    /// Has it said what it is?
    pub has_metadata: Cell<bool>,
    /// How its operations are told of.
    pub asked_by: RefCell<AskedBy>,
    /// Who is logged in on it.
    pub login: Login,
    /// What became of its last write.
    pub last_write: RefCell<LastWrite>,
    /// Time for which its present command did nothing but wait for what may come.
    pub waited: Cell<Duration>,
    /// How others see it.
    pub connection: Arc<Connection>,
    operations: Arc<Operations>,
}

impl Client {
    pub(super) fn new(id: i32, address: String, operations: &Arc<Operations>) -> Client {
        // The port changes from one connection to the next.
        let client = address.rsplit_once(':').map_or(&*address, |(host, _)| host).into();
        let asked_by = RefCell::new(AskedBy { client, app_name: None });
        let connection = operations.connect(id, address.clone());
        let operations = operations.clone();
        Client {
            id,
            address,
            is_local: false,
            offers: Vec::new(),
            compressors: RefCell::default(),
            has_metadata: Cell::new(false),
            asked_by,
            login: Login::default(),
            last_write: RefCell::default(),
            waited: Cell::default(),
            connection,
            operations,
        }
    }

    /// Lets it choose from these compressors.
    pub fn set_offers(&mut self, compressors: &[Compressor]) {
        self.offers = compressors.to_vec();
    }

    /// Compressors that the server takes.
    pub fn offers(&self) -> &[Compressor] {
        &self.offers
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.operations.disconnect(&self.connection);
    }
}

/// A command and what it needs to be run.
#[derive(Debug)]
pub struct Call<'a> {
    pub(super) server: &'a Dispatcher,
    /// Who sent it.
    pub client: &'a Client,
    /// As it was sent.
    pub request: &'a Request<'a>,
    /// Its first field.
    pub(super) target: Element<'a>,
    /// Its name, without aliases.
    pub name: &'static str,
    /// What any command may say.
    pub common: Common<'a>,
}

impl<'a> Call<'a> {
    /// The engine.
    pub fn engine(&self) -> &'a Engine {
        &self.server.engine
    }

    /// The open cursors, as who sent it has them.
    pub fn cursors(&self) -> OwnCursors<'a> {
        let owner = self.auth().owner(&self.client.login, self.engine());
        OwnCursors { all: &self.server.cursors, owner }
    }

    /// The sessions.
    pub fn sessions(&self) -> &'a Sessions {
        &self.server.sessions
    }

    /// Who may do what.
    pub fn auth(&self) -> &'a Auth {
        &self.server.auth
    }

    /// What was counted.
    pub fn counts(&self) -> &'a Counts {
        &self.server.counts
    }

    /// What is being done.
    pub fn operations(&self) -> &'a Operations {
        &self.server.operations
    }

    /// What is done in each collection.
    pub fn top(&self) -> &'a Top {
        &self.server.top
    }

    /// What keeps those who write apart from those who need that nobody does.
    pub fn gate(&self) -> &'a WriteGate {
        &self.server.gate
    }

    /// What clients have to know of the server.
    pub fn topology(&self) -> &'a Topology {
        &self.server.topology
    }

    /// What `setParameter` changes.
    pub fn parameters(&self) -> &'a Parameters {
        &self.server.parameters
    }

    /// Ends the server. Answers whether somebody can.
    pub fn shut_down(&self) -> bool {
        let shutdown = self.server.shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        shutdown.as_ref().inspect(|shutdown| (shutdown.0)()).is_some()
    }

    /// The commands that there are.
    pub fn commands(&self) -> &'a Commands {
        &self.server.commands
    }

    /// Seconds since the server was started.
    pub fn uptime(&self) -> f64 {
        self.server.started.elapsed().as_secs_f64()
    }

    /// The port that replies name.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Most connections at a time.
    pub fn connections_max(&self) -> usize {
        self.server.connections_max
    }

    /// Its fields; errors call it `path`.
    pub fn fields(&self, path: &'static str) -> Outcome<Fields<'a>> {
        Fields::of_command(path, self.request.body())
    }

    /// Refuses fields of its own: it has none.
    pub fn check_no_fields(&self, path: &'static str) -> Outcome<()> {
        match self.fields(path)?.next() {
            None => Ok(()),
            Some(field) => field?.unknown(),
        }
    }

    /// The refusal of who may not run it.
    pub fn refused(&self) -> Failure {
        crate::auth::refused(&Checked {
            command: self.name,
            target: self.target(),
            database: self.common.database,
            request: self.request,
        })
    }

    /// Whose sessions it names.
    ///
    /// # Errors
    /// The engine's.
    pub fn uid(&self) -> Outcome<Uid> {
        self.auth().uid(&self.client.login, self.engine())
    }

    /// The value of its first field.
    pub fn target(&self) -> Value<'a> {
        self.target.val()
    }

    /// A command inside of this one, to be explained.
    ///
    /// # Errors
    /// If there is no such command.
    pub fn within<'b>(&self, request: &'b Request<'b>) -> Outcome<Call<'b>>
    where
        'a: 'b,
    {
        let target = request.command();
        let name = target.as_ref().map(|target| target.name_lossy()).unwrap_or_default();
        match (target, self.commands().find(&name)) {
            (Some(target), Some(command)) => Ok(Call {
                server: self.server,
                client: self.client,
                request,
                target,
                name: command.name,
                common: self.common.clone(),
            }),
            _ => {
                let message = format!("Explain failed due to unknown command: {name}");
                Err(Failure::new(Reason::CommandNotFound, message))
            }
        }
    }

    /// The database that it is sent to.
    pub fn database(&self) -> Outcome<Database> {
        Ok(self.engine().database(self.common.database)?)
    }

    /// The full name of the collection that its first field names.
    pub fn namespace(&self) -> Outcome<String> {
        Ok(namespace(self.common.database, collection_name(self.target())?))
    }

    /// The same, of what cursors read: of a collection, or of a list as in
    /// `$cmd.listCollections`.
    pub fn cursor_namespace(&self) -> Outcome<String> {
        self.cursor_namespace_of(collection_name(self.target())?)
    }

    fn cursor_namespace_of(&self, name: &str) -> Outcome<String> {
        let ns = namespace(self.common.database, name);
        if name.is_empty() {
            let message = format!("Invalid namespace specified '{ns}'");
            return Err(Failure::new(Reason::InvalidNamespace, message));
        }
        if name.starts_with('.') {
            let message = format!("Collection names cannot start with '.': {name}");
            return Err(Failure::new(Reason::InvalidNamespace, message));
        }
        Ok(ns)
    }

    /// The collection that its first field names.
    pub fn collection(&self) -> Outcome<Collection> {
        let name = collection_name(self.target()).map_err(|failure| match self.name {
            "count" | "distinct" => Failure::new(Reason::InvalidNamespace, failure.message()),
            _ => failure,
        })?;
        self.collection_named(name)
    }

    /// A collection of the database that it is sent to.
    pub fn collection_named(&self, name: &str) -> Outcome<Collection> {
        let ns = self.cursor_namespace_of(name)?;
        if name.contains('$') {
            let message = format!("Invalid collection name: {name}");
            return Err(Failure::new(Reason::InvalidNamespace, message));
        }
        Ok(self.engine().collection(&ns)?)
    }

    /// Is the validator of the collection not to be asked? What else the field may be is refused
    /// with the command's other fields.
    pub fn bypasses_validation(&self) -> bool {
        let field = self.request.field("bypassDocumentValidation");
        field.is_some_and(|value| value.is_true())
    }

    /// The same, to be written to.
    pub fn writable_collection(&self) -> Outcome<Collection> {
        let name = collection_name(self.target())?;
        check_not_system(self.common.database, name)?;
        if matches!(name, "system.views" | "system.profile") && WRITES.contains(&self.name) {
            let message = format!("cannot write to {}.{name}", self.common.database);
            return Err(Failure::new(Reason::InvalidNamespace, message));
        }
        self.collection_named(name)
    }
}

/// Commands that write documents, or what leads to them.
const WRITES: [&str; 5] = ["insert", "update", "delete", "findAndModify", "createIndexes"];

/// Refuses the names that are the server's own.
pub fn check_not_system(database: &str, name: &str) -> Outcome<()> {
    const WRITABLE: [&str; 6] = [
        "system.js",
        "system.users",
        "system.roles",
        "system.version",
        "system.views",
        "system.profile",
    ];
    if name.starts_with("system.") && !WRITABLE.contains(&name) {
        let message = format!("Invalid system namespace: {database}.{name}");
        return Err(Failure::new(Reason::InvalidNamespace, message));
    }
    Ok(())
}

/// The name of a collection that a command's first field is to be.
pub fn collection_name(value: Value<'_>) -> Outcome<&str> {
    value.as_str().ok_or_else(|| {
        let message = format!("collection name has invalid type {}", ty::name(value.ty));
        Failure::new(Reason::BadValue, message)
    })
}

/// A database's name and a collection's.
pub fn namespace(database: &str, collection: &str) -> String {
    format!("{database}.{collection}")
}

/// Bytes of a document that was checked, as the engine takes them.
pub fn document(bytes: &[u8]) -> Outcome<&RawDocument> {
    RawDocument::from_bytes(bytes)
        .map_err(|error| Failure::new(Reason::InvalidBSON, format!("not a document: {error}")))
}

/// A hint as the engine takes it; none for an empty document.
pub fn hint(value: Value<'_>) -> Option<Hint> {
    match value.as_str() {
        Some(name) => Some(Hint::Name(name.to_owned())),
        None if value.bytes.len() > 5 => Some(Hint::Keys(value.bytes.to_vec())),
        None => None,
    }
}

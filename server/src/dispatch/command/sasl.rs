//! `saslStart`, `saslContinue`, `authenticate`, `logout`: who a client is, proved by SCRAM.
//!
//! Who fails is told nothing but that he did: the same of an unknown user and of a wrong proof.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Value, get};
use tallymap::bson::ty;

use crate::auth::exchange::{ClientFirst, Exchange};
use crate::auth::login::Conversation;
use crate::auth::name::Name;
use crate::auth::scram::{Mechanism, decode, encode};
use crate::auth::store::Store;
use crate::auth::user::User;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, Fields, missing};
use crate::dispatch::put::Put;

/// There is one conversation at a time on a connection.
const CONVERSATION: i32 = 1;
/// Subtype of bytes that are nothing in particular.
const GENERIC: u8 = 0;

/// The refusal of every login that fails.
fn failed() -> Failure {
    Failure::new(Reason::AuthenticationFailed, "Authentication failed.")
}

/// What was said, as bytes or in base64.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Bytes,
    Text,
}

/// What a client says, by a value of either form.
fn payload(field: &Field<'_>) -> Outcome<(Vec<u8>, Form)> {
    let value = field.value;
    let bytes = match value.ty {
        ty::BINARY => value.bytes.get(5..).map(|bytes| (bytes.to_vec(), Form::Bytes)),
        ty::STRING => value.as_str().and_then(decode).map(|bytes| (bytes, Form::Text)),
        other => {
            let found = ty::name(other);
            let message =
                format!("Invalid SASLPayload type. Expected Base64 or BinData, got: {found}");
            return Err(Failure::new(Reason::BadValue, message));
        }
    };
    bytes.ok_or_else(|| Failure::new(Reason::BadValue, "Invalid SASLPayload: it is not base64"))
}

fn put_payload(out: &mut Builder, said: &str, form: Form) {
    match form {
        Form::Text => drop(out.str("payload", &encode(said.as_bytes()))),
        Form::Bytes => {
            let len = (said.len() as i32).to_le_bytes();
            let bytes = [&len[..], &[GENERIC], said.as_bytes()].concat();
            out.value("payload", Value { ty: ty::BINARY, bytes: &bytes });
        }
    }
}

/// How a login begins.
#[derive(Debug)]
struct Start<'a> {
    mechanism: &'a str,
    payload: Vec<u8>,
    form: Form,
    skips_empty: bool,
}

impl<'a> Start<'a> {
    fn parse(fields: Fields<'a>, is_speculative: bool) -> Outcome<Start<'a>> {
        const PATH: &str = "saslStart";
        let (mut mechanism, mut said, mut skips_empty) = (None, None, false);
        for field in fields {
            let field = field?;
            match field.name {
                "mechanism" => mechanism = field.string()?,
                "payload" => said = Some(payload(&field)?),
                "autoAuthorize" => drop(field.number_or_bool()?),
                "options" => skips_empty = field.object()?.is_some_and(skips_empty_exchange),
                "db" if is_speculative => drop(field.string()?),
                "saslStart" if is_speculative => {}
                _ => return field.unknown(),
            }
        }
        let mechanism = mechanism.ok_or_else(|| missing(PATH, "mechanism"))?;
        let (payload, form) = said.ok_or_else(|| missing(PATH, "payload"))?;
        Ok(Start { mechanism, payload, form, skips_empty })
    }

    /// Begins a conversation. The reply is what the server says first.
    fn begin(&self, call: &Call<'_>, db: &str) -> Outcome<Builder> {
        let conversation = &call.client.login.conversation;
        conversation.replace(None);
        let mechanism =
            Mechanism::named(self.mechanism).ok_or_else(|| not_enabled(self.mechanism))?;
        if db == "$external" {
            let message = format!(
                "Unsupported mechanism '{}' on authentication database '$external'",
                self.mechanism
            );
            return Err(unavailable(message));
        }
        let first = ClientFirst::parse(&self.payload).ok_or_else(failed)?;
        let found = Store::users(call.engine()).get(&Name::new(&first.user, db))?;
        let user = found.and_then(|document| User::parse(document.as_bytes()));
        let user = user.filter(|user| !user.is_restricted).ok_or_else(failed)?;
        let credential = user.credential(mechanism).ok_or_else(failed)?;
        let (exchange, said) = Exchange::begin(&first, mechanism, credential)?;
        let begun =
            Conversation { exchange, user, skips_empty: self.skips_empty, is_proved: false };
        conversation.replace(Some(begun));
        Ok(reply(false, &said, self.form))
    }
}

fn skips_empty_exchange(options: &[u8]) -> bool {
    let option = get(options, "skipEmptyExchange").ok().flatten();
    option.is_some_and(|option| option.val().is_true())
}

fn reply(is_done: bool, said: &str, form: Form) -> Builder {
    let mut out = Builder::new();
    out.put_i32("conversationId", CONVERSATION);
    out.put_bool("done", is_done);
    put_payload(&mut out, said, form);
    out
}

fn unavailable(message: String) -> Failure {
    Failure::numbered(334, "MechanismUnavailable", message)
}

fn not_enabled(mechanism: &str) -> Failure {
    unavailable(format!("Received authentication for mechanism {mechanism} which is not enabled"))
}

/// Begins a login.
pub fn start(call: &Call<'_>) -> Outcome<Builder> {
    let start = Start::parse(call.fields("saslStart")?, false)?;
    let begun = start.begin(call, call.common.database);
    if let Err(failure) = &begun {
        // Who it was said to be is not known for sure, and may be a password in the wrong place.
        tell_failed(call, None, failure);
    }
    begun
}

fn tell_failed(call: &Call<'_>, user: Option<&Name>, failure: &Failure) {
    tracing::info!(
        target: "ACCESS",
        id = 20249,
        user = user.map(|user| &*user.name),
        db = user.map_or(call.common.database, |user| &user.db),
        remote = call.client.address,
        code = failure.code(),
        "Authentication failed"
    );
}

/// Begins a login that a hello brings along; none if it cannot be begun: the client begins again
/// and is told why.
///
/// # Errors
/// If it is no command that begins one.
pub fn speculative(call: &Call<'_>, command: &[u8]) -> Outcome<Option<Builder>> {
    let Some(first) = Fields::of("saslStart", command)?.next().transpose()? else {
        return Err(unknown_command(""));
    };
    match first.name {
        "saslStart" => {}
        "authenticate" => return Ok(None),
        other => return Err(unknown_command(other)),
    }
    let db = get(command, "db")?.and_then(|db| db.val().as_str()).unwrap_or("admin").to_owned();
    let begun = Start::parse(Fields::of("saslStart", command)?, true)
        .and_then(|start| start.begin(call, &db));
    Ok(begun.ok())
}

fn unknown_command(name: &str) -> Failure {
    let message = format!("hello.speculativeAuthenticate unknown command: {name}");
    Failure::new(Reason::Location(51769), message)
}

/// Goes on with a login.
pub fn go_on(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "saslContinue";
    let (mut id, mut said) = (None, None);
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "conversationId" if field.value.ty == ty::INT32 => id = field.integer()?,
            "conversationId" => return field.wrong_type("type 'int'"),
            "payload" => said = Some(payload(&field)?),
            _ => return field.unknown(),
        }
    }
    let id = id.ok_or_else(|| missing(PATH, "conversationId"))?;
    let (payload, form) = said.ok_or_else(|| missing(PATH, "payload"))?;
    let protocol = |message| Failure::new(Reason::ProtocolError, message);
    // It is over, unless it is put back.
    let begun = call.client.login.conversation.take();
    let mut begun = begun.ok_or_else(|| protocol("No SASL session state found"))?;
    if id != i64::from(CONVERSATION) {
        return Err(protocol("sasl: Mismatched conversation id"));
    }
    let said = match begun.is_proved {
        true if payload.is_empty() => String::new(),
        true => return Err(failed()),
        false => begun.exchange.finish(&payload).ok_or_else(|| {
            tell_failed(call, Some(&begun.user.name), &failed());
            failed()
        })?,
    };
    let is_done = begun.is_proved || begun.skips_empty;
    begun.is_proved = true;
    match is_done {
        true if !call.client.login.add(call.auth(), call.engine(), &begun.user)? => {
            return Err(failed());
        }
        true => {
            show_user(call)?;
            tracing::info!(
                target: "ACCESS",
                id = 20250,
                user = begun.user.name.name,
                db = begun.user.name.db,
                remote = call.client.address,
                "Authentication succeeded"
            );
        }
        false => drop(call.client.login.conversation.replace(Some(begun))),
    }
    Ok(reply(is_done, &said, form))
}

/// The ways in which a user can log in, as a hello asks for them; none if there is no such user.
///
/// # Errors
/// If it is no user's name.
pub fn supported(call: &Call<'_>, field: &Field<'_>) -> Outcome<Vec<Mechanism>> {
    let name = match (field.value.as_str(), field.value.as_document()) {
        (Some(text), _) => Name::of_dotted(text)?,
        (None, Some(_)) if field.value.ty == ty::DOCUMENT => {
            Name::of_value(crate::auth::name::Kind::User, field.value, "")?
        }
        (None, _) => return field.wrong_type("types '[string, object']"),
    };
    let found = Store::users(call.engine()).get(&name)?;
    let user = found.and_then(|document| User::parse(document.as_bytes()));
    let mut all: Vec<_> = user.iter().flat_map(User::mechanisms).collect();
    // The better one first.
    all.sort_by(|a, b| b.cmp(a));
    Ok(all)
}

/// Ways to log in other than by a conversation: there are none here.
pub fn authenticate(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "authenticate";
    let mut mechanism = None;
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "mechanism" => mechanism = field.string()?,
            "user" => drop(field.string()?),
            _ => return field.unknown(),
        }
    }
    match mechanism.ok_or_else(|| missing(PATH, "mechanism"))? {
        "MONGODB-X509" => {
            let message = "No verified subject name available from client";
            Err(Failure::new(Reason::AuthenticationFailed, message))
        }
        other => Err(not_enabled(other)),
    }
}

/// Whoever logged in at this database is gone.
pub fn logout(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("logout")?;
    call.client.login.conversation.replace(None);
    call.client.login.remove(call.auth(), call.engine(), call.common.database)?;
    show_user(call)?;
    Ok(Builder::new())
}

/// Lets others see who is logged in.
fn show_user(call: &Call<'_>) -> Outcome<()> {
    let state = call.client.login.state(call.auth(), call.engine())?;
    let user = state.names().first().map(|user| (user.name.clone(), user.db.clone()));
    call.client.connection.set_user(user);
    Ok(())
}

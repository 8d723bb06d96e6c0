//! Commands as they may be shown: without passwords and what is said to log in.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Element, Elements, Value};
use tallymap::bson::{text, ty};

/// What stands for what is not shown.
const HIDDEN: &str = "xxx";
/// Longest value that is shown in a text, bytes of BSON.
const VALUE_LEN_MAX: usize = 4096;

/// May a command have fields that are not shown?
pub fn has_secrets(command: &str) -> bool {
    let commands = [
        "createUser",
        "updateUser",
        "saslStart",
        "saslContinue",
        "authenticate",
        "hello",
        "isMaster",
        "explain",
    ];
    commands.iter().any(|own| own.eq_ignore_ascii_case(command))
}

/// Is a field of a command one that is not shown?
fn is_hidden(command: &str, field: &Element<'_>) -> bool {
    match command {
        "createUser" | "updateUser" => field.name == b"pwd",
        "saslStart" | "saslContinue" => field.name == b"payload",
        "authenticate" => matches!(field.name, b"key" | b"nonce"),
        "hello" | "isMaster" | "ismaster" => field.name == b"speculativeAuthenticate",
        // Whoever means to explain one of them has it refused, but said it.
        "explain" => field.name == b"explain" && is_secret(field.val()),
        _ => false,
    }
}

/// Is a document a command that may have fields that are not shown?
fn is_secret(command: Value<'_>) -> bool {
    let fields = command.as_document().and_then(|command| Elements::new(command).ok());
    let first = fields.and_then(|mut fields| fields.next()?.ok());
    first.is_some_and(|first| has_secrets(&first.name_lossy()))
}

/// A command, named without aliases, as it may be shown: in logs, `currentOp`, profiles.
pub fn document(command: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Builder::new();
    for field in Elements::new(body).into_iter().flatten().map_while(Result::ok) {
        match is_hidden(command, &field) {
            true => drop(out.str(field.name, HIDDEN)),
            false => drop(out.element(&field)),
        }
    }
    out.finish()
}

/// The same as text: `{ find: "c", lsid: { id: UUID("…") }, $db: "test" }`. Very long values are
/// left out.
pub fn text(command: &str, body: &[u8]) -> String {
    let mut out = "{".to_owned();
    let mut before = " ";
    for field in Elements::new(body).into_iter().flatten().map_while(Result::ok) {
        out.push_str(before);
        before = ", ";
        match is_hidden(command, &field) {
            true => out.push_str(&format!("{}: \"{HIDDEN}\"", field.name_lossy())),
            false if field.name == b"lsid" => out.push_str(&session(&field)),
            false if field.value.len() > VALUE_LEN_MAX => {
                out.push_str(&format!("{}: ...", field.name_lossy()));
            }
            false => out.push_str(&text::named(field.name, field.val())),
        }
    }
    out.push_str(" }");
    out
}

/// A session: its UUID as one.
fn session(field: &Element<'_>) -> String {
    let id = tallymap::bson::element::get(field.value, "id").ok().flatten();
    let uuid = id.as_ref().map(Element::val).and_then(uuid);
    match uuid.filter(|_| field.ty == ty::DOCUMENT) {
        Some(uuid) => format!("lsid: {{ id: UUID(\"{uuid}\") }}"),
        None => text::named(field.name, field.val()),
    }
}

fn uuid(value: Value<'_>) -> Option<bson::Uuid> {
    let bytes: [u8; 16] = value.bytes.get(5..)?.try_into().ok()?;
    (value.ty == ty::BINARY).then(|| bson::Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn uuid_of(bytes: [u8; 16]) -> bson::Binary {
        bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: bytes.to_vec() }
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let doc = rawdoc! { "createUser": "u", "pwd": "secret", "roles": [], "$db": "d" };
        let shown = rawdoc! { "createUser": "u", "pwd": "xxx", "roles": [], "$db": "d" };
        assert_eq!(document("createUser", doc.as_bytes()), shown.as_bytes());
        assert_eq!(
            text("createUser", doc.as_bytes()),
            "{ createUser: \"u\", pwd: \"xxx\", roles: [], $db: \"d\" }"
        );
        let doc = rawdoc! { "saslStart": 1, "payload": "biwsbj0=" };
        assert_eq!(text("saslStart", doc.as_bytes()), "{ saslStart: 1, payload: \"xxx\" }");
        let doc = rawdoc! { "find": "c", "filter": { "pwd": 1 } };
        assert_eq!(document("find", doc.as_bytes()), doc.as_bytes());
        let doc = rawdoc! { "hello": 1, "speculativeAuthenticate": { "payload": "biwsbj0=" } };
        assert!(!text("hello", doc.as_bytes()).contains("biws"));
        let doc = rawdoc! { "explain": { "createuser": "u", "pwd": "secret" }, "$db": "d" };
        assert_eq!(text("explain", doc.as_bytes()), "{ explain: \"xxx\", $db: \"d\" }");
        let doc = rawdoc! { "explain": { "find": "c" } };
        assert_eq!(document("explain", doc.as_bytes()), doc.as_bytes());
    }

    #[test]
    fn long_values_are_left_out_of_texts() {
        let doc = rawdoc! { "find": "c", "filter": { "a": "x".repeat(5000) }, "$db": "d" };
        assert_eq!(text("find", doc.as_bytes()), "{ find: \"c\", filter: ..., $db: \"d\" }");
    }

    #[test]
    fn sessions_are_shown_as_uuids() {
        let doc = rawdoc! { "find": "c", "lsid": { "id": uuid_of([0x1f; 16]) } };
        assert_eq!(
            text("find", doc.as_bytes()),
            "{ find: \"c\", lsid: { id: UUID(\"1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f\") } }"
        );
        let doc = rawdoc! { "find": "c", "lsid": 1 };
        assert_eq!(text("find", doc.as_bytes()), "{ find: \"c\", lsid: 1 }");
    }
}

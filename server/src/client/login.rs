//! Logging in by SCRAM, as a client.

use bson::spec::BinarySubtype;
use bson::{Binary, RawDocument, RawDocumentBuf, rawdoc};

use super::{Client, ClientError, Secret};
use crate::auth::scram::{Mechanism, decode, encode};

/// Rounds of hashing that are too few to be safe.
const ROUNDS_MIN: u32 = 4096;
/// Rounds that no honest server asks for.
const ROUNDS_MAX: u32 = 10_000_000;
/// The beginning of a first message: no channel is bound, nobody is stood in for.
const HEADER: &str = "n,,";

/// Logs the user of the client's place in; `hello` says by what ways he can.
///
/// # Errors
/// The server's; that of one who does not know the password himself.
pub fn log_in(client: &mut Client, hello: &RawDocument) -> Result<(), ClientError> {
    let mechanism = mechanism(hello);
    let user = client.place.user.clone().unwrap_or_default();
    let Secret(password) = client.place.password.clone().unwrap_or(Secret(String::new()));
    let database = client.place.auth_database().to_owned();
    let no_nonce = |failure: crate::dispatch::failure::Failure| failure.to_string();
    let nonce = crate::auth::uuid().map_err(no_nonce).map(|bytes| encode(&bytes));
    let nonce = nonce.map_err(|error| client.refused("saslStart", error))?;

    let first = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
    let payload = binary(&[HEADER, &first].concat());
    let answer = client.run(&rawdoc! {
        "saslStart": 1, "mechanism": mechanism.name(), "payload": payload,
        "options": { "skipEmptyExchange": true }, "$db": &*database,
    })?;
    let challenge = text(&answer, "payload");
    let challenged = Challenge::parse(&challenge, &nonce);
    let Some(Challenge { nonce, salt, rounds }) = challenged else {
        return Err(client.refused("saslStart", "its challenge is none of SCRAM"));
    };
    let prepared = mechanism.prepare(&user, &password);
    let prepared = prepared.map_err(|failure| client.refused("saslStart", failure.message()))?;
    let last = format!("c={},r={nonce}", encode(HEADER.as_bytes()));
    let spoken = format!("{first},{challenge},{last}");
    let (proof, signature) = mechanism.prove(&prepared, (&salt, rounds), spoken.as_bytes());

    let id = answer.get_i32("conversationId").unwrap_or(1);
    let payload = format!("{last},p={}", encode(&proof));
    let answer = client.run(&go_on(id, &payload, &database))?;
    if text(&answer, "payload") != format!("v={}", encode(&signature)) {
        return Err(client.refused("saslContinue", "it does not know the password itself"));
    }
    if !answer.get_bool("done").unwrap_or(false) {
        client.run(&go_on(id, "", &database))?;
    }
    Ok(())
}

fn go_on(id: i32, payload: &str, database: &str) -> RawDocumentBuf {
    let payload = binary(payload);
    rawdoc! { "saslContinue": 1, "conversationId": id, "payload": payload, "$db": database }
}

fn binary(text: &str) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: text.as_bytes().to_vec() }
}

fn text(answer: &RawDocument, name: &str) -> String {
    let bytes = answer.get_binary(name).map(|binary| binary.bytes).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// The better of the ways that the user has; the newer one where nobody says.
fn mechanism(hello: &RawDocument) -> Mechanism {
    let Ok(names) = hello.get_array("saslSupportedMechs") else { return Mechanism::Sha256 };
    let known = names.into_iter().filter_map(|name| Mechanism::named(name.ok()?.as_str()?));
    known.max().unwrap_or(Mechanism::Sha256)
}

/// What a server answers first.
#[derive(Debug, PartialEq)]
struct Challenge<'a> {
    /// Ours and the server's.
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: u32,
}

impl<'a> Challenge<'a> {
    /// One that goes on from our nonce.
    fn parse(text: &'a str, ours: &str) -> Option<Challenge<'a>> {
        let mut parts = text.split(',');
        let nonce = parts.next()?.strip_prefix("r=")?;
        let salt = decode(parts.next()?.strip_prefix("s=")?)?;
        let rounds = parts.next()?.strip_prefix("i=")?.parse().ok()?;
        let is_fine = nonce.len() > ours.len()
            && nonce.starts_with(ours)
            && (ROUNDS_MIN..=ROUNDS_MAX).contains(&rounds);
        is_fine.then_some(Challenge { nonce, salt, rounds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let parse = |text| Challenge::parse(text, "abc").is_some();
        assert!(parse("r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"));
        for text in [
            "",
            "r=abc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=xyzabc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=4095",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=4000000000",
            "r=abcdef,s=!,i=4096",
            "r=abcdef,i=4096",
        ] {
            assert!(!parse(text), "{text}");
        }
    }

    #[test]
    fn the_better_way_is_taken() {
        assert_eq!(mechanism(&rawdoc! {}), Mechanism::Sha256);
        let both = rawdoc! { "saslSupportedMechs": ["SCRAM-SHA-256", "SCRAM-SHA-1"] };
        assert_eq!(mechanism(&both), Mechanism::Sha256);
        let old = rawdoc! { "saslSupportedMechs": ["SCRAM-SHA-1"] };
        assert_eq!(mechanism(&old), Mechanism::Sha1);
    }
}

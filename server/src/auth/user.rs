//! A user as `admin.system.users` has it: `{ _id: "db.user", userId, user, db, credentials: {
//! "SCRAM-SHA-1": { iterationCount, salt, storedKey, serverKey }, … }, customData?, roles }`.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, get};
use tallymap::bson::ty;

use super::name::{Kind, Name};
use super::scram::{Credential, Mechanism, decode, encode};
use crate::dispatch::fields::truncated;
use crate::dispatch::put::Put;

/// Fewest times that a password may be hashed (RFC 7677).
const ITERATIONS_MIN: i64 = 4096;
/// Subtype of a UUID.
const UUID: u8 = 4;

/// A user.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The name.
    pub name: Name,
    /// What tells one user from a later one of the same name; old ones have none.
    pub id: Option<[u8; 16]>,
    /// What is kept of the password, for each way to log in.
    pub credentials: Vec<(Mechanism, Credential)>,
    /// The roles that were granted.
    pub roles: Vec<Name>,
    /// May he log in from some addresses only? They are not looked at here, so that he may not.
    pub is_restricted: bool,
}

impl User {
    /// Reads a document; none if it is not a user's.
    pub fn parse(document: &[u8]) -> Option<User> {
        let text = |name| get(document, name).ok().flatten()?.val().as_str();
        let name = Name::new(text("user")?, text("db")?);
        let id = get(document, "userId").ok().flatten().and_then(|id| {
            let (header, uuid) = id.value.split_first_chunk::<5>()?;
            uuid.try_into().ok().filter(|_| id.ty == ty::BINARY && header[4] == UUID)
        });
        let credentials = get(document, "credentials").ok().flatten();
        let credentials = credentials.and_then(|all| all.val().as_document());
        let roles = get(document, "roles").ok().flatten().filter(|roles| roles.ty == ty::ARRAY);
        let roles = roles.map_or(Some(Vec::new()), |roles| {
            Name::of_array(Kind::Role, roles.value, &name.db).ok()
        })?;
        let credentials = credentials.map(parse_credentials).unwrap_or_default();
        Some(User { name, id, credentials, roles, is_restricted: is_restricted(document) })
    }

    /// What is kept of the password for one way to log in.
    pub fn credential(&self, mechanism: Mechanism) -> Option<&Credential> {
        let found = self.credentials.iter().find(|(of, _)| *of == mechanism);
        found.map(|(_, credential)| credential)
    }

    /// The ways in which he can log in.
    pub fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        self.credentials.iter().map(|(mechanism, _)| *mechanism)
    }

    /// May he be logged in as `other`, who was found before? Not a later one of the same name.
    pub fn may_be(&self, other: &User) -> bool {
        self.name == other.name && self.id == other.id && !self.is_restricted
    }
}

/// Does the document of a user or a role, which a mongod may have written, say from which addresses
/// somebody may log in?
pub fn is_restricted(document: &[u8]) -> bool {
    let empty = |array: &[u8]| Elements::new(array).is_ok_and(|mut all| all.next().is_none());
    match get(document, "authenticationRestrictions") {
        Ok(None) => false,
        Ok(Some(found)) => found.ty != ty::NULL && !(found.ty == ty::ARRAY && empty(found.value)),
        Err(_) => true,
    }
}

/// Those that can be used, in the order of [`Mechanism::ALL`].
fn parse_credentials(document: &[u8]) -> Vec<(Mechanism, Credential)> {
    let one = |mechanism: Mechanism| {
        let found = get(document, mechanism.name()).ok().flatten()?.val().as_document()?;
        let bytes = |name| decode(get(found, name).ok().flatten()?.val().as_str()?);
        let iterations = truncated(get(found, "iterationCount").ok().flatten()?.val())?;
        let (salt, stored_key) = (bytes("salt")?, bytes("storedKey")?);
        let server_key = bytes("serverKey")?;
        let len = mechanism.hash_len();
        let is_sound = iterations >= ITERATIONS_MIN
            && !salt.is_empty()
            && stored_key.len() == len
            && server_key.len() == len;
        let iterations = u32::try_from(iterations).ok().filter(|_| is_sound)?;
        Some((mechanism, Credential { iterations, salt, stored_key, server_key }))
    };
    Mechanism::ALL.into_iter().filter_map(one).collect()
}

/// Writes what is kept of a password.
pub fn put_credentials(out: &mut Builder, credentials: &[(Mechanism, Credential)]) {
    out.put_document("credentials", |out| {
        if credentials.is_empty() {
            out.put_bool("external", true);
        }
        for (mechanism, credential) in credentials {
            out.put_document(mechanism.name(), |out| {
                out.put_i32("iterationCount", credential.iterations as i32);
                out.str("salt", &encode(&credential.salt));
                out.str("storedKey", &encode(&credential.stored_key));
                out.str("serverKey", &encode(&credential.server_key));
            });
        }
    });
}

/// The names of a document's credentials that name a way to log in.
pub fn mechanism_names(document: &[u8]) -> Vec<String> {
    let credentials = get(document, "credentials").ok().flatten();
    let Some(credentials) = credentials.and_then(|all| all.val().as_document()) else {
        return Vec::new();
    };
    let names = Elements::new(credentials).into_iter().flatten().flatten();
    let names = names.filter(|one| one.ty == ty::DOCUMENT || one.name == b"external");
    names.map(|one| one.name_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn uuid_of(bytes: [u8; 16]) -> bson::Binary {
        bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: bytes.to_vec() }
    }

    #[test]
    fn a_document_that_mongod_wrote() {
        let doc = rawdoc! {
            "_id": "d.u", "userId": uuid_of([7; 16]), "user": "u", "db": "d",
            "credentials": {
                "MONGODB-CR": "0123",
                "SCRAM-SHA-1": {
                    "iterationCount": 10000, "salt": "WIKx+dIoinBzQiNBQikfsw==",
                    "storedKey": "HOvG7/wVYpBzWVaMrhoABEtQ+MY=",
                    "serverKey": "qGNHD7EVcn6AydGxWjSAIa6rR3s=",
                },
                "SCRAM-SHA-256": { "iterationCount": 15000, "salt": "WIKx+dIoinBzQiNBQikfsw==" },
            },
            "roles": [{ "role": "read", "db": "d" }],
        };
        let user = User::parse(doc.as_bytes()).expect("a user");
        assert_eq!((user.name.to_string(), user.id), ("u@d".to_owned(), Some([7; 16])));
        assert_eq!(user.mechanisms().collect::<Vec<_>>(), [Mechanism::Sha1]);
        assert_eq!(user.roles, [Name::new("read", "d")]);
        let credential = user.credential(Mechanism::Sha1).expect("there");
        let mut out = Builder::new();
        put_credentials(&mut out, &[(Mechanism::Sha1, credential.clone())]);
        let written = out.finish();
        let again = get(&written, "credentials").expect("sound").expect("there");
        let own = doc.get_document("credentials").expect("there");
        let own = own.get_document("SCRAM-SHA-1").expect("there");
        assert_eq!(get(again.value, "SCRAM-SHA-1").unwrap().unwrap().value, own.as_bytes());
    }

    #[test]
    fn what_is_no_user() {
        for doc in [
            rawdoc! {},
            rawdoc! { "user": "u" },
            rawdoc! { "user": 1, "db": "d" },
            rawdoc! { "user": "u", "db": "d", "roles": [1] },
        ] {
            assert_eq!(User::parse(doc.as_bytes()), None, "{doc:?}");
        }
        let bare = rawdoc! { "user": "u", "db": "d", "credentials": 5 };
        assert!(User::parse(bare.as_bytes()).expect("a user").credentials.is_empty());
    }
}

//! The client's side of SCRAM, made from the RFCs' words alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bson::spec::BinarySubtype;
use bson::{Binary, RawDocumentBuf, rawdoc};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::support::Client;

const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

/// Which hash.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "SCRAM-SHA-1",
            Hash::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn of(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => Sha1::digest(data).to_vec(),
            Hash::Sha256 => Sha256::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => {
                let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length");
                mac.update(data);
                mac.finalize().into_bytes().to_vec()
            }
            Hash::Sha256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
                mac.update(data);
                mac.finalize().into_bytes().to_vec()
            }
        }
    }

    /// `Hi` of RFC 5802.
    fn salted(self, password: &[u8], salt: &[u8], count: u32) -> Vec<u8> {
        let mut last = self.hmac(password, &[salt, &[0, 0, 0, 1]].concat());
        let mut sum = last.clone();
        for _ in 1..count {
            last = self.hmac(password, &last);
            sum.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
        }
        sum
    }
}

/// Bytes of a message as a command has them.
pub fn payload(text: &str) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: text.as_bytes().to_vec() }
}

fn text(reply: &RawDocumentBuf) -> String {
    let bytes = reply.get_binary("payload").unwrap_or_else(|_| panic!("no payload: {reply:?}"));
    String::from_utf8(bytes.bytes.to_vec()).expect("text")
}

/// How somebody logs in.
pub struct Login<'a> {
    pub hash: Hash,
    pub user: &'a str,
    pub password: &'a str,
    pub db: &'a str,
    pub skips_empty: bool,
}

impl Login<'_> {
    /// The command that begins.
    pub fn start(&self) -> RawDocumentBuf {
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        rawdoc! {
            "saslStart": 1, "mechanism": self.hash.name(),
            "payload": payload(&format!("n,,n={user},r={NONCE}")),
            "options": { "skipEmptyExchange": self.skips_empty }, "$db": self.db,
        }
    }

    /// The client's last message, and the server's that it expects.
    fn last(&self, said: &str) -> (String, String) {
        let field = |name: &str| {
            let found = said.split(',').find_map(|field| field.strip_prefix(name));
            found.unwrap_or_else(|| panic!("{name} in {said}"))
        };
        let nonce = field("r=");
        assert!(nonce.len() > NONCE.len() + 20 && nonce.starts_with(NONCE));
        let salt = BASE64.decode(field("s=")).expect("base64");
        let count = field("i=").parse().expect("a number");
        let password = match self.hash {
            Hash::Sha1 => {
                let digest = Md5::digest(format!("{}:mongo:{}", self.user, self.password));
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Hash::Sha256 => self.password.to_owned(),
        };
        let salted = self.hash.salted(password.as_bytes(), &salt, count);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        let without_proof = format!("c=biws,r={nonce}");
        let spoken = format!("n={user},r={NONCE},{said},{without_proof}");
        let signature = self.hash.hmac(&self.hash.of(&client_key), spoken.as_bytes());
        let proof: Vec<_> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let server_key = self.hash.hmac(&salted, b"Server Key");
        let expected = self.hash.hmac(&server_key, spoken.as_bytes());
        (
            format!("{without_proof},p={}", BASE64.encode(proof)),
            format!("v={}", BASE64.encode(expected)),
        )
    }

    /// Goes on after what the server said first. The last reply; the server has proved itself.
    pub fn go_on(&self, client: &mut Client, first: &RawDocumentBuf) -> RawDocumentBuf {
        assert_eq!(first.get_bool("done").ok(), Some(false), "{first:?}");
        let (last, expected) = self.last(&text(first));
        let go_on = |message: &str| {
            rawdoc! {
                "saslContinue": 1, "conversationId": 1, "payload": payload(message),
                "$db": self.db,
            }
        };
        let reply = client.run(&go_on(&last));
        if reply.get_f64("ok").ok() != Some(1.0) {
            return reply;
        }
        assert_eq!(text(&reply), expected, "the server has the password, too");
        if self.skips_empty {
            return reply;
        }
        assert_eq!(reply.get_bool("done").ok(), Some(false));
        client.run(&go_on(""))
    }

    /// Logs in. The last reply.
    pub fn run(&self, client: &mut Client) -> RawDocumentBuf {
        let first = client.run(&self.start());
        match first.get_f64("ok").ok() {
            Some(1.0) => self.go_on(client, &first),
            _ => first,
        }
    }
}

/// Logs in with SHA-256.
pub fn log_in(client: &mut Client, user: &str, password: &str, db: &str) -> RawDocumentBuf {
    Login { hash: Hash::Sha256, user, password, db, skips_empty: true }.run(client)
}

//! SCRAM (RFC 5802, RFC 7677): what a server computes and compares.
//!
//! Comparing takes the same time whatever differs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::name::bad;
use crate::dispatch::failure::{Failure, Outcome};
use tallymap::Reason;

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// With SHA-1, of the MD5 of the password.
    Sha1,
    /// With SHA-256, of the prepared password.
    Sha256,
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// How often it was hashed.
    pub iterations: u32,
    /// What it was hashed with.
    pub salt: Vec<u8>,
    /// What a proof leads to.
    pub stored_key: Vec<u8>,
    /// What proves the server.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Mechanism {
    /// All of them, as users' documents list them.
    pub const ALL: [Mechanism; 2] = [Mechanism::Sha1, Mechanism::Sha256];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::Sha1 => "SCRAM-SHA-1",
            Mechanism::Sha256 => "SCRAM-SHA-256",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// How often a new password is hashed.
    const fn iterations(self) -> u32 {
        match self {
            Mechanism::Sha1 => 10_000,
            Mechanism::Sha256 => 15_000,
        }
    }

    /// Bytes of a hash.
    pub const fn hash_len(self) -> usize {
        match self {
            Mechanism::Sha1 => 20,
            Mechanism::Sha256 => 32,
        }
    }

    /// Bytes of a salt: with the number of its block it is as long as a hash.
    const fn salt_len(self) -> usize {
        self.hash_len() - 4
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
        match self {
            Mechanism::Sha1 => Sha1::digest(data).to_vec(),
            Mechanism::Sha256 => Sha256::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        // Keys may have any length.
        match self {
            Mechanism::Sha1 => {
                Hmac::<Sha1>::new_from_slice(key).map(|mac| mac_of(mac, data)).unwrap_or_default()
            }
            Mechanism::Sha256 => {
                Hmac::<Sha256>::new_from_slice(key).map(|mac| mac_of(mac, data)).unwrap_or_default()
            }
        }
    }

    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut salted = vec![0; self.hash_len()];
        match self {
            Mechanism::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut salted),
            Mechanism::Sha256 => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted);
            }
        }
        salted
    }

    /// What is kept of a password, with a salt that nobody had before.
    ///
    /// # Errors
    /// If the password cannot be one.
    pub fn credential(self, user: &str, password: &str, is_digested: bool) -> Outcome<Credential> {
        let mut salt = vec![0; self.salt_len()];
        super::random::fill(&mut salt)?;
        let prepared = match self {
            Mechanism::Sha1 if is_digested => password.to_owned(),
            Mechanism::Sha1 => digested(user, password),
            Mechanism::Sha256 => prepared(password)?,
        };
        Ok(self.credential_of(&prepared, salt, self.iterations()))
    }

    /// What is kept of a password that is prepared.
    pub fn credential_of(self, prepared: &str, salt: Vec<u8>, iterations: u32) -> Credential {
        let salted = self.salted(prepared.as_bytes(), &salt, iterations);
        let stored_key = self.hash(&self.hmac(&salted, b"Client Key"));
        let server_key = self.hmac(&salted, b"Server Key");
        Credential { iterations, salt, stored_key, server_key }
    }

    /// What it takes for a password.
    ///
    /// # Errors
    /// If the password cannot be one.
    pub fn prepare(self, user: &str, password: &str) -> Outcome<String> {
        match self {
            Mechanism::Sha1 => Ok(digested(user, password)),
            Mechanism::Sha256 => prepared(password),
        }
    }

    /// The client's side: what proves to who said `spoken` that somebody has the prepared
    /// password, and with what signature he has to answer.
    pub fn prove(
        self,
        prepared: &str,
        (salt, iterations): (&[u8], u32),
        spoken: &[u8],
    ) -> (Vec<u8>, Vec<u8>) {
        let salted = self.salted(prepared.as_bytes(), salt, iterations);
        let client_key = self.hmac(&salted, b"Client Key");
        let signature = self.hmac(&self.hash(&client_key), spoken);
        let proof = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        (proof, self.hmac(&self.hmac(&salted, b"Server Key"), spoken))
    }

    /// Does a proof of who said `spoken` come from who has the password?
    pub fn proves(self, credential: &Credential, spoken: &[u8], proof: &[u8]) -> bool {
        let signature = self.hmac(&credential.stored_key, spoken);
        if proof.len() != signature.len() {
            return false;
        }
        let client_key: Vec<_> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        self.hash(&client_key).ct_eq(&credential.stored_key).into()
    }

    /// What proves to who said `spoken` that the server knows him.
    pub fn signature(self, credential: &Credential, spoken: &[u8]) -> Vec<u8> {
        self.hmac(&credential.server_key, spoken)
    }
}

fn mac_of(mut mac: impl Mac, data: &[u8]) -> Vec<u8> {
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// What SCRAM-SHA-1 takes for the password.
pub fn digested(user: &str, password: &str) -> String {
    let mut md5 = Md5::new();
    md5.update(user);
    md5.update(":mongo:");
    md5.update(password);
    md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A password as SASLprep (RFC 4013) makes it.
fn prepared(password: &str) -> Outcome<String> {
    if password.is_empty() {
        let message = "Error preflighting UTF-8 conversion: U_STRING_NOT_TERMINATED_WARNING";
        return Err(Failure::new(Reason::Location(50687), message));
    }
    match stringprep::saslprep(password) {
        Ok(prepared) if !prepared.is_empty() => Ok(prepared.into_owned()),
        Ok(_) => bad("the password is empty, once prepared"),
        // The text has nothing of the password.
        Err(_) => {
            let message = "Error preflighting normalization: U_STRINGPREP_PROHIBITED_ERROR";
            Err(Failure::new(Reason::Location(50692), message))
        }
    }
}

/// Bytes as a message has them.
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Bytes that a message has.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole exchange: the password as prepared, salt, iterations, what was said, the client's
    /// proof, the server's signature.
    fn check(mechanism: Mechanism, salt: &str, iterations: u32, spoken: &str, ends: [&str; 2]) {
        let salt = decode(salt).expect("base64");
        let credential = mechanism.credential_of("pencil", salt, iterations);
        let proof = decode(ends[0]).expect("base64");
        assert!(mechanism.proves(&credential, spoken.as_bytes(), &proof));
        assert_eq!(encode(&mechanism.signature(&credential, spoken.as_bytes())), ends[1]);
        let from = (&*credential.salt, iterations);
        let (ours, signature) = mechanism.prove("pencil", from, spoken.as_bytes());
        assert_eq!((encode(&ours), encode(&signature)), (ends[0].to_owned(), ends[1].to_owned()));
        for at in 0..proof.len() {
            let mut wrong = proof.clone();
            wrong[at] ^= 1;
            assert!(!mechanism.proves(&credential, spoken.as_bytes(), &wrong));
        }
        assert!(!mechanism.proves(&credential, spoken.as_bytes(), &proof[1..]));
        assert!(!mechanism.proves(&credential, b"", &proof));
    }

    #[test]
    fn rfc_5802_section_5() {
        let spoken = "n=user,r=fyko+d2lbbFgONRv9qkxdawL,\
                      r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,\
                      c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
        let ends = ["v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ="];
        check(Mechanism::Sha1, "QSXCR+Q6sek8bf92", 4096, spoken, ends);
    }

    #[test]
    fn rfc_7677_section_3() {
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let spoken = format!(
            "n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
             c=biws,r={nonce}"
        );
        let ends = [
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ];
        check(Mechanism::Sha256, "W22ZaJ0SNY7soEsUEjb6gQ==", 4096, &spoken, ends);
    }

    #[test]
    fn passwords_are_prepared() {
        for (password, expected) in [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
            ("a\u{a0}b", "a b"),
        ] {
            assert_eq!(prepared(password).expect("a password"), expected);
        }
        assert_eq!(prepared("\u{7}").unwrap_err().code(), 50692);
        assert_eq!(prepared("\u{627}\u{31}").unwrap_err().code(), 50692);
        assert_eq!(prepared("").unwrap_err().code(), 50687);
        assert_eq!(prepared("\u{ad}").unwrap_err().code(), 2);
        assert_eq!(digested("user", "pencil"), "1c33006ec1ffd90f9cadcbcc0e118200");
    }

    #[test]
    fn a_password_has_another_salt_each_time_and_is_not_shown() {
        let made = |_| Mechanism::Sha256.credential("u", "secret", false).expect("made");
        let [one, other] = [0, 1].map(made);
        assert_ne!(one, other);
        assert_eq!((one.iterations, one.salt.len()), (15_000, 28));
        assert_eq!(format!("{one:?}"), "Credential { iterations: 15000, .. }");
        let old = Mechanism::Sha1.credential("u", "secret", false).expect("made");
        assert_eq!((old.iterations, old.salt.len(), old.stored_key.len()), (10_000, 16, 20));
    }
}

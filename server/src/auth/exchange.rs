//! One login by SCRAM as the server holds it: who the client says he is, what he is asked, and
//! whether his proof is one.
//!
//! Whatever is wrong with a message, there is no reason given.

use subtle::ConstantTimeEq;

use super::random;
use super::scram::{Credential, Mechanism, decode, encode};
use crate::dispatch::failure::Outcome;

/// Bytes of the server's part of a nonce.
const NONCE_LEN: usize = 24;
/// Longest message of a client that is looked at, bytes.
pub const MESSAGE_LEN_MAX: usize = 16 << 10;

/// A client's first message.
#[derive(Debug, PartialEq)]
pub struct ClientFirst<'a> {
    /// Who he says he is.
    pub user: String,
    /// What comes before the rest: no channel binding, and for whom he acts.
    binding: &'a str,
    /// The rest.
    bare: &'a str,
    nonce: &'a str,
}

/// A login that goes on.
pub struct Exchange {
    mechanism: Mechanism,
    credential: Credential,
    /// What both said so far, as the proof is about it.
    spoken: String,
    nonce: String,
    binding: String,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl<'a> ClientFirst<'a> {
    /// Reads it: `n,,n=user,r=nonce`. Channel binding is not offered, so that `p=` is refused.
    pub fn parse(message: &'a [u8]) -> Option<ClientFirst<'a>> {
        let message = str::from_utf8(message).ok().filter(|text| text.len() <= MESSAGE_LEN_MAX)?;
        let mut commas = message.match_indices(',').map(|(at, _)| at);
        let (flag_end, binding_end) = (commas.next()?, commas.next()?);
        let (binding, bare) = message.split_at(binding_end + 1);
        if !matches!(&binding[..flag_end], "n" | "y") {
            return None;
        }
        let acts_for = &binding[flag_end + 1..binding_end];
        let mut fields = bare.split(',');
        let user = unescaped(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=").filter(|nonce| !nonce.is_empty())?;
        let acts_for_himself = match acts_for.strip_prefix("a=") {
            Some(other) => unescaped(other)? == user,
            None => acts_for.is_empty(),
        };
        let is_sound = acts_for_himself && !user.is_empty() && is_printable(nonce);
        is_sound.then_some(ClientFirst { user, binding, bare, nonce })
    }
}

/// A name as it was before `,` and `=` were written in other words.
fn unescaped(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match part.strip_prefix("2C") {
            Some(rest) => (',', rest),
            None => ('=', part.strip_prefix("3D")?),
        };
        out.push(sign);
        out.push_str(rest);
    }
    Some(out)
}

fn is_printable(nonce: &str) -> bool {
    nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

impl Exchange {
    /// Begins one with who has this credential. Answers what the server says first.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn begin(
        first: &ClientFirst<'_>,
        mechanism: Mechanism,
        credential: &Credential,
    ) -> Outcome<(Exchange, String)> {
        let mut random = [0; NONCE_LEN];
        random::fill(&mut random)?;
        Ok(Exchange::begin_with(first, mechanism, credential, &encode(&random)))
    }

    fn begin_with(
        first: &ClientFirst<'_>,
        mechanism: Mechanism,
        credential: &Credential,
        server_nonce: &str,
    ) -> (Exchange, String) {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let salt = encode(&credential.salt);
        let said = format!("r={nonce},s={salt},i={}", credential.iterations);
        let exchange = Exchange {
            mechanism,
            credential: credential.clone(),
            spoken: format!("{},{said}", first.bare),
            nonce,
            binding: encode(first.binding.as_bytes()),
        };
        (exchange, said)
    }

    /// Takes the client's last message. Answers the server's, if there is a proof in it.
    pub fn finish(&self, message: &[u8]) -> Option<String> {
        let message = str::from_utf8(message).ok().filter(|text| text.len() <= MESSAGE_LEN_MAX)?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut fields = without_proof.split(',');
        let binding = fields.next()?.strip_prefix("c=")?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let is_same = nonce.as_bytes().ct_eq(self.nonce.as_bytes());
        if binding != self.binding || !bool::from(is_same) {
            return None;
        }
        let spoken = format!("{},{without_proof}", self.spoken);
        let is_proved = self.mechanism.proves(&self.credential, spoken.as_bytes(), &decode(proof)?);
        is_proved.then(|| {
            let signature = self.mechanism.signature(&self.credential, spoken.as_bytes());
            format!("v={}", encode(&signature))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exchange_of_rfc_7677() {
        let salt = decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let credential = Mechanism::Sha256.credential_of("pencil", salt, 4096);
        let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").expect("a message");
        assert_eq!(first.user, "user");
        let server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let (exchange, said) =
            Exchange::begin_with(&first, Mechanism::Sha256, &credential, server_nonce);
        assert_eq!(
            said,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(
            exchange.finish(last.as_bytes()).as_deref(),
            Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        );
        for (part, wrong) in
            [("biws", "eSws"), ("r=rOp", "r=rOq"), ("p=dHz", "p=dHy"), ("p=dHz", "p=!"), (",p", "")]
        {
            let changed = last.replacen(part, wrong, 1);
            assert_eq!(exchange.finish(changed.as_bytes()), None, "{changed}");
        }
        assert_eq!(exchange.finish(b""), None);
        assert_eq!(exchange.finish(&[0xff, b',', b'p', b'=']), None);
        assert!(!format!("{exchange:?}").contains("W22Z"));
    }

    #[test]
    fn first_messages() {
        let user = |message: &str| ClientFirst::parse(message.as_bytes()).map(|first| first.user);
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(user("n,,n=a=2Cb=3Dc,r=x"), some("a,b=c"));
        assert_eq!(user("y,,n=u,r=x,e=1"), some("u"));
        assert_eq!(user("n,a=u,n=u,r=x"), some("u"));
        for message in [
            "",
            ",",
            ",,",
            "n",
            "n,,",
            "n,,n=u",
            "n,,n=u,r=",
            "n,,n=,r=x",
            "n,,r=x,n=u",
            "n,,m=1,n=u,r=x",
            "p=tls-unique,,n=u,r=x",
            "n,a=v,n=u,r=x",
            "n,u,n=u,r=x",
            "n,,n=a=2Db,r=x",
            "n,,n=a=,r=x",
            "n,,n=u,r=a b",
        ] {
            assert_eq!(user(message), None, "{message}");
        }
        assert_eq!(user(&format!("n,,n={},r=x", "u".repeat(MESSAGE_LEN_MAX))), None);
    }

    #[test]
    fn damaged_messages_are_refused_and_harm_nobody() {
        let mut random = oorandom::Rand32::new(7);
        let credential = Mechanism::Sha1.credential_of("pencil", vec![1; 16], 4096);
        let sound = b"n,a=u,n=u=2C,r=fyko+d2lbbFgONRv9qkxdawL";
        let first = ClientFirst::parse(b"n,,n=u,r=x").expect("a message");
        let (exchange, said) = Exchange::begin_with(&first, Mechanism::Sha1, &credential, "y");
        let last = format!("c=biws,{},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", &said[..4]);
        for _ in 0..20_000 {
            let mut message = sound.to_vec();
            let mut answer = last.clone().into_bytes();
            for bytes in [&mut message, &mut answer] {
                for _ in 0..random.rand_range(1..4) {
                    let at = random.rand_range(0..bytes.len() as u32) as usize;
                    bytes[at] = random.rand_u32() as u8;
                }
                bytes.truncate(random.rand_range(0..bytes.len() as u32 + 1) as usize);
            }
            // What is no message is none; what is one has a name.
            if let Some(first) = ClientFirst::parse(&message) {
                assert!(!first.user.is_empty() && !first.nonce.is_empty());
            }
            assert_eq!(exchange.finish(&answer), None);
        }
    }
}

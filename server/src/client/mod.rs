//! A client of one connection: asks a server, this one or mongod, one command after the other.
//!
//! What `stat` and `top` need, and no more: no pool, no retries, no cursors.

pub mod figures;
mod login;
mod place;
mod stream;

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf, cstr, rawdoc};

use self::stream::Stream;
use crate::wire::TlsError;

pub use self::place::{Place, PlaceTls, Secret};

/// Time after which a server that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Header of a message, its flags, and the kind of its first section, bytes.
const HEAD_LEN: usize = 21;
/// Longest answer, bytes.
const ANSWER_LEN_MAX: usize = 48_000_000;
/// The kind of messages that is spoken.
const OP_MSG: i32 = 2013;

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    place: Place,
    number: i32,
}

/// Why a server cannot be asked, or what it refused.
#[derive(Debug)]
pub enum ClientError {
    /// It cannot be reached.
    Connect {
        /// Where it should be.
        place: String,
        /// What the system says.
        source: io::Error,
    },
    /// TLS cannot be spoken.
    Tls(TlsError),
    /// The connection broke.
    Broken {
        /// Where it is.
        place: String,
        /// What the system says.
        source: io::Error,
    },
    /// What came is no answer.
    NoAnswer {
        /// Where it came from.
        place: String,
    },
    /// The server answered that it will not.
    Refused {
        /// Where it is.
        place: String,
        /// What was asked.
        command: String,
        /// Its text.
        message: String,
    },
}

impl ClientError {
    /// Is it worth another try over another connection?
    pub fn is_of_network(&self) -> bool {
        !matches!(self, ClientError::Refused { .. } | ClientError::Tls(_))
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Connect { place, source } => write!(f, "cannot reach {place}: {source}"),
            ClientError::Tls(error) => error.fmt(f),
            ClientError::Broken { place, source } => write!(f, "lost {place}: {source}"),
            ClientError::NoAnswer { place } => {
                write!(f, "{place} does not speak as a MongoDB server does")
            }
            ClientError::Refused { place, command, message } => {
                write!(f, "{place} refused {command}: {message}")
            }
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Connect { source, .. } | ClientError::Broken { source, .. } => {
                Some(source)
            }
            ClientError::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl Client {
    /// Connects, says hello, and logs in if the place names a user.
    ///
    /// # Errors
    /// If nobody is there who speaks as a MongoDB server does.
    pub fn connect(place: &Place, program: &str) -> Result<Client, ClientError> {
        let stream = Stream::open(place)?;
        let mut client = Client { stream, place: place.clone(), number: 0 };
        let mut hello = rawdoc! {
            "hello": 1,
            "client": {
                "application": { "name": program },
                "driver": { "name": "tallymap", "version": env!("CARGO_PKG_VERSION") },
                "os": { "type": std::env::consts::OS },
            },
            "$db": "admin",
        };
        if let Some(user) = &place.user {
            hello.append(cstr!("saslSupportedMechs"), format!("{}.{user}", place.auth_database()));
        }
        let answer = client.run(&hello)?;
        if place.user.is_some() {
            login::log_in(&mut client, &answer)?;
        }
        Ok(client)
    }

    /// A refusal of our own.
    fn refused(&self, command: &str, message: impl Into<String>) -> ClientError {
        let (place, command) = (self.place.to_string(), command.to_owned());
        ClientError::Refused { place, command, message: message.into() }
    }

    /// Has a command run. Its name is its first field.
    ///
    /// # Errors
    /// The network's; the server's refusal.
    pub fn run(&mut self, command: &RawDocument) -> Result<RawDocumentBuf, ClientError> {
        self.number = self.number.wrapping_add(1);
        let answer = exchange(&mut self.stream, self.number, command);
        let place = || self.place.to_string();
        let answer = answer.map_err(|source| ClientError::Broken { place: place(), source })?;
        let answer = answer.ok_or_else(|| ClientError::NoAnswer { place: place() })?;
        if figures::number(&answer, "ok") == Some(1.0) {
            return Ok(answer);
        }
        let message = answer.get_str("errmsg").unwrap_or("it does not say why");
        let first = command.iter().next().and_then(Result::ok);
        Err(self.refused(&first.map_or(String::new(), |(name, _)| name.to_string()), message))
    }
}

/// Sends a command and reads the answer; none if what comes is no answer.
fn exchange(
    stream: &mut Stream,
    number: i32,
    command: &RawDocument,
) -> io::Result<Option<RawDocumentBuf>> {
    let mut message = Vec::new();
    let len = (HEAD_LEN + command.as_bytes().len()) as i32;
    for word in [len, number, 0, OP_MSG, 0] {
        message.extend_from_slice(&word.to_le_bytes());
    }
    message.push(0);
    message.extend_from_slice(command.as_bytes());
    stream.write_all(&message)?;
    let mut head = [0; HEAD_LEN];
    stream.read_exact(&mut head)?;
    let word = |at: usize| head[at..].first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes));
    let len = usize::try_from(word(0)).unwrap_or(0);
    let is_answer = word(8) == number && word(12) == OP_MSG && head[HEAD_LEN - 1] == 0;
    if !is_answer || !(HEAD_LEN..=ANSWER_LEN_MAX).contains(&len) {
        return Ok(None);
    }
    // Memory follows what comes, not the length that is claimed.
    let mut document = Vec::new();
    stream.take((len - HEAD_LEN) as u64).read_to_end(&mut document)?;
    Ok(RawDocumentBuf::from_bytes(document).ok())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that answers each message with these bytes.
    fn answering(bytes: Vec<u8>) -> Place {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody");
            let mut request = [0; 4096];
            while stream.read(&mut request).is_ok_and(|len| len > 0) {
                let _ = stream.write_all(&bytes);
            }
        });
        Place::new("127.0.0.1", port)
    }

    fn answer(to: i32, document: &RawDocument) -> Vec<u8> {
        let len = (HEAD_LEN + document.as_bytes().len()) as i32;
        let head: Vec<u8> = [len, 9, to, OP_MSG, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
        [&head[..], &[0], document.as_bytes()].concat()
    }

    #[test]
    fn what_a_server_answers() {
        let place = answering(answer(1, &rawdoc! { "ok": 1 }));
        assert!(Client::connect(&place, "t").is_ok());
        let place = answering(answer(1, &rawdoc! { "ok": 0.0, "errmsg": "no" }));
        let error = Client::connect(&place, "t").expect_err("refused");
        assert_eq!(error.to_string(), format!("{place} refused hello: no"));
        assert!(!error.is_of_network());
    }

    #[test]
    fn what_is_no_answer() {
        let text = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
        for bytes in [text, answer(7, &rawdoc! { "ok": 1 })] {
            let error = Client::connect(&answering(bytes), "t").expect_err("no answer");
            assert!(matches!(error, ClientError::NoAnswer { .. }), "{error}");
            assert!(error.is_of_network());
        }
    }
}

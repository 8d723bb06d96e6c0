//! What a connection is talked over: a socket as it is, or with TLS.
//!
//! Who speaks TLS says so with the first byte, so that both can come to the same port. There is a
//! time for that and for the handshake: until it is over nobody can be talked to.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::error::TlsError;
use super::options::{Tls, TlsMode};
use super::socket::Socket;
use super::tls;

/// The first byte of a client that speaks TLS: a handshake follows.
const HANDSHAKE: u8 = 0x16;
/// Time that a client has for its handshake.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who has to speak TLS, and who can.
#[derive(Debug)]
pub enum Security {
    /// Nobody.
    Plain,
    /// Who wants to.
    Allowed(Arc<ServerConfig>),
    /// Everybody.
    Required(Arc<ServerConfig>),
}

/// Where messages come from and go to.
pub trait Link: Read + Write {
    /// Ends a read after so long with [`io::ErrorKind::WouldBlock`].
    ///
    /// # Errors
    /// The system's.
    fn set_read_timeout(&mut self, patience: Option<Duration>) -> io::Result<()>;
}

/// A connection.
#[derive(Debug)]
pub enum Stream<'a> {
    /// As it is.
    Plain(&'a Socket),
    /// With TLS.
    Tls(Box<StreamOwned<ServerConnection, &'a Socket>>),
}

impl Security {
    /// What the options ask for.
    ///
    /// # Errors
    /// If certificates or keys are not there, or no good.
    pub fn new(tls: Option<&Tls>) -> Result<Security, TlsError> {
        Ok(match tls {
            None => Security::Plain,
            Some(options) => match options.mode {
                TlsMode::Disabled => Security::Plain,
                TlsMode::Allow | TlsMode::Prefer => Security::Allowed(tls::config(options)?),
                TlsMode::Require => Security::Required(tls::config(options)?),
            },
        })
    }
}

impl<'a> Stream<'a> {
    /// Begins to talk over `socket`; none if it ended, or does not speak TLS but has to.
    ///
    /// # Errors
    /// The socket's; a handshake that comes to nothing, or takes too long.
    pub fn open(socket: &'a Socket, security: &Security) -> io::Result<Option<Stream<'a>>> {
        Stream::open_within(PATIENCE, socket, security)
    }

    fn open_within(
        patience: Duration,
        socket: &'a Socket,
        security: &Security,
    ) -> io::Result<Option<Stream<'a>>> {
        let config = match security {
            Security::Plain => return Ok(Some(Stream::Plain(socket))),
            Security::Allowed(config) | Security::Required(config) => config,
        };
        let until = Instant::now() + patience;
        socket.set_read_timeout(Some(patience))?;
        let stream = match (socket.peek()?, security) {
            (Some(HANDSHAKE), _) => {
                let mut session =
                    ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                shake_hands(&mut session, socket, until)?;
                Stream::Tls(Box::new(StreamOwned::new(session, socket)))
            }
            (None, _) | (_, Security::Required(_)) => return Ok(None),
            _ => Stream::Plain(socket),
        };
        socket.set_read_timeout(None)?;
        Ok(Some(stream))
    }
}

/// Agrees with a client on how to talk, however small the pieces are that come from it.
fn shake_hands(
    session: &mut ServerConnection,
    mut socket: &Socket,
    until: Instant,
) -> io::Result<()> {
    loop {
        while session.wants_write() {
            session.write_tls(&mut socket)?;
        }
        if !session.is_handshaking() {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        if session.read_tls(&mut socket)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Err(error) = session.process_new_packets() {
            // The other side is told why, if it listens.
            let _ = session.write_tls(&mut socket);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
}

impl Link for Stream<'_> {
    fn set_read_timeout(&mut self, patience: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.set_read_timeout(patience),
            Stream::Tls(stream) => stream.sock.set_read_timeout(patience),
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if let Stream::Tls(stream) = self {
            // The other side is told that this is the end and no cut; it may be gone already.
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// TLS that everybody has to speak, with a certificate that nobody vouches for.
    fn required() -> Security {
        let folder = tempfile::tempdir().expect("a folder");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        let file = folder.path().join("server.pem");
        std::fs::write(&file, certificate.pem() + &key.serialize_pem()).expect("written");
        let tls = Tls {
            mode: TlsMode::Require,
            certificate_key_file: file,
            ca_file: None,
            allow_connections_without_certificates: false,
        };
        Security::new(Some(&tls)).expect("sound")
    }

    #[test]
    fn a_handshake_that_is_not_gone_on_with_ends() {
        let security = required();
        let patience = Duration::from_millis(100);
        // Nothing; a beginning; beginnings of a record, one byte after the other.
        for (said, trickles) in [(&b""[..], false), (&[HANDSHAKE, 3, 1], false), (&[], true)] {
            let (mut client, server) = UnixStream::pair().expect("a pair");
            let socket = Socket::Unix(server);
            client.write_all(said).expect("sent");
            std::thread::scope(|s| {
                let open = s.spawn(|| Stream::open_within(patience, &socket, &security).err());
                for byte in [HANDSHAKE, 3, 1, 0x3f].into_iter().chain(std::iter::repeat(0)) {
                    if !trickles || open.is_finished() || client.write_all(&[byte]).is_err() {
                        break;
                    }
                    std::thread::sleep(patience / 20);
                }
                let error = open.join().expect("no panic").expect("not begun");
                let kinds = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
                assert!(kinds.contains(&error.kind()), "{error}");
            });
        }
    }
}

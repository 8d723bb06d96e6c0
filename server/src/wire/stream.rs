//! What a connection is talked over: a socket as it is, or with TLS.
//!
//! Who speaks TLS says so with the first byte, so that both can come to the same port.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::error::TlsError;
use super::options::{Tls, TlsMode};
use super::socket::Socket;
use super::tls;

/// The first byte of a client that speaks TLS: a handshake follows.
const HANDSHAKE: u8 = 0x16;

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
    /// The socket's.
    pub fn open(socket: &'a Socket, security: &Security) -> io::Result<Option<Stream<'a>>> {
        let config = match security {
            Security::Plain => return Ok(Some(Stream::Plain(socket))),
            Security::Allowed(config) | Security::Required(config) => config,
        };
        match (socket.peek()?, security) {
            (Some(HANDSHAKE), _) => {
                let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                Ok(Some(Stream::Tls(Box::new(StreamOwned::new(session, socket)))))
            }
            (None, _) | (_, Security::Required(_)) => Ok(None),
            _ => Ok(Some(Stream::Plain(socket))),
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

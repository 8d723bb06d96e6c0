//! The bytes between us and a server: by TCP, by a unix socket, with TLS or without.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::{ClientError, PATIENCE, Place, PlaceTls};
use crate::wire::{TlsError, tls};

/// An open stream.
#[derive(Debug)]
pub enum Stream {
    /// By TCP.
    Tcp(TcpStream),
    /// By TCP, with TLS.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// By a unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// The system's; those of TLS.
    pub fn open(place: &Place) -> Result<Stream, ClientError> {
        let refused = |source| ClientError::Connect { place: place.to_string(), source };
        if let Some(path) = place.unix_path() {
            return unix(&path).map(Stream::Unix).map_err(refused);
        }
        let Some(told) = &place.tls else { return tcp(place).map(Stream::Tcp).map_err(refused) };
        let session = session(place, told)?;
        let mut stream = StreamOwned::new(session, tcp(place).map_err(refused)?);
        // Now, so that what is wrong with a certificate is said as such.
        stream.conn.complete_io(&mut stream.sock).map_err(refused)?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

fn session(place: &Place, told: &PlaceTls) -> Result<ClientConnection, ClientError> {
    let unsaid = |problem: &str| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, problem);
        ClientError::Connect { place: place.to_string(), source }
    };
    let config = tls::client_config(told.ca_file.as_deref(), told.certificate_key_file.as_deref());
    let config = config.map_err(ClientError::Tls)?;
    let name = ServerName::try_from(place.host.clone());
    let name = name.map_err(|_| unsaid("its name cannot be that of a certificate"))?;
    let session = ClientConnection::new(config, name);
    session.map_err(|error| ClientError::Tls(TlsError::Unspoken { problem: error.to_string() }))
}

fn unix(path: &std::path::Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn tcp(place: &Place) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (place.host.as_str(), place.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(into),
            Stream::Tls(stream) => stream.read(into),
            Stream::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tls(stream) => stream.flush(),
            _ => Ok(()),
        }
    }
}

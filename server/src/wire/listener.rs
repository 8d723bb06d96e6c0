//! Listening: the addresses and the unix sockets of a server.
//!
//! A unix socket's file is made with its permissions before anybody can connect, taken over from
//! a server that died, never from one that lives, and removed at the end.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, sockopt};
use rustix::net::{SocketAddrAny, socket_with as socket};

use super::error::ListenError;
use super::options::{Options, UnixSocket};
use super::socket::Socket;

/// Connections that may wait to be taken; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// What somebody can connect to.
#[derive(Debug)]
pub enum Listener {
    /// An address.
    Tcp(TcpListener, SocketAddr),
    /// A file.
    Unix(UnixListener, SocketFile),
}

/// The file of a unix socket, removed when it goes out of sight.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and number of the file: another server may have put its own there.
    file: (u64, u64),
}

/// Who connected.
#[derive(Debug)]
pub struct Peer {
    /// The address as it is shown.
    pub name: String,
    /// Does it come from this machine?
    pub is_local: bool,
}

/// Listens at everything that `options` name.
///
/// # Errors
/// The first of them where that cannot be.
pub fn listen_at(options: &Options) -> Result<Vec<Listener>, ListenError> {
    let mut port = options.port;
    let mut listeners = Vec::new();
    let (paths, hosts): (Vec<_>, Vec<_>) =
        options.bind_ip.iter().map(String::as_str).partition(|name| name.contains('/'));
    for address in resolve(&hosts, port, options.ipv6)? {
        // Any port that is free is the same for all of them.
        let address = SocketAddr::new(address.ip(), port);
        let listener = listen_tcp(address).map_err(refused(address.to_string()))?;
        let address = listener.local_addr().map_err(refused(address.to_string()))?;
        port = address.port();
        listeners.push(Listener::Tcp(listener, address));
    }
    let mode = options.unix_socket.as_ref().map_or(UnixSocket::default().mode, |unix| unix.mode);
    let mut sockets: Vec<_> = paths.into_iter().map(PathBuf::from).collect();
    if let Some(unix) = &options.unix_socket {
        sockets.push(unix.prefix.join(format!("mongodb-{port}.sock")));
    }
    for path in sockets {
        let (listener, file) =
            listen_unix(&path, mode).map_err(refused(path.display().to_string()))?;
        listeners.push(Listener::Unix(listener, file));
    }
    if listeners.is_empty() {
        return Err(ListenError::NoAddress);
    }
    Ok(listeners)
}

fn refused(address: String) -> impl FnOnce(io::Error) -> ListenError {
    move |source| ListenError::Address { address, source }
}

/// The addresses of `hosts`, each once. A name means its IPv4 addresses only, unless `ipv6`.
fn resolve(hosts: &[&str], port: u16, ipv6: bool) -> Result<Vec<SocketAddr>, ListenError> {
    let mut addresses = Vec::new();
    for &host in hosts {
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => (host, port)
                .to_socket_addrs()
                .map_err(|source| ListenError::Name {
                    name: host.to_owned(),
                    source: Some(source),
                })?
                .filter(|address| ipv6 || address.is_ipv4())
                .collect(),
        };
        if found.is_empty() {
            return Err(ListenError::Name { name: host.to_owned(), source: None });
        }
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    Ok(addresses)
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket(family, SocketType::STREAM, flags, None)?;
    // A server can be started again while connections of the last one linger.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // `::` does not mean 0.0.0.0 too, which may be listened at beside it.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &SocketAddrAny::from(address))?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

fn listen_unix(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    remove_stale(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    let metadata = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), file: (metadata.dev(), metadata.ino()) };
    // Nobody can connect before it listens.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    listen(&socket, BACKLOG)?;
    Ok((UnixListener::from(socket), file))
}

/// Removes the socket of a server that is gone.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?.file_type().is_socket(),
    };
    match UnixStream::connect(path) {
        Err(error) if is_socket && error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path)
        }
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// Takes a connection that waits.
    ///
    /// # Errors
    /// The system's.
    pub fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Listener::Tcp(listener, _) => {
                let (stream, from) = listener.accept()?;
                let is_local = from.ip().to_canonical().is_loopback();
                Ok((Socket::Tcp(stream), Peer { name: from.to_string(), is_local }))
            }
            Listener::Unix(listener, _) => {
                let (stream, _) = listener.accept()?;
                let name = "anonymous unix socket:27017".to_owned();
                Ok((Socket::Unix(stream), Peer { name, is_local: true }))
            }
        }
    }

    /// Where it listens, as it is shown.
    pub fn name(&self) -> String {
        match self {
            Listener::Tcp(_, address) => address.to_string(),
            Listener::Unix(_, file) => file.path.display().to_string(),
        }
    }

    /// Its address; a unix socket has none.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(_, address) => Some(*address),
            Listener::Unix(..) => None,
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener, _) => listener.as_fd(),
            Listener::Unix(listener, _) => listener.as_fd(),
        }
    }
}

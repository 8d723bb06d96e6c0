//! How a server is to be reached: addresses, unix socket, TLS, compression, limits.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::CONNECTIONS_MAX;
use super::compressor::Compressor;

/// Port of a server that is not told another.
pub const PORT: u16 = 27017;

/// What a server listens at, and what it takes from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Port of all addresses, and in the name of the unix socket; 0 for any that is free.
    pub port: u16,
    /// Addresses and names of hosts. One with a slash is a unix socket at that path.
    pub bind_ip: Vec<String>,
    /// Does the name of a host mean its IPv6 addresses too?
    pub ipv6: bool,
    /// The unix socket `mongodb-PORT.sock`; none if there is to be none.
    pub unix_socket: Option<UnixSocket>,
    /// Certificates; none if TLS is not spoken.
    pub tls: Option<Tls>,
    /// Compressors that clients may choose from.
    pub compressors: Vec<Compressor>,
    /// Most connections at a time. The system's limit of open files may be lower.
    pub max_connections: usize,
}

/// A unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// The folder that it is in.
    pub prefix: PathBuf,
    /// Its permissions.
    pub mode: u32,
}

/// What TLS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Who has to use it.
    pub mode: TlsMode,
    /// PEM file with the certificate, those that vouch for it, and its private key.
    pub certificate_key_file: PathBuf,
    /// PEM file with the authorities for the certificates of clients; if given, clients have to
    /// show one.
    pub ca_file: Option<PathBuf>,
    /// May clients come without a certificate, even so? One that is shown is checked.
    pub allow_connections_without_certificates: bool,
}

/// Who has to use TLS. To a server that connects to nobody allowing and preferring it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Nobody can.
    #[default]
    Disabled,
    /// Who wants.
    Allow,
    /// Who wants.
    Prefer,
    /// Everybody.
    Require,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: PORT,
            bind_ip: vec!["localhost".to_owned()],
            ipv6: false,
            unix_socket: Some(UnixSocket::default()),
            tls: None,
            compressors: Compressor::DEFAULT.to_vec(),
            max_connections: CONNECTIONS_MAX,
        }
    }
}

impl Default for UnixSocket {
    fn default() -> UnixSocket {
        UnixSocket { prefix: PathBuf::from("/tmp"), mode: 0o700 }
    }
}

impl Options {
    /// Listens at this address only, and at no unix socket.
    pub fn at(address: &str, port: u16) -> Options {
        Options { port, bind_ip: vec![address.to_owned()], unix_socket: None, ..Options::default() }
    }
}

impl TlsMode {
    /// All of them.
    pub const ALL: [TlsMode; 4] =
        [TlsMode::Disabled, TlsMode::Allow, TlsMode::Prefer, TlsMode::Require];

    /// The name that mongod gives it.
    pub fn name(self) -> &'static str {
        match self {
            TlsMode::Disabled => "disabled",
            TlsMode::Allow => "allowTLS",
            TlsMode::Prefer => "preferTLS",
            TlsMode::Require => "requireTLS",
        }
    }
}

impl FromStr for TlsMode {
    type Err = String;

    fn from_str(name: &str) -> Result<TlsMode, String> {
        TlsMode::ALL
            .into_iter()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| format!("'{name}' is none of disabled, allowTLS, preferTLS, requireTLS"))
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_have_mongods_names() {
        for mode in TlsMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!("maybe".parse::<TlsMode>().is_err());
    }

    #[test]
    fn the_local_address_unless_told_otherwise() {
        let options = Options::default();
        assert_eq!((options.port, &*options.bind_ip), (27017, &["localhost".to_owned()][..]));
        assert_eq!(options.unix_socket, Some(UnixSocket { prefix: "/tmp".into(), mode: 0o700 }));
    }
}

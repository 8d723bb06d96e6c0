//! Why a server cannot listen.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a server cannot listen.
#[derive(Debug)]
pub enum ListenError {
    /// Nobody has this name.
    Name {
        /// The name of a host.
        name: String,
        /// What the system says; nothing if it has no address of the wanted kind.
        source: Option<io::Error>,
    },
    /// The system does not let us listen there.
    Address {
        /// The address, or the path of a unix socket.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// No address was given at all.
    NoAddress,
    /// What TLS needs is not there.
    Tls(TlsError),
}

/// Why TLS cannot be spoken.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read.
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is no PEM.
    Pem {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file has no certificate.
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// A file has no private key.
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// The private key is encrypted.
    EncryptedKey {
        /// The file.
        file: PathBuf,
    },
    /// A certificate or key is of a kind that is not spoken, or they do not belong together.
    Refused {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// The system trusts nobody.
    NoRoots {
        /// What is wrong with what it has.
        problem: Option<String>,
    },
    /// It cannot be spoken at all.
    Unspoken {
        /// Why.
        problem: String,
    },
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::Name { name, source: Some(source) } => {
                write!(f, "cannot find the address of {name}: {source}")
            }
            ListenError::Name { name, source: None } => {
                write!(f, "{name} has no IPv4 address, and IPv6 is not enabled")
            }
            ListenError::Address { address, source } => {
                write!(f, "cannot listen at {address}: {source}")?;
                if source.kind() == io::ErrorKind::AddrInUse {
                    f.write_str("; another server has it, so end that or choose another --port")?;
                }
                Ok(())
            }
            ListenError::NoAddress => f.write_str("there is no address to listen at"),
            ListenError::Tls(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::File { file, source } => write!(f, "{}: {source}", file.display()),
            TlsError::Pem { file, problem } | TlsError::Refused { file, problem } => {
                write!(f, "{}: {problem}", file.display())
            }
            TlsError::NoCertificate { file } => {
                write!(f, "{}: there is no certificate in it", file.display())
            }
            TlsError::NoKey { file } => {
                write!(f, "{}: there is no private key in it", file.display())
            }
            TlsError::EncryptedKey { file } => {
                write!(f, "{}: its private key is encrypted, which is not known", file.display())
            }
            TlsError::NoRoots { problem } => {
                f.write_str("the system has no authorities to trust; name some by --tlsCAFile")?;
                problem.iter().try_for_each(|problem| write!(f, " ({problem})"))
            }
            TlsError::Unspoken { problem } => write!(f, "TLS cannot be spoken: {problem}"),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ListenError::Name { source: Some(source), .. }
            | ListenError::Address { source, .. } => Some(source),
            ListenError::Tls(error) => Some(error),
            ListenError::Name { source: None, .. } | ListenError::NoAddress => None,
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TlsError::File { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<TlsError> for ListenError {
    fn from(error: TlsError) -> ListenError {
        ListenError::Tls(error)
    }
}

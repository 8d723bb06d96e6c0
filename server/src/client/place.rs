//! Where a server is: host and port, the path of a unix socket, or a `mongodb://` address.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The port of a server that is not told another.
const PORT: u16 = 27017;

/// Where a server is, and as whom it is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name or address; with a slash, the path of a unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Who asks.
    pub user: Option<String>,
    /// His password. It is never shown.
    pub password: Option<Secret>,
    /// The database that knows him.
    pub auth_source: Option<String>,
    /// How TLS is spoken, if it is.
    pub tls: Option<PlaceTls>,
}

/// How TLS is spoken with a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaceTls {
    /// PEM file with the authorities that may vouch for the server.
    pub ca_file: Option<PathBuf>,
    /// PEM file with our own certificate and its key.
    pub certificate_key_file: Option<PathBuf>,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Place {
    /// A host and a port.
    pub fn new(host: &str, port: u16) -> Place {
        let host = host.to_owned();
        Place { host, port, user: None, password: None, auth_source: None, tls: None }
    }

    /// The database that knows the user.
    pub fn auth_database(&self) -> &str {
        self.auth_source.as_deref().unwrap_or("admin")
    }

    /// The path of the unix socket, if it is one.
    pub fn unix_path(&self) -> Option<PathBuf> {
        self.host.contains('/').then(|| PathBuf::from(&self.host))
    }

    /// `host`, `host:port`, `[::1]:port` or a path.
    fn parse_host(text: &str) -> Result<Place, String> {
        let bad = || format!("'{text}' is neither HOST, HOST:PORT nor the path of a socket");
        if text.is_empty() || text.contains([' ', ',']) {
            return Err(bad());
        }
        if text.contains('/') {
            return Ok(Place::new(text, PORT));
        }
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(bad)?)),
            // More colons than one are of an IPv6 address without a port.
            None => match text.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse).map_err(|_| bad())?;
        match host.is_empty() {
            true => Err(bad()),
            false => Ok(Place::new(host, port)),
        }
    }

    fn parse_uri(rest: &str) -> Result<Place, String> {
        let (before, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, hosts) = match before.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, before),
        };
        let (hosts, database) = hosts.split_once('/').unwrap_or((hosts, ""));
        let first = hosts.split(',').next().unwrap_or_default();
        let mut place = Place::parse_host(&decoded(first)?)?;
        if let Some(user) = user {
            let (name, password) = match user.split_once(':') {
                Some((name, password)) => (name, Some(Secret(decoded(password)?))),
                None => (user, None),
            };
            place.user = Some(decoded(name)?);
            place.password = password;
        }
        if !database.is_empty() {
            place.auth_source = Some(decoded(database)?);
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "authSource" => place.auth_source = Some(decoded(value)?),
                "tls" | "ssl" if value == "true" => drop(place.tls.get_or_insert_default()),
                "tlsCAFile" => {
                    place.tls.get_or_insert_default().ca_file = Some(decoded(value)?.into());
                }
                "tlsCertificateKeyFile" => {
                    let file = Some(decoded(value)?.into());
                    place.tls.get_or_insert_default().certificate_key_file = file;
                }
                // Others are about pools, retries and the like, of which there are none.
                _ => {}
            }
        }
        Ok(place)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        match text.strip_prefix("mongodb://") {
            Some(rest) => Place::parse_uri(rest),
            None if text.starts_with("mongodb+srv:") => {
                Err("mongodb+srv: is not known; name the host".to_owned())
            }
            None => Place::parse_host(text),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains('/'), self.host.contains(':')) {
            (true, _) => f.write_str(&self.host),
            (_, true) => write!(f, "[{}]:{}", self.host, self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Takes `%41` for `A`.
fn decoded(text: &str) -> Result<String, String> {
    let bad = || "a % is not followed by two hexadecimal digits".to_owned();
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        out.push(u8::from_str_radix(digits.ok_or_else(bad)?, 16).map_err(|_| bad())?);
        rest = &after[2..];
    }
    String::from_utf8(out).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        text.parse::<Place>().map(|place| place.to_string())
    }

    #[test]
    fn hosts_and_addresses() {
        for (text, expected) in [
            ("localhost", "localhost:27017"),
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("::1", "[::1]:27017"),
            ("[::1]:5", "[::1]:5"),
            ("/tmp/mongodb-1.sock", "/tmp/mongodb-1.sock"),
            ("mongodb://h:7/?retryWrites=false", "h:7"),
            ("mongodb://h:7,other:8/db", "h:7"),
            ("mongodb://%2Ftmp%2Fmongodb-1.sock", "/tmp/mongodb-1.sock"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "h:x",
            "h:70000",
            "a b",
            "[::1]5",
            "mongodb://",
            "mongodb+srv://h",
            "mongodb://%zz",
            "mongodb://a%4",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tls_is_asked_for() {
        let place: Place = "mongodb://h/?tls=true&tlsCAFile=%2Fca.pem".parse().expect("sound");
        let tls = PlaceTls { ca_file: Some("/ca.pem".into()), certificate_key_file: None };
        assert_eq!(place.tls, Some(tls));
        assert_eq!("mongodb://h/?tls=false".parse::<Place>().expect("sound").tls, None);
    }

    #[test]
    fn users_have_passwords_that_are_not_shown() {
        let place: Place = "mongodb://ann:p%40ss@h/db?authSource=admin".parse().expect("sound");
        assert_eq!(place.user.as_deref(), Some("ann"));
        assert_eq!(place.password, Some(Secret("p@ss".to_owned())));
        assert_eq!(place.auth_source.as_deref(), Some("admin"));
        assert!(!format!("{place:?} {place}").contains("p@ss"));
    }
}

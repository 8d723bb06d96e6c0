//! Which server `stat` and `top` ask, and how they go on asking.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bson::{RawDocument, RawDocumentBuf};
use clap::Args;

use super::password;
use crate::client::{Client, ClientError, Place, Secret};
use crate::error::CliError;
use crate::output;

/// Options that name a server.
#[derive(Debug, Args)]
pub struct Connect {
    /// The server: HOST, HOST:PORT, the path of a unix socket, or mongodb://…
    #[arg(long, visible_alias = "uri", value_name = "HOST", default_value = "localhost")]
    pub host: Place,
    /// Its port
    #[arg(long)]
    pub port: Option<u16>,
    /// Who asks, where one has to log in (SCRAM)
    #[arg(short, long, value_name = "NAME")]
    pub username: Option<String>,
    /// The password; without it, it is asked for, and others do not see it among processes
    #[arg(short, long, requires = "username")]
    pub password: Option<String>,
    /// The database that knows the user; admin unless told
    #[arg(long = "authenticationDatabase", value_name = "DB")]
    pub authentication_database: Option<String>,
    /// Speak TLS; a host is called by the name that its certificate has
    #[arg(long, alias = "ssl")]
    pub tls: bool,
    /// PEM file with the authorities that may vouch for the server; those of the system unless
    /// told
    #[arg(long = "tlsCAFile", alias = "sslCAFile", value_name = "FILE")]
    pub tls_ca_file: Option<PathBuf>,
    /// PEM file with a certificate of our own and its key, where the server wants one
    #[arg(long = "tlsCertificateKeyFile", alias = "sslPEMKeyFile", value_name = "FILE")]
    pub tls_certificate_key_file: Option<PathBuf>,
}

/// How often is asked, and how it is shown.
#[derive(Debug, Args)]
pub struct Rounds {
    /// Seconds between two lines
    #[arg(value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub interval: f64,
    /// End after so many; 0 for never
    #[arg(short = 'n', long, value_name = "N", default_value_t = 0)]
    pub rowcount: u64,
    /// Print a JSON document for each
    #[arg(long)]
    pub json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "expected a number of seconds above 0".to_owned())
}

impl Connect {
    /// The server. A password that is missing is asked for.
    ///
    /// # Errors
    /// If nobody can be asked.
    pub fn place(&self) -> Result<Place, CliError> {
        let mut place = self.host.clone();
        place.port = self.port.unwrap_or(place.port);
        if self.tls || self.tls_ca_file.is_some() || self.tls_certificate_key_file.is_some() {
            let tls = place.tls.get_or_insert_default();
            tls.ca_file = self.tls_ca_file.clone().or(tls.ca_file.take());
            let own = self.tls_certificate_key_file.clone();
            tls.certificate_key_file = own.or(tls.certificate_key_file.take());
        }
        if self.username.is_some() {
            (place.user, place.password) = (self.username.clone(), None);
        }
        if let Some(database) = &self.authentication_database {
            place.auth_source = Some(database.clone());
        }
        if let Some(password) = &self.password {
            place.password = Some(Secret(password.clone()));
        } else if let (Some(user), None) = (&place.user, &place.password) {
            let asked = password::ask(&format!("Password of {user} at {place}: "));
            let terminal = Path::new("/dev/tty");
            place.password = Some(Secret(asked.map_err(CliError::file(terminal))?));
        }
        Ok(place)
    }
}

/// An answer, and when it came.
#[derive(Debug)]
pub struct Answer {
    /// When.
    pub at: Instant,
    /// What.
    pub document: RawDocumentBuf,
}

/// Asks a server the same thing again and again.
#[derive(Debug)]
pub struct Asking<'a> {
    client: Option<Client>,
    place: Place,
    program: &'a str,
    interval: Duration,
    next: Instant,
}

impl<'a> Asking<'a> {
    /// Connects.
    ///
    /// # Errors
    /// If the server is not there; later it may be away for a while.
    pub fn begin(
        connect: &Connect,
        program: &'a str,
        rounds: &Rounds,
    ) -> Result<Asking<'a>, CliError> {
        let place = connect.place()?;
        let client = Some(Client::connect(&place, program)?);
        let interval = Duration::from_secs_f64(rounds.interval);
        Ok(Asking { client, place, program, interval, next: Instant::now() })
    }

    /// The server.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Waits until it is time again, and asks. None if the server was lost on the way: what it
    /// counts may begin anew, and so must who compares.
    ///
    /// # Errors
    /// What it refuses will be refused the next time too.
    pub fn ask(&mut self, command: &RawDocument) -> Result<Option<Answer>, CliError> {
        let now = Instant::now();
        thread::sleep(self.next.saturating_duration_since(now));
        self.next = self.next.max(now) + self.interval;
        let answered = match &mut self.client {
            Some(client) => client.run(command),
            None => Client::connect(&self.place, self.program).and_then(|client| {
                output::say(&format!("tallymap: {} is there again", self.place));
                self.client.insert(client).run(command)
            }),
        };
        match answered {
            Ok(document) => Ok(Some(Answer { at: Instant::now(), document })),
            Err(error) if error.is_of_network() => {
                if self.client.take().is_some() || matches!(error, ClientError::NoAnswer { .. }) {
                    output::say(&format!("tallymap: {error}; trying again"));
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

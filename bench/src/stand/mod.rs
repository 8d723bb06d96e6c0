//! Servers that the lab runs as processes of their own: `tallymap serve` as it is, a bare echo,
//! both over tokio instead of a thread for each connection, and the first on a slower disk.

mod echo;
#[cfg(feature = "wire-tokio")]
mod over_tokio;
mod slow_disk;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Args, Parser, ValueEnum};
use tallymap_server::cli::Cli;

/// A server to run.
#[derive(Debug, Args)]
pub struct Stand {
    /// Which one
    kind: Kind,
    /// The port to listen on, of 127.0.0.1
    port: u16,
    /// The data directory
    dbpath: PathBuf,
}

/// What it does, and how it waits for its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// `tallymap serve`: a thread for each connection
    Serve,
    /// Its commands over tokio
    ServeTokio,
    /// `tallymap serve` on a disk whose syncs take half a millisecond longer
    ServeSlowDisk,
    /// An answer of the length that is asked for: a thread for each connection
    Echo,
    /// The same over tokio
    EchoTokio,
}

impl Kind {
    /// Is it in this build?
    pub fn is_built(self) -> bool {
        cfg!(feature = "wire-tokio") || !matches!(self, Kind::ServeTokio | Kind::EchoTokio)
    }

    /// What runs it: this program.
    ///
    /// # Errors
    /// If the system does not say where this program is.
    pub fn command(self, port: u16, dbpath: &Path) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        let value = self.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name());
        if cfg!(test) {
            let words = format!("{name} {port} {}", dbpath.display());
            command.args(["--exact", "stand::tests::a_server", "--nocapture"]);
            command.env(WORDS, words);
        } else {
            command.args(["stand", name, &port.to_string()]).arg(dbpath);
        }
        Ok(command)
    }
}

/// The variable with the words of a [`Stand`], where a test is the program that runs it.
const WORDS: &str = "LAB_STAND";

impl Stand {
    /// Runs it, until the process is ended.
    pub fn run(&self) -> ExitCode {
        let outcome = match self.kind {
            Kind::Serve => return self.serve(),
            Kind::ServeSlowDisk => slow_disk::serve(self.port, &self.dbpath),
            Kind::Echo => echo::run(self.port),
            #[cfg(feature = "wire-tokio")]
            Kind::ServeTokio => over_tokio::serve(self.port, &self.dbpath),
            #[cfg(feature = "wire-tokio")]
            Kind::EchoTokio => over_tokio::echo(self.port),
            #[cfg(not(feature = "wire-tokio"))]
            Kind::ServeTokio | Kind::EchoTokio => Err(std::io::Error::other("not in this build")),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("lab stand: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn serve(&self) -> ExitCode {
        let port = self.port.to_string();
        let words = ["tallymap", "serve", "--bind_ip", "127.0.0.1", "--port", &port, "--dbpath"];
        let words = words.map(Into::into).into_iter().chain([self.dbpath.clone().into_os_string()]);
        match Cli::try_parse_from(words) {
            Ok(Cli { command }) => command.run().unwrap_or_else(|error| error.report()),
            Err(error) => {
                eprintln!("lab stand: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        stand: Stand,
    }

    /// No test: the program that a test starts as a server. There is no other at hand.
    #[test]
    fn a_server() {
        if let Ok(words) = std::env::var(WORDS) {
            let words = std::iter::once("stand").chain(words.split(' '));
            let Words { stand } = Words::try_parse_from(words).expect("words of a server");
            assert_eq!(format!("{:?}", stand.run()), format!("{:?}", ExitCode::SUCCESS));
        }
    }
}

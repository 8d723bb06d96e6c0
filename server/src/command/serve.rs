//! `tallymap serve`: a server that MongoDB's clients use as they use mongod.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tallymap::Engine;

use crate::cli::EXIT_CODES;
use crate::dispatch::Dispatcher;
use crate::error::CliError;
use crate::wire::server::Server;

/// Serve a data directory to MongoDB's drivers and tools
///
/// Listens for connections as a standalone mongod 5.0 would, over the same files. Nobody has to
/// log in: bind it only to addresses whose users you trust. SIGTERM or Ctrl-C ends it cleanly.
///
/// Examples:
///
///   tallymap serve --dbpath data
///   tallymap serve --dbpath data --port 27018 --bind_ip 127.0.0.1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Serve {
    /// The data directory; made if it is missing
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The port to listen on
    #[arg(long, default_value_t = 27017)]
    pub port: u16,
    /// The address to listen on
    #[arg(long = "bind_ip", alias = "bind-ip", value_name = "IP", default_value = "127.0.0.1")]
    pub bind_ip: IpAddr,
}

impl Serve {
    /// Runs the command, until it is stopped.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let engine = Engine::open(&self.dbpath)?;
        let address = SocketAddr::new(self.bind_ip, self.port);
        let server = Server::bind(Dispatcher::new(engine.clone()), address)
            .map_err(|source| CliError::Listen { address, source })?;
        stop_on_signal(&server)?;
        eprintln!("tallymap: serving {} at {}", self.dbpath.display(), server.address());
        server.run();
        engine.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Stops the server when the system asks the process to end, so that the directory is closed
/// cleanly. A second signal ends it at once, and the journal has what was durable.
fn stop_on_signal(server: &Server) -> Result<(), CliError> {
    let refused = |source| CliError::Listen { address: server.address(), source };
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(refused)?;
    let stopper = server.stopper();
    let wait = move || {
        for (count, signal) in signals.forever().enumerate() {
            match count {
                0 => stopper.stop(),
                _ => std::process::exit(128 + signal),
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(refused)?;
    Ok(())
}

//! `tallymap serve`: a server that MongoDB's clients use as they use mongod.
//!
//! The options are in files by what they are about; [`crate::config`] fills them from the line,
//! the environment and a file. [`process`] is what the system sees of a service, [`warnings`]
//! what an operator should know at the start.

mod foreign;
mod general;
mod logs;
mod network;
mod pages;
mod parameters;
mod parsed;
mod process;
mod security;
mod storage;
mod warnings;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rustix::fs::Mode;
use rustix::process::umask;

use self::foreign::Foreign;
use self::general::General;
use self::logs::Logs;
use self::network::{Encryption, Network};
use self::pages::ServerPages;
use self::parameters::{ParameterOptions, Parameters};
use self::process::{PidFile, Signals};
use self::security::Security;
use self::storage::Storage;
use crate::cli::EXIT_CODES;
use crate::config::Origins;
use crate::dispatch::Dispatcher;
use crate::error::CliError;
use crate::logging::{self, levels::Levels};
use crate::output;
use crate::systemd::Notifier;
use crate::wire::server::Server;
use crate::wire::{ListenError, Options};

/// What `--help` ends with.
const AFTER: &str = "\
Environment and file:
  Every option can also be set by a variable, --journalCommitInterval by
  TALLYMAP_JOURNAL_COMMIT_INTERVAL, and in the TOML file of --config by a key of its name:
      dbpath = \"/var/lib/tallymap\"
      bind_ip = [\"127.0.0.1\", \"10.0.0.5\"]
      journalCommitInterval = 50
  The line outranks the environment, that the file, that the default.

Signals:
  SIGTERM, SIGINT, SIGHUP end it cleanly (a second one at once); SIGUSR1 begins a new log file.
";

/// Serve a data directory to MongoDB's drivers and tools
///
/// Listens for connections as a standalone mongod 5.0 would, over the same files. Options have
/// mongod's names where they mean the same. Unless told otherwise it listens on the loopback
/// address only, and nobody has to log in.
///
/// Examples:
///
///   tallymap serve --dbpath data
///   tallymap serve --dbpath data --bind_ip localhost,10.0.0.5 --auth --http 9216
///   tallymap serve --config /etc/tallymap.toml --logpath /var/log/tallymap.log --logappend
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{AFTER}\n{EXIT_CODES}"))]
pub struct Serve {
    #[command(flatten)]
    general: General,
    #[command(flatten)]
    storage: Storage,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    security: Security,
    #[command(flatten)]
    encryption: Encryption,
    #[command(flatten)]
    logs: Logs,
    #[command(flatten)]
    parameters: ParameterOptions,
    #[command(flatten)]
    foreign: Foreign,
    #[arg(skip)]
    origins: Origins,
}

impl Serve {
    /// Runs the command, until it is stopped.
    ///
    /// # Errors
    /// Why it cannot begin, or was not closed cleanly.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        self.begin().map_err(|error| self.origins.blame(error))
    }

    /// Notes where the options were told.
    pub fn set_origins(&mut self, origins: Origins) {
        self.origins = origins;
    }

    fn begin(&self) -> Result<ExitCode, CliError> {
        let notes = self.foreign.check()?;
        let parameters = self.parameters.parse()?;
        let options = self.network.options(&self.encryption)?;
        self.storage.dbpath()?;
        if !parameters.honors_umask {
            // As mongod: who may not log in is not to read the files, either.
            umask(Mode::RWXG | Mode::RWXO);
        }
        let settings = self.logs.settings(&parameters);
        let log = settings.path.clone().unwrap_or_default();
        let levels = logging::begin(&settings).map_err(CliError::file(&log))?;
        levels.set(&parameters.log_levels, None);
        let done = self.serve(&parameters, &options, &notes, levels);
        if let (Err(error), Some(_)) = (&done, &settings.path) {
            // Who reads only the file has to find it there.
            tracing::error!(target: "CONTROL", %error, "Ended without success");
        }
        done
    }

    fn serve(
        &self,
        parameters: &Parameters,
        options: &Options,
        notes: &[String],
        levels: Arc<Levels>,
    ) -> Result<ExitCode, CliError> {
        let notifier = Notifier::from_environment();
        notifier.status("opening the data directory");
        let dbpath = self.storage.dbpath()?.display().to_string();
        let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
        tracing::info!(target: "CONTROL", id = 4615611, pid, version, dbpath, "tallymap starting");
        self.warn(options, notes, parameters);
        let engine = self.storage.builder(parameters)?.open()?;
        engine.set_default_profiling(self.logs.profiling())?;
        let dispatcher = Dispatcher::new(engine.clone())
            .with_auth(self.security.auth)
            .with_localhost_bypass(parameters.localhost_bypass)
            .logging_by(levels)
            .starting_with(parameters.expires, parameters.cursor_timeout_ms)
            .started_with(self.parsed());
        let served = self.listen(dispatcher, options, &dbpath, &notifier);
        let closed = engine.close();
        served?;
        closed?;
        tracing::info!(target: "CONTROL", id = 23138, exitCode = 0, "Shutting down");
        Ok(ExitCode::SUCCESS)
    }

    /// Takes connections until a signal ends that.
    fn listen(
        &self,
        dispatcher: Dispatcher,
        options: &Options,
        dbpath: &str,
        notifier: &Notifier,
    ) -> Result<(), CliError> {
        let server = Server::bind(dispatcher, options)?;
        let http = match &self.network.http {
            None => None,
            Some(address) => {
                let pages = ServerPages::new(server.stopper());
                let refused = |source| ListenError::Address { address: address.clone(), source };
                Some(crate::http::serve(address, pages).map_err(refused)?)
            }
        };
        let signals = Signals::take().map_err(CliError::Signals)?;
        let _pid_file = self.logs.pid_file.as_deref().map(PidFile::write).transpose()?;
        let at = server.names();
        for address in &at {
            tracing::info!(target: "NETWORK", id = 23015, address, "Listening on");
        }
        if let Some(address) = http {
            tracing::info!(target: "NETWORK", %address, "Serving /metrics and /healthz");
        }
        let port = server.address().map_or(0, |address| address.port());
        tracing::info!(target: "NETWORK", id = 23016, port, "Waiting for connections");
        output::say(&format!("tallymap: serving {dbpath} at {}", at.first().map_or("", |it| it)));
        notifier.ready(&format!("serving {dbpath} at {}", at.join(", ")));
        process::serve(server, &signals, notifier);
        Ok(())
    }
}

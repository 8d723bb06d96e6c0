//! What the system sees of the service: signals, pid file, how it ends.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator;
use signal_hook::low_level::signal_name;

use crate::error::CliError;
use crate::logging;
use crate::systemd::Notifier;
use crate::wire::server::Server;

/// Time between two looks at whether there is something to tell systemd, if it does not wait for
/// signs of life.
const PAUSE: Duration = Duration::from_secs(3600);

/// Time that commands have to end by themselves when the server ends.
const GRACE: Duration = Duration::from_secs(4);
/// Time between two looks at whether they have.
const LOOK: Duration = Duration::from_millis(10);

/// Signals that end the process: the first one cleanly, the second one at once. The journal has
/// what was durable then.
#[derive(Debug)]
pub struct Signals {
    ask: Sender<i32>,
    asked: Receiver<i32>,
}

impl Signals {
    /// Takes them from now on. `SIGUSR1` begins a new log file.
    ///
    /// # Errors
    /// The system's.
    pub fn take() -> io::Result<Signals> {
        let mut signals = iterator::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
        let (ask, asked) = channel();
        let asker = ask.clone();
        let wait = move || {
            let mut is_asked = false;
            for signal in signals.forever() {
                if signal == SIGUSR1 {
                    // The log was told of a failure, and goes on as before.
                    let _ = logging::rotate();
                } else if std::mem::replace(&mut is_asked, true) {
                    std::process::exit(128 + signal);
                } else {
                    let _ = asker.send(signal);
                }
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(Signals { ask, asked })
    }
}

/// Lets the server take connections until a signal comes; returns when they have ended, or have
/// had their time to.
pub fn serve(server: Server, signals: &Signals, notifier: &Notifier) {
    let stopper = server.stopper();
    let ask = signals.ask.clone();
    // The command `shutdown` is as the signal.
    stopper.dispatcher().on_shutdown(move || {
        // Who has stopped listening is about to end.
        let _ = ask.send(SIGTERM);
    });
    let run = move || server.run();
    // Accepted connections are told of by the thread of this name.
    let listener = match thread::Builder::new().name("listener".to_owned()).spawn(run) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(target: "NETWORK", %error, "No thread to listen");
            return;
        }
    };
    let signal = loop {
        match signals.asked.recv_timeout(notifier.watchdog().unwrap_or(PAUSE)) {
            Ok(signal) => break signal,
            Err(RecvTimeoutError::Timeout) if notifier.watchdog().is_some() => notifier.alive(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break SIGTERM,
        }
    };
    let error = signal_name(signal).unwrap_or("a signal");
    tracing::info!(target: "CONTROL", id = 23377, signal, error, "Received signal");
    notifier.stopping();
    let began = Instant::now();
    stopper.stop();
    while !listener.is_finished() && began.elapsed() < GRACE {
        thread::sleep(LOOK);
    }
    let ended = if listener.is_finished() { 0 } else { stopper.dispatcher().end_operations() };
    if ended > 0 {
        tracing::warn!(target: "COMMAND", ended, "Commands are ended: they took too long");
    }
    if listener.join().is_err() {
        tracing::error!(target: "NETWORK", "The listener panicked");
    }
    let ms = began.elapsed().as_millis() as u64;
    tracing::info!(target: "NETWORK", ms, "Connections have ended");
}

/// A file with the number of this process, removed when this is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    text: String,
}

impl PidFile {
    /// Writes it.
    ///
    /// # Errors
    /// The system's.
    pub fn write(path: &Path) -> Result<PidFile, CliError> {
        let text = format!("{}\n", std::process::id());
        fs::write(path, &text).map_err(CliError::file(path))?;
        // Whoever watches the process may be somebody else. Where the file is something else than
        // ours, its permissions are, too.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o644));
        Ok(PidFile { path: path.to_owned(), text })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another process may have written its own there meanwhile; and whoever removed it before
        // us had his reasons.
        if fs::read_to_string(&self.path).is_ok_and(|found| found == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_is_there_while_it_is_held() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("t.pid");
        let held = PidFile::write(&path).expect("written");
        let text = fs::read_to_string(&path).expect("there");
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(held);
        assert!(!path.exists());
        let held = PidFile::write(&path).expect("written");
        fs::write(&path, "1\n").expect("written");
        drop(held);
        assert!(path.exists(), "it is of another process");
        assert!(PidFile::write(&folder.path().join("no/such/t.pid")).is_err());
    }
}

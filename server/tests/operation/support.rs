//! A server's process over a directory of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bson::{RawDocument, RawDocumentBuf};
use tallymap_server::client::{Client, Place};
use tempfile::TempDir;

/// Time after which a test gives up waiting.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// A running server, ended with the test.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: String,
    log: PathBuf,
}

/// The binary, told nothing by the environment of the test.
pub fn tallymap() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymap"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("TALLYMAP_") || name.starts_with("NOTIFY_") {
            command.env_remove(name);
        }
    }
    command
}

/// A directory with one for data in it.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

impl Server {
    /// Starts one over `data` in `folder`.
    pub fn start(folder: &Path, options: &[&str]) -> Server {
        let mut command = tallymap();
        command.args(["serve", "--port", "0", "--nssize", "1", "--dbpath"]);
        command.arg(folder.join("data")).arg("--unixSocketPrefix").arg(folder).args(options);
        Server::spawn(folder, command)
    }

    /// Starts this command; what it prints is in `output` in `folder`.
    pub fn spawn(folder: &Path, mut command: Command) -> Server {
        let log = folder.join("output");
        let output = fs::File::create(&log).expect("a file");
        let mut process =
            command.stdout(output).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut line = String::new();
        let stderr = process.stderr.take().expect("piped");
        BufReader::new(stderr).read_line(&mut line).expect("a line");
        assert!(line.starts_with("tallymap: serving "), "{line}");
        let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
        Server { process, address, log }
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).expect("a file")
    }

    /// Waits until it has printed this.
    pub fn wait_for(&self, text: &str) {
        wait_until(|| self.output().contains(text), text);
    }

    /// A connection to it.
    pub fn connect(&self) -> Client {
        let place: Place = self.address.parse().expect("an address");
        Client::connect(&place, "test").expect("connects")
    }

    /// Has a command run over a connection of its own.
    pub fn run(&self, command: &RawDocument) -> RawDocumentBuf {
        self.connect().run(command).expect("done")
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until(
            || {
                status = self.process.try_wait().expect("it is ours");
                status.is_some()
            },
            "its end",
        );
        status.expect("it ended")
    }

    /// Ends it by SIGTERM; it has to end cleanly.
    pub fn stop(&mut self) {
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0), "{}", self.output());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Looks again and again until it is so.
pub fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

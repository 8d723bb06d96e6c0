//! The systems that are compared: how each is started, as a process of its own, and ended.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use super::conn::{Conn, Speech};
use crate::error::{Error, Result};
use crate::stand::Kind;

/// Time that a server has to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and the way in which it waits for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// `tallymap serve`.
    Tallymap,
    /// Its commands over tokio.
    TallymapTokio,
    /// On a disk whose syncs take half a millisecond longer.
    TallymapSlowDisk,
    Echo,
    EchoTokio,
    /// The reference.
    Mongod,
    /// With a log that is synced each second.
    Redis,
    /// With nothing on disk.
    RedisMemory,
}

impl System {
    /// The one of this name.
    pub fn named(name: &str) -> Option<System> {
        Some(match name {
            "tallymap" => System::Tallymap,
            "tallymap-tokio" => System::TallymapTokio,
            "tallymap-slow-disk" => System::TallymapSlowDisk,
            "echo" => System::Echo,
            "echo-tokio" => System::EchoTokio,
            "mongod" => System::Mongod,
            "redis" => System::Redis,
            "redis-memory" => System::RedisMemory,
            _ => return None,
        })
    }

    /// What errors call it.
    pub fn name(self) -> &'static str {
        match self {
            System::Tallymap => "tallymap",
            System::TallymapTokio => "tallymap over tokio",
            System::TallymapSlowDisk => "tallymap on a slower disk",
            System::Echo => "echo",
            System::EchoTokio => "echo over tokio",
            System::Mongod => "mongod",
            System::Redis | System::RedisMemory => "Redis",
        }
    }

    /// The error of it.
    pub fn failed(self, problem: impl Display) -> Error {
        Error::of(self.name(), problem)
    }

    /// How one talks to it.
    pub fn speech(self) -> Speech {
        match self {
            System::Echo | System::EchoTokio => Speech::Echo,
            System::Redis | System::RedisMemory => Speech::Resp,
            _ => Speech::OpMsg,
        }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            System::Tallymap => Some(Kind::Serve),
            System::TallymapTokio => Some(Kind::ServeTokio),
            System::TallymapSlowDisk => Some(Kind::ServeSlowDisk),
            System::Echo => Some(Kind::Echo),
            System::EchoTokio => Some(Kind::EchoTokio),
            _ => None,
        }
    }

    /// What starts it, on this port, with its files in a folder.
    fn command(self, port: u16, folder: &Path) -> Result<Command> {
        if let Some(kind) = self.kind() {
            if !kind.is_built() {
                let why = "not in this build: --features wire-tokio";
                return Err(Error::LeftOut(why.to_owned()));
            }
            return kind.command(port, folder).map_err(|error| self.failed(error));
        }
        let mut command = match self {
            System::Mongod => mongod(folder)?,
            _ => redis(self, folder)?,
        };
        command.arg("--port").arg(port.to_string());
        Ok(command)
    }
}

/// The variable with the path of the reference.
pub const MONGOD: &str = "LAB_MONGOD";
/// That of Redis, if it is not on the path.
pub const REDIS: &str = "LAB_REDIS_SERVER";

fn mongod(folder: &Path) -> Result<Command> {
    let Some(program) = env::var_os(MONGOD).map(PathBuf::from) else {
        let why = format!("no server: set {MONGOD} to the path of a mongod");
        return Err(Error::LeftOut(why));
    };
    let mut command = Command::new(&program);
    // Its libraries, where the system has others.
    let libraries = program.parent().map(|folder| folder.join("lib"));
    if let Some(libraries) = libraries.filter(|folder| folder.is_dir()) {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.args(["--bind_ip", "127.0.0.1", "--nounixsocket"]);
    command.args(["--setParameter", "diagnosticDataCollectionEnabled=false", "--dbpath"]);
    command.arg(folder);
    Ok(command)
}

fn redis(system: System, folder: &Path) -> Result<Command> {
    let program = env::var_os(REDIS).unwrap_or_else(|| OsString::from("redis-server"));
    if let Err(error) = Command::new(&program).arg("--version").output() {
        let why = format!("{}: {error}; {REDIS} may say where it is", program.to_string_lossy());
        return Err(Error::LeftOut(why));
    }
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder);
    match system {
        System::Redis => command.args(["--appendonly", "yes", "--appendfsync", "everysec"]),
        _ => command.args(["--appendonly", "no"]),
    };
    Ok(command)
}

/// A server that runs. It is ended with this.
#[derive(Debug)]
pub struct Server {
    pub system: System,
    process: Child,
    port: u16,
}

impl Server {
    /// Starts one with its files in an empty folder, and waits until it listens.
    ///
    /// # Errors
    /// [`Error::LeftOut`] if it is not on this machine; with the end of what it said if it ends.
    pub fn start(system: System, folder: &Path) -> Result<Server> {
        let failed = |error| system.failed(error);
        // One that is free now. Who takes it meanwhile makes the server fail, and so the round.
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr());
        let port = free.map_err(failed)?.port();
        let log = folder.join("said.log");
        let said = File::create(&log).map_err(Error::io(&log))?;
        let dbpath = folder.join("db");
        fs::create_dir(&dbpath).map_err(Error::io(&dbpath))?;
        let mut command = system.command(port, &dbpath)?;
        command.stdout(said.try_clone().map_err(Error::io(&log))?).stderr(said);
        let mut server = Server { system, process: command.spawn().map_err(failed)?, port };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.process.try_wait().map_err(failed)?;
            if ended.is_some() || Instant::now() > until {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = said.lines().collect();
                let last = lines[lines.len().saturating_sub(5)..].join("\n");
                return Err(system.failed(format!("does not listen: {last}")));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A connection to it.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(&self) -> Result<Conn> {
        Conn::open(self.port, self.system)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its files are of no more use. If it has ended by itself, there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! What connections cost that say nothing: memory of the server's process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bson::{RawDocument, rawdoc};

use crate::support::{Client, op_msg, section};

/// Connections that are opened.
const CONNECTIONS: i32 = 1_000;
/// Most memory that they may take, bytes. What is not optimized takes three times as much stack.
const MEMORY_MAX: u64 = if cfg!(debug_assertions) { 128 << 20 } else { 64 << 20 };
/// Time after which the test gives up waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server's process, ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Its resident memory, bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") << 10
    }
}

/// Starts the binary and answers with its port, once it can be connected to.
fn serve(dbpath: &std::path::Path) -> (Process, u16) {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("listens");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymap"));
    command.args(["serve", "--port", &port.to_string(), "--dbpath"]).arg(dbpath);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = Process(child.expect("the binary runs"));
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "it serves");
        std::thread::sleep(Duration::from_millis(20));
    }
    (child, port)
}

fn ok(client: &mut Client<impl Read + Write>, command: &RawDocument) {
    let reply = client.run(command);
    assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{reply:?}");
}

#[test]
fn a_thousand_idle_connections_take_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, port) = serve(folder.path());
    let connect = || Client::over(TcpStream::connect(("127.0.0.1", port)).expect("connects"));
    let hello = rawdoc! {
        "hello": 1, "helloOk": true, "compression": ["zstd", "snappy", "zlib"], "$db": "admin",
        "client": {
            "driver": { "name": "none", "version": "1" },
            "os": { "type": "Linux" }, "application": { "name": "idle" },
        },
    };
    let update = |id: i32| {
        rawdoc! {
            "update": "c", "$db": "d",
            "updates": [{ "q": { "_id": id }, "u": { "$inc": { "n": 1 } }, "upsert": true }],
        }
    };
    // What the first connection makes the server load is not the cost of the others.
    let mut first = connect();
    ok(&mut first, &hello);
    (0..CONNECTIONS).for_each(|id| ok(&mut first, &update(id)));
    let before = server.memory();
    let mut clients = Vec::new();
    for id in 0..CONNECTIONS {
        let mut client = connect();
        ok(&mut client, &hello);
        ok(&mut client, &update(id));
        clients.push(client);
    }
    let taken = server.memory().saturating_sub(before);
    println!("{CONNECTIONS} idle connections: {} KiB", taken >> 10);
    assert!(taken <= MEMORY_MAX, "{} KiB", taken >> 10);
    // What long messages and compression took is given back a while after.
    let text = "x".repeat(200_000);
    for client in &mut clients {
        client.send(&op_msg(2, &[&section(&rawdoc! { "ping": 1, "comment": &*text, "$db": "d" })]));
    }
    clients.iter_mut().for_each(|client| ok(client, &rawdoc! { "ping": 1, "$db": "d" }));
    let until = Instant::now() + PATIENCE;
    while server.memory().saturating_sub(before) > MEMORY_MAX {
        assert!(Instant::now() < until, "{} KiB", (server.memory() - before) >> 10);
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("after long messages: {} KiB", server.memory().saturating_sub(before) >> 10);
}

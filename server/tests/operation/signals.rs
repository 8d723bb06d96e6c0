//! How a server ends, and what it tells systemd.

use std::fs;
use std::os::unix::net::UnixDatagram;

use bson::rawdoc;

use crate::support::{PATIENCE, Server, folder, tallymap, wait_until};

#[test]
fn signals_end_it_cleanly_and_what_was_written_is_there() {
    let folder = folder();
    let pid_file = folder.path().join("t.pid");
    let pid_option = pid_file.to_str().expect("UTF-8").to_owned();
    for (round, signal) in ["TERM", "INT", "HUP"].into_iter().enumerate() {
        let mut server = Server::start(folder.path(), &["--pidfilepath", &pid_option]);
        let pid = fs::read_to_string(&pid_file).expect("the pid file");
        assert_eq!(pid.trim(), server.id().to_string());
        let port = server.address.rsplit(':').next().expect("a port");
        let socket = folder.path().join(format!("mongodb-{port}.sock"));
        assert!(socket.exists());
        let mut client = server.connect();
        let insert = rawdoc! { "insert": "c", "documents": [{ "_id": round as i32 }], "$db": "d" };
        client.run(&insert).expect("inserted");
        let count = client.run(&rawdoc! { "count": "c", "$db": "d" }).expect("counted");
        assert_eq!(count.get_i32("n").expect("a number"), round as i32 + 1);
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}: {}", server.output());
        assert!(!pid_file.exists() && !socket.exists(), "{signal}");
        let lock = fs::read(folder.path().join("data/mongod.lock")).expect("the lock file");
        assert!(lock.is_empty(), "{signal}: closed cleanly");
        assert!(server.output().contains("Shutting down exitCode=0"), "{}", server.output());
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_journal_has_what_was_durable() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    let mut client = server.connect();
    let create = rawdoc! { "create": "c", "capped": true, "size": 4096, "$db": "d" };
    client.run(&create).expect("made");
    let insert = rawdoc! {
        "insert": "c", "documents": [{ "_id": 1 }], "writeConcern": { "j": true }, "$db": "d",
    };
    client.run(&insert).expect("inserted");
    let find = rawdoc! { "find": "c", "tailable": true, "awaitData": true, "$db": "d" };
    let found = client.run(&find).expect("found");
    let id = found.get_document("cursor").and_then(|it| it.get_i64("id")).expect("a cursor");
    // It waits for another document for longer than the test.
    let more = rawdoc! { "getMore": id, "collection": "c", "maxTimeMS": 600_000, "$db": "d" };
    let waiting = std::thread::spawn(move || client.run(&more).is_ok());
    let present = rawdoc! { "currentOp": 1, "$db": "admin" };
    wait_until(|| server.run(&present).as_bytes().windows(7).any(|it| it == b"getMore"), "getMore");
    server.signal("TERM");
    server.wait_for("Received signal");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(128 + 15), "{}", server.output());
    assert!(!waiting.join().expect("ended"), "the connection broke");
    let server = Server::start(folder.path(), &[]);
    let count = server.run(&rawdoc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").expect("a number"), 1);
}

#[test]
fn commands_that_take_too_long_are_ended_when_it_ends() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    let mut client = server.connect();
    client.run(&rawdoc! { "create": "c", "capped": true, "size": 4096, "$db": "d" }).expect("made");
    let insert = rawdoc! { "insert": "c", "documents": [{ "_id": 1 }], "$db": "d" };
    client.run(&insert).expect("inserted");
    let find = rawdoc! { "find": "c", "tailable": true, "awaitData": true, "$db": "d" };
    let found = client.run(&find).expect("found");
    let id = found.get_document("cursor").and_then(|it| it.get_i64("id")).expect("a cursor");
    let more = rawdoc! { "getMore": id, "collection": "c", "maxTimeMS": 600_000, "$db": "d" };
    let waiting = std::thread::spawn(move || client.run(&more).is_ok());
    let present = rawdoc! { "currentOp": 1, "$db": "admin" };
    wait_until(|| server.run(&present).as_bytes().windows(7).any(|it| it == b"getMore"), "getMore");
    server.stop();
    assert!(!waiting.join().expect("ended"), "it was not answered as if all was well");
    let lock = fs::read(folder.path().join("data/mongod.lock")).expect("the lock file");
    assert!(lock.is_empty(), "closed cleanly");
}

#[test]
fn shutdown_by_the_wire_is_as_sigterm() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    server.run(&rawdoc! { "shutdown": 1, "$db": "admin" });
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    assert!(server.output().contains("Shutdown was asked for"), "{}", server.output());
}

#[test]
fn systemd_is_told() {
    let folder = folder();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    let receive = || {
        let mut message = [0; 1000];
        let len = socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..len]).into_owned()
    };
    let mut command = tallymap();
    command.args(["serve", "--port", "0", "--nounixsocket", "--nssize", "1", "--dbpath"]);
    command.arg(folder.path().join("data")).env("NOTIFY_SOCKET", &path);
    command.env("WATCHDOG_USEC", "100000");
    let mut server = Server::spawn(folder.path(), command);
    assert_eq!(receive(), "STATUS=opening the data directory");
    let ready = receive();
    assert!(ready.starts_with(&format!("READY=1\nMAINPID={}\nSTATUS=serving", server.id())));
    assert!(ready.contains(&server.address), "{ready}");
    assert_eq!((receive(), receive()), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
    server.stop();
    let mut last = receive();
    while last == "WATCHDOG=1" {
        last = receive();
    }
    assert!(last.starts_with("STOPPING=1\n"), "{last}");
}

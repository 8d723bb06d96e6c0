//! What keeps a server from being started: said before anybody can connect, with an exit code.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::{Server, folder, tallymap};

/// What it says on standard error, and its exit code.
fn refused(dbpath: &Path, options: &[&str]) -> (String, i32) {
    let mut command = tallymap();
    command.args(["serve", "--nounixsocket", "--nssize", "1", "--dbpath"]).arg(dbpath);
    let output = command.args(options).output().expect("the binary runs");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    (error, output.status.code().expect("it ended by itself"))
}

#[test]
fn files_and_ports_that_cannot_be_had() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "no PEM").expect("written");
    let name = file.to_str().expect("UTF-8");
    let data = folder.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let log = folder.path().join("no/such/t.log");
    let log = log.to_str().expect("UTF-8");
    for (dbpath, options, expected) in [
        (&file, vec!["--port", "0"], "Not a directory"),
        (&data, vec!["--port", &port], "Address already in use"),
        (&data, vec!["--port", "0", "--http", &port], "Address already in use"),
        (&data, vec!["--port", "0", "--logpath", log], "No such file or directory"),
        (&data, vec!["--port", "0", "--pidfilepath", log], "No such file or directory"),
        (
            &data,
            vec!["--port", "0", "--tlsMode", "requireTLS", "--tlsCertificateKeyFile", name],
            "there is no certificate",
        ),
    ] {
        let (error, code) = refused(dbpath, &options);
        assert!(error.contains(expected), "{options:?}: {error}");
        assert_eq!(code, 3, "{options:?}: {error}");
    }
    // None of them left the directory as if it had crashed.
    let lock = fs::read(data.join("mongod.lock")).expect("the lock file");
    assert!(lock.is_empty());
}

#[test]
fn a_directory_has_one_server() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    let (error, code) = refused(&folder.path().join("data"), &["--port", "0"]);
    assert!(error.contains("is in use by another process"), "{error}");
    assert_eq!(code, 3);
    server.stop();
}

#[test]
fn options_of_mongod_that_cannot_be_had_say_why() {
    let folder = folder();
    let data = folder.path().join("data");
    for (options, expected) in [
        (&["--replSet", "rs0"][..], "stands alone"),
        (&["--shardsvr"], "stands alone"),
        (&["--fork"], "systemd"),
        (&["--storageEngine", "wiredTiger"], "MMAPv1"),
        (&["--rest"], "--http"),
        (&["--auth", "--noauth"], "exclude each other"),
        (&["--journalCommitInterval", "501"], "1..=500"),
    ] {
        let (error, code) = refused(&data, options);
        assert!(error.contains(expected), "{options:?}: {error}");
        assert_eq!(code, 2, "{options:?}");
    }
    assert!(!data.exists(), "nothing was made");
    let mut server = Server::start(folder.path(), &["--storageEngine", "mmapv1", "--noprealloc"]);
    server.stop();
    let output = server.output();
    assert!(output.contains("note=\"--noprealloc changes nothing"), "{output}");
}

/// Whoever does not listen to what is wrong has the exit code, and no panic.
#[test]
fn nobody_has_to_read_why() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = tallymap();
    command.args(["serve", "--nounixsocket", "--port", &port, "--dbpath"]);
    command.arg(folder.path().join("data")).stderr(writer);
    let output = command.output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
}

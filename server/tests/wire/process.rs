//! Does the built binary serve a directory, and close it cleanly when it is told to end?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use bson::{RawDocumentBuf, rawdoc};

/// The server's process, ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the binary over a directory; answers it with the address that it names.
fn serve(dbpath: &std::path::Path) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymap"));
    command.args(["serve", "--port", "0", "--dbpath"]).arg(dbpath).stderr(Stdio::piped());
    let mut child = Process(command.spawn().expect("the binary runs"));
    let mut line = String::new();
    let stderr = child.0.stderr.take().expect("piped");
    BufReader::new(stderr).read_line(&mut line).expect("a line");
    let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
    (child, address)
}

fn run(stream: &mut TcpStream, command: &RawDocumentBuf) -> RawDocumentBuf {
    let body = [&[0; 5][..], command.as_bytes()].concat();
    let len = 16 + body.len() as i32;
    let words = [len, 1, 0, 2013].map(i32::to_le_bytes).concat();
    stream.write_all(&[words, body].concat()).expect("sent");
    let mut header = [0; 21];
    stream.read_exact(&mut header).expect("a reply");
    let len = i32::from_le_bytes(*header.first_chunk().expect("4 bytes")) as usize;
    let mut reply = vec![0; len - header.len()];
    stream.read_exact(&mut reply).expect("all of it");
    RawDocumentBuf::from_bytes(reply).expect("a document")
}

#[test]
fn sigterm_closes_the_directory_and_what_was_written_is_there() {
    let folder = tempfile::tempdir().expect("a directory");
    let (mut child, address) = serve(folder.path());
    let mut stream = TcpStream::connect(&address).expect("connects");
    let insert = rawdoc! { "insert": "c", "documents": [{ "_id": 1 }, { "_id": 2 }], "$db": "d" };
    assert_eq!(run(&mut stream, &insert).get_i32("n").ok(), Some(2));
    let killed = Command::new("kill").arg(child.0.id().to_string()).status().expect("kill runs");
    assert!(killed.success());
    assert_eq!(child.0.wait().expect("it ends").code(), Some(0));
    let lock = std::fs::read(folder.path().join("mongod.lock")).expect("the lock file");
    assert!(lock.is_empty(), "closed cleanly");
    let (_child, address) = serve(folder.path());
    let mut stream = TcpStream::connect(&address).expect("connects");
    let count = run(&mut stream, &rawdoc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").ok(), Some(2));
}

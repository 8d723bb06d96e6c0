//! A server in this process, over files in memory, and the plainest of clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};
use tallymap::Engine;
use tallymap::disk::HeapDisk;
use tallymap_server::dispatch::Dispatcher;
use tallymap_server::wire::Options;
use tallymap_server::wire::server::{Server, Stopper};

/// Time after which a test gives up waiting.
const PATIENCE: Duration = Duration::from_secs(20);

/// Commands over an engine in memory.
pub fn dispatcher() -> Dispatcher {
    let engine = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    Dispatcher::new(engine.open().expect("opens"))
}

/// A server that is stopped when it goes out of sight.
pub struct Running {
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
    address: std::net::SocketAddr,
}

impl Running {
    /// Starts one.
    pub fn start() -> Running {
        Running::with(&Options::at("127.0.0.1", 0))
    }

    /// Starts one that listens as it is told.
    pub fn with(options: &Options) -> Running {
        Running::of(dispatcher(), options)
    }

    /// Starts one where everybody has to log in.
    pub fn with_auth() -> Running {
        Running::of(dispatcher().with_auth(true), &Options::at("127.0.0.1", 0))
    }

    /// Starts one that answers by `dispatcher`.
    pub fn of(dispatcher: Dispatcher, options: &Options) -> Running {
        let server = Server::bind(dispatcher, options).expect("listens");
        let (stopper, address) = (server.stopper(), server.address().expect("has one"));
        let thread = Some(std::thread::spawn(move || server.run()));
        Running { stopper, thread, address }
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// A connection to it.
    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        Client { stream }
    }

    /// Stops it and waits until it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("ended well");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A client that sends bytes.
pub struct Client<S = TcpStream> {
    stream: S,
}

impl Client {
    /// Says that nothing follows.
    pub fn send_end(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

impl<S: Read + Write> Client<S> {
    /// One that sends them here.
    pub fn over(stream: S) -> Client<S> {
        Client { stream }
    }

    /// Sends these bytes. A server that closed the connection meanwhile does not matter.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads until the server closes the connection.
    pub fn drain(&mut self) {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    /// The next message; none if the server closed the connection.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut message = vec![0; 4];
        self.stream.read_exact(&mut message).ok()?;
        let len = i32::from_le_bytes(*message.first_chunk().expect("4 bytes"));
        message.resize(len as usize, 0);
        self.stream.read_exact(&mut message[4..]).expect("as long as it says");
        Some(message)
    }

    /// The document of the reply to a command.
    pub fn run(&mut self, command: &RawDocument) -> RawDocumentBuf {
        self.send(&op_msg(0, &[&section(command)]));
        document(&self.receive().expect("a reply"))
    }
}

/// A command as it is sent.
pub fn raw(command: bson::Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&command).expect("a command")
}

/// The document of a reply.
pub fn document(message: &[u8]) -> RawDocumentBuf {
    RawDocumentBuf::from_bytes(message[21..].to_vec()).expect("a document")
}

/// A message of these sections.
pub fn op_msg(flags: u32, sections: &[&[u8]]) -> Vec<u8> {
    let body = [&flags.to_le_bytes()[..], &sections.concat()].concat();
    message(2013, &body)
}

/// A section with one document.
pub fn section(document: &RawDocument) -> Vec<u8> {
    [&[0][..], document.as_bytes()].concat()
}

/// A section with documents beside it.
pub fn sequence(name: &str, documents: &[RawDocumentBuf]) -> Vec<u8> {
    let mut rest = [name.as_bytes(), &[0]].concat();
    documents.iter().for_each(|document| rest.extend_from_slice(document.as_bytes()));
    [&[1][..], &(rest.len() as i32 + 4).to_le_bytes(), &rest].concat()
}

/// A message of a kind.
pub fn message(opcode: i32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [16 + body.len() as i32, 7, 0, opcode] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(body);
    out
}

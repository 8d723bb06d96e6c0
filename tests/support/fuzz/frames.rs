//! Frames: streams of messages, sound and not, against one connection of a server. Every reply is
//! a message that can be read, none is more than was asked for, and a good client is answered
//! afterwards.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bson::{Document, RawDocument, doc};
use tallymap::Durability;
use tallymap::disk::HeapDisk;
use tallymap_server::dispatch::Dispatcher;
use tallymap_server::wire::codec::Codec;
use tallymap_server::wire::compressor::Compressor;
use tallymap_server::wire::connection::serve;
use tallymap_server::wire::stream::Link;

use super::image::builder;
use super::input::Input;
use crate::order::raw;

/// Inputs after which the server is made anew: databases of strange names pile up.
const INPUTS_MAX: usize = 200;
/// Most messages of one input.
const MESSAGES_MAX: usize = 12;
const COMMANDS: [&str; 12] = [
    "hello",
    "ping",
    "insert",
    "find",
    "update",
    "delete",
    "count",
    "distinct",
    "aggregate",
    "create",
    "listCollections",
    "nonsense",
];

/// Runs one input: the length of pieces, then messages.
pub fn run(input: &[u8]) {
    thread_local! {
        static SERVER: RefCell<(usize, Dispatcher)> = RefCell::new((0, dispatcher()));
    }
    let mut input = Input::new(input);
    let piece = match input.u8() {
        0 => usize::MAX,
        len => usize::from(len),
    };
    let mut stream = Vec::new();
    let mut count = 0;
    while !input.is_empty() && count < MESSAGES_MAX {
        stream.extend(message(&mut input));
        count += 1;
    }
    SERVER.with_borrow_mut(|(inputs, server)| {
        *inputs += 1;
        if *inputs % INPUTS_MAX == 0 {
            *server = dispatcher();
        }
        talk(server, &stream, piece);
        let ping = framed(2013, &[&[0; 5], raw(&doc! { "ping": 1, "$db": "d" }).as_bytes()]);
        assert_eq!(talk(server, &ping, usize::MAX), 1);
        server.run(&raw(&doc! { "dropDatabase": 1, "$db": "d" }));
    });
}

fn dispatcher() -> Dispatcher {
    let builder = builder(Arc::new(HeapDisk::new())).durability(Durability::None);
    Dispatcher::new(builder.open().expect("opens"))
}

/// A message of this kind, as long as it says.
fn framed(kind: i32, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let words = [16 + body.len() as i32, 7, 0, kind].map(i32::to_le_bytes);
    [words.concat(), body].concat()
}

/// Reads one message out of the input.
fn message(input: &mut Input<'_>) -> Vec<u8> {
    let kind = input.below(8);
    match kind {
        0 => {
            let len = usize::from(input.u8());
            input.take(len).to_vec()
        }
        1 => framed(
            input.pick(&[1, 2001, 2002, 2004, 2005, 2006, 2007, 2012, 2013]),
            &[bytes(input)],
        ),
        2 => compressed(input),
        3 => query(input),
        4 => sections(input),
        5 => old(input),
        _ => {
            let flags = [0, 0, 2, 65_536][input.below(4)] as u32;
            let command = raw(&command(input));
            framed(2013, &[&flags.to_le_bytes(), &[0], command.as_bytes()])
        }
    }
}

fn bytes<'a>(input: &mut Input<'a>) -> &'a [u8] {
    let len = usize::from(input.u16() % 512);
    input.take(len)
}

fn command(input: &mut Input<'_>) -> Document {
    let mut command = doc! { input.pick(&COMMANDS): "c" };
    command.extend(input.document());
    match input.below(4) {
        0 => command.insert("documents", vec![input.document(), input.document()]),
        1 => command.insert("filter", input.document()),
        2 => command.insert("compression", vec!["zlib", "zstd", "lzw"]),
        _ => None,
    };
    command.insert("$db", "d");
    command
}

/// Sections of any kind, in any order, and maybe what follows them.
fn sections(input: &mut Input<'_>) -> Vec<u8> {
    let mut body = input.u8().to_le_bytes().to_vec();
    body.extend([0; 3]);
    for _ in 0..input.below(4) {
        match input.below(3) {
            0 => {
                body.push(0);
                body.extend_from_slice(raw(&command(input)).as_bytes());
            }
            1 => {
                let name = input.pick(&["documents", "updates", "$db", "a"]);
                let mut sequence = [name.as_bytes(), &[0]].concat();
                for _ in 0..input.below(3) {
                    sequence.extend_from_slice(raw(&input.document()).as_bytes());
                }
                let lie = if input.below(8) == 7 { input.i32() } else { 0 };
                body.push(1);
                body.extend((sequence.len() as i32 + 4).wrapping_add(lie).to_le_bytes());
                body.extend(sequence);
            }
            _ => body.extend_from_slice(bytes(input)),
        }
    }
    framed(2013, &[&body])
}

fn query(input: &mut Input<'_>) -> Vec<u8> {
    let ns = input.pick(&["d.$cmd", "admin.$cmd", "d.c", "$cmd", "d.e.$cmd"]);
    let flags = i32::from(input.u8()).to_le_bytes();
    let wanted = input.pick(&[-1_i32, 1, 0, 5]).to_le_bytes();
    let mut command = command(input);
    match input.below(3) {
        0 => drop(command.remove("$db")),
        1 => command = doc! { "$query": command, "$readPreference": input.document() },
        _ => {}
    }
    let document = raw(&command);
    let more = if input.below(4) == 3 { bytes(input) } else { b"" };
    let parts = [&flags[..], ns.as_bytes(), &[0; 5], &wanted, document.as_bytes(), more];
    framed(2004, &parts)
}

/// What was said before there were commands for it: a word, a namespace, numbers, documents.
fn old(input: &mut Input<'_>) -> Vec<u8> {
    let (kind, numbers) =
        input.pick(&[(2001, 1), (2002, 0), (2004, 2), (2005, 3), (2006, 1), (2007, 3)]);
    let first = i32::from(input.u8()).to_le_bytes();
    let ns = input.pick(&["d.c", "d.$cmd.listCollections", "d"]);
    let numbers: Vec<u8> = (0..numbers).flat_map(|_| input.i32().to_le_bytes()).collect();
    let documents: Vec<_> = (0..input.below(3)).map(|_| raw(&input.document())).collect();
    let documents = documents.iter().flat_map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
    let more = if input.below(4) == 3 { bytes(input) } else { b"" };
    framed(kind, &[&first, ns.as_bytes(), &[0], &numbers, &documents, more])
}

/// A compressed message: of another one, or of anything, with or without a lie.
fn compressed(input: &mut Input<'_>) -> Vec<u8> {
    let compressor = input.pick(&Compressor::ALL);
    let plain = match input.below(3) {
        0 => query(input),
        1 => framed(2013, &[&[0; 5], raw(&command(input)).as_bytes()]),
        _ => framed(input.pick(&[2013, 2012, 2004, 1, 3]), &[bytes(input)]),
    };
    let mut packed = Vec::new();
    match input.below(3) {
        0 => packed.extend_from_slice(bytes(input)),
        _ => {
            let done = Codec::default().compress(compressor, &plain[16..], &mut packed);
            assert_eq!(done, Some(()));
        }
    }
    let lie = if input.below(4) == 3 { input.i32() } else { 0 };
    let len = (plain.len() as i32 - 16).wrapping_add(lie).to_le_bytes();
    let number = if input.below(8) == 7 { input.u8() } else { compressor.number() };
    if let Some(byte) = packed.get_mut(usize::from(input.u8())) {
        *byte ^= input.u8();
    }
    framed(2012, &[&plain[12..16], &len, &[number], &packed])
}

/// A client that sends all of it in pieces, and keeps what it is told.
struct Stream<'a> {
    bytes: &'a [u8],
    piece: usize,
    replies: Vec<u8>,
}

impl Read for Stream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.piece);
        self.bytes.read(&mut bytes[..len])
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Link for &mut Stream<'_> {
    fn set_read_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

/// How many documents these are, back to back.
fn documents(mut bytes: &[u8]) -> i32 {
    let mut count = 0;
    while !bytes.is_empty() {
        let len = i32::from_le_bytes(*bytes.first_chunk().expect("a length")) as usize;
        RawDocument::from_bytes(&bytes[..len]).expect("a document");
        bytes = &bytes[len..];
        count += 1;
    }
    count
}

/// Sends `bytes`; answers how many replies came.
fn talk(server: &Dispatcher, bytes: &[u8], piece: usize) -> usize {
    let mut client = server.client("127.0.0.1:1".to_owned());
    client.set_offers(&Compressor::ALL);
    let mut stream = Stream { bytes, piece, replies: Vec::new() };
    serve(server, &client, &mut stream, &AtomicBool::new(false)).expect("no failure of ours");
    let (mut count, mut rest) = (0, &stream.replies[..]);
    while !rest.is_empty() {
        let word = |at: usize| i32::from_le_bytes(*rest[at..].first_chunk().expect("4 bytes"));
        let len = word(0) as usize;
        let document = match word(12) {
            2013 if word(16) == 0 => Some(&rest[21..len]),
            2013 => Some(&rest[21..len - 4]),
            1 => {
                assert_eq!(documents(&rest[36..len]), word(32));
                None
            }
            kind => {
                assert_eq!(kind, 2012, "no other kind of reply");
                None
            }
        };
        if let Some(document) = document {
            let document = RawDocument::from_bytes(document).expect("a document");
            assert!(document.get_f64("ok").is_ok(), "{document:?}");
        }
        count += 1;
        rest = &rest[len..];
    }
    assert!(count <= bytes.len() / 16, "one reply for each message at most");
    count
}

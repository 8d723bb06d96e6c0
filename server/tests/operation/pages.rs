//! `/metrics` and `/healthz` of a server's process.

use std::io::{Read, Write};
use std::net::TcpStream;

use bson::rawdoc;

use crate::support::{PATIENCE, Server, folder};

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    reply
}

#[test]
fn figures_are_what_was_done() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &["--http", "127.0.0.1:0"]);
    let output = server.output();
    let line = output.lines().find(|line| line.contains("/metrics")).expect("an address");
    let address = line.rsplit("address=").next().expect("an address").to_owned();
    assert!(get(&address, "/healthz").ends_with("\r\n\r\nok\n"));
    let mut client = server.connect();
    let (mut inserted, mut updated) = (0, 0);
    for n in 1..=7 {
        let documents: Vec<_> = (0..n).map(|at| rawdoc! { "_id": n * 100 + at, "n": 0 }).collect();
        let mut list = bson::RawArrayBuf::new();
        documents.into_iter().for_each(|document| list.push(document));
        client.run(&rawdoc! { "insert": "c", "documents": list, "$db": "d" }).expect("inserted");
        inserted += n;
        let update = rawdoc! {
            "update": "c", "updates": [{ "q": { "_id": n * 100 }, "u": { "$inc": { "n": 1 } } }],
            "$db": "d",
        };
        client.run(&update).expect("updated");
        updated += 1;
    }
    let page = get(&address, "/metrics");
    for expected in [
        format!("tallymap_operations_total{{op=\"insert\"}} {inserted}\n"),
        format!("tallymap_operations_total{{op=\"update\"}} {updated}\n"),
        format!("tallymap_updates_in_place_total {updated}\n"),
        format!("tallymap_collection_documents{{ns=\"d.c\"}} {inserted}\n"),
        "tallymap_connections 1\n".to_owned(),
    ] {
        assert!(page.contains(&expected), "{expected} is missing:\n{page}");
    }
    assert!(get(&address, "/other").starts_with("HTTP/1.1 404 "));
    server.stop();
}

#[test]
fn figures_are_there_though_everybody_has_to_log_in() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &["--http", "127.0.0.1:0", "--auth"]);
    let output = server.output();
    let line = output.lines().find(|line| line.contains("/metrics")).expect("an address");
    let page = get(line.rsplit("address=").next().expect("an address"), "/metrics");
    assert!(page.contains("tallymap_uptime_seconds "), "{page}");
    server.stop();
}

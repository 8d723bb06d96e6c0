//! Where a server can be reached: addresses, IPv6, unix sockets; and where it cannot be started.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use bson::rawdoc;
use tallymap_server::wire::server::Server;
use tallymap_server::wire::{ListenError, Options, UnixSocket};

use crate::support::{Client, Running, dispatcher};

fn options(bind_ip: &[&str]) -> Options {
    let bind_ip = bind_ip.iter().map(|name| (*name).to_owned()).collect();
    Options { bind_ip, ..Options::at("", 0) }
}

fn with_socket(folder: &Path) -> Options {
    let unix_socket = Some(UnixSocket { prefix: folder.to_owned(), ..UnixSocket::default() });
    Options { unix_socket, ..options(&["127.0.0.1"]) }
}

fn is_served(stream: impl std::io::Read + std::io::Write) -> bool {
    Client::over(stream).run(&rawdoc! { "ping": 1, "$db": "d" }).get_f64("ok").ok() == Some(1.0)
}

fn refusal(options: &Options) -> String {
    Server::bind(dispatcher(), options).expect_err("refused").to_string()
}

#[test]
fn every_address_is_listened_at_with_one_port() {
    let server = Running::with(&options(&["127.0.0.1", "127.0.0.2", "127.0.0.1"]));
    let port = server.address().port();
    for host in ["127.0.0.1", "127.0.0.2"] {
        assert!(is_served(TcpStream::connect((host, port)).expect("connects")), "{host}");
    }
    assert!(TcpStream::connect(("127.0.0.3", port)).is_err());
    let server = Running::with(&options(&["localhost"]));
    assert!(server.address().is_ipv4(), "no IPv6 that was not asked for");
    assert!(is_served(TcpStream::connect(server.address()).expect("connects")));
}

#[test]
fn all_addresses_of_both_kinds_can_be_listened_at_together() {
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        return; // A machine without IPv6.
    }
    let server = Running::with(&Options { ipv6: true, ..options(&["0.0.0.0", "::"]) });
    let port = server.address().port();
    for host in ["127.0.0.1", "::1"] {
        assert!(is_served(TcpStream::connect((host, port)).expect("connects")), "{host}");
    }
}

#[test]
fn a_unix_socket_is_for_its_owner_and_goes_with_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Running::with(&with_socket(folder.path()));
    let path = folder.path().join(format!("mongodb-{}.sock", server.address().port()));
    let mode = path.metadata().expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut client = Client::over(UnixStream::connect(&path).expect("connects"));
    let you = client.run(&rawdoc! { "whatsmyuri": 1, "$db": "admin" });
    assert_eq!(you.get_str("you").ok(), Some("anonymous unix socket:27017"));
    server.stop();
    assert!(!path.exists());
    assert_eq!(client.receive(), None);
}

#[test]
fn a_path_is_a_unix_socket_and_no_address_is_needed_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("here.sock");
    let server =
        Server::bind(dispatcher(), &options(&[path.to_str().expect("text")])).expect("listens");
    assert_eq!((server.address(), server.names()), (None, vec![path.display().to_string()]));
    let stopper = server.stopper();
    let thread = std::thread::spawn(move || server.run());
    assert!(is_served(UnixStream::connect(&path).expect("connects")));
    stopper.stop();
    thread.join().expect("ended well");
    assert!(!path.exists());
}

#[test]
fn the_socket_of_a_dead_server_is_taken_over_that_of_another_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("here.sock");
    let here = options(&[path.to_str().expect("text")]);
    drop(UnixListener::bind(&path).expect("listens"));
    assert!(path.exists(), "left behind");
    drop(Server::bind(dispatcher(), &here).expect("taken over"));
    assert!(!path.exists());
    let living = UnixListener::bind(&path).expect("listens");
    assert!(refusal(&here).contains("in use"));
    assert!(path.exists());
    drop(living);
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, "a file of somebody's").expect("written");
    assert!(refusal(&here).contains("in use"));
    assert_eq!(std::fs::read(&path).expect("still there"), b"a file of somebody's");
}

#[test]
fn it_is_said_where_nobody_can_listen() {
    let server = Running::start();
    let taken = Options { port: server.address().port(), ..options(&["127.0.0.1"]) };
    let refused = Server::bind(dispatcher(), &taken).expect_err("in use");
    let ListenError::Address { address, source } = &refused else { panic!("{refused}") };
    assert_eq!(*address, server.address().to_string());
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    assert!(refusal(&options(&["192.0.2.1"])).starts_with("cannot listen at 192.0.2.1:0: "));
    assert!(refusal(&options(&[])).contains("no address"));
    assert!(refusal(&options(&["no such host"])).starts_with("cannot find the address of"));
    let long = format!("/{}", "x".repeat(200));
    assert!(refusal(&options(&[&long])).starts_with("cannot listen at /xxx"));
}

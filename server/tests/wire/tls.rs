//! TLS: who has to speak it, who can, with which certificates.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bson::rawdoc;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tallymap_server::wire::server::Server;
use tallymap_server::wire::{Options, Tls, TlsMode};

use crate::support::{Client, Running, dispatcher, op_msg, section};

/// Certificates in a folder: an authority, and two that it vouches for.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Certificates {
        let folder = tempfile::tempdir().expect("a folder");
        let mut params = CertificateParams::new(Vec::new()).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("signed");
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
        write("ca.pem", authority.pem()).expect("written");
        for name in ["server", "client"] {
            let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &authority).expect("signed");
            write(&format!("{name}.pem"), certificate.pem() + &key.serialize_pem()).expect("done");
        }
        Certificates { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tls(&self, mode: TlsMode, checks_clients: bool) -> Tls {
        Tls {
            mode,
            certificate_key_file: self.path("server.pem"),
            ca_file: checks_clients.then(|| self.path("ca.pem")),
            allow_connections_without_certificates: false,
        }
    }

    /// A client that speaks TLS; with a certificate of its own, or without.
    fn connect(&self, server: &Running, own: Option<&Path>) -> impl Read + Write + use<> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).expect("PEM")).expect("fine");
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let certificate = CertificateDer::from_pem_file(file).expect("a certificate");
                let key = PrivateKeyDer::from_pem_file(file).expect("a key");
                builder.with_client_auth_cert(vec![certificate], key).expect("they match")
            }
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        StreamOwned::new(session, TcpStream::connect(server.address()).expect("connects"))
    }
}

fn serve(tls: Tls) -> Running {
    Running::with(&Options { tls: Some(tls), ..Options::at("127.0.0.1", 0) })
}

/// Is there an answer?
fn answers(stream: impl Read + Write) -> bool {
    let mut client = Client::over(stream);
    client.send(&op_msg(0, &[&section(&rawdoc! { "ping": 1, "$db": "d" })]));
    client.receive().is_some()
}

#[test]
fn modes_say_who_has_to() {
    let certificates = Certificates::new();
    for (mode, plain, tls) in [
        (TlsMode::Disabled, true, false),
        (TlsMode::Allow, true, true),
        (TlsMode::Prefer, true, true),
        (TlsMode::Require, false, true),
    ] {
        let server = serve(certificates.tls(mode, false));
        let stream = TcpStream::connect(server.address()).expect("connects");
        assert_eq!(answers(stream), plain, "{mode}, plain");
        assert_eq!(answers(certificates.connect(&server, None)), tls, "{mode}, TLS");
    }
}

#[test]
fn an_authority_asks_clients_for_certificates() {
    let certificates = Certificates::new();
    let strangers = Certificates::new();
    for is_lax in [false, true] {
        let tls = certificates.tls(TlsMode::Require, true);
        let server = serve(Tls { allow_connections_without_certificates: is_lax, ..tls });
        let own = certificates.path("client.pem");
        assert!(answers(certificates.connect(&server, Some(&own))));
        assert_eq!(answers(certificates.connect(&server, None)), is_lax);
        let strange = strangers.path("client.pem");
        assert!(!answers(certificates.connect(&server, Some(&strange))), "by nobody we know");
    }
}

#[test]
fn long_conversations_over_tls() {
    let certificates = Certificates::new();
    let server = serve(certificates.tls(TlsMode::Require, false));
    let mut client = Client::over(certificates.connect(&server, None));
    let text = "text ".repeat(300_000);
    for id in 0..5 {
        let insert =
            rawdoc! { "insert": "c", "documents": [{ "_id": id, "text": &*text }], "$db": "d" };
        assert_eq!(client.run(&insert).get_i32("n").ok(), Some(1));
    }
    let found = client.run(&rawdoc! { "find": "c", "$db": "d" });
    assert!(found.as_bytes().len() > 5 * text.len());
    // The server ends while the client is there, and says that this is the end.
    server.stop();
    assert_eq!(client.receive(), None);
}

#[test]
fn hostile_handshakes_harm_nobody() {
    let certificates = Certificates::new();
    let server = serve(certificates.tls(TlsMode::Allow, false));
    let mut rng = oorandom::Rand32::new(5);
    for _ in 0..300 {
        let mut client = server.connect();
        let mut bytes: Vec<u8> =
            (0..rng.rand_range(1..400)).map(|_| rng.rand_u32() as u8).collect();
        let head = [0x16, 3, 1, bytes[0] & 1];
        let len = head.len().min(bytes.len());
        bytes[..len].copy_from_slice(&head[..len]);
        client.send(&bytes);
        client.send_end();
        client.drain();
    }
    assert!(answers(certificates.connect(&server, None)));
}

#[test]
fn it_is_said_what_is_wrong_with_a_file() {
    let certificates = Certificates::new();
    let tls = || certificates.tls(TlsMode::Require, true);
    let write = |name: &str, text: &str| {
        let path = certificates.path(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let server = std::fs::read_to_string(certificates.path("server.pem")).expect("read");
    let client = std::fs::read_to_string(certificates.path("client.pem")).expect("read");
    let key_at = server.find("-----BEGIN PRIVATE KEY").expect("a key");
    let client_key_at = client.find("-----BEGIN PRIVATE KEY").expect("a key");
    let (certificate, key) = server.split_at(key_at);
    let of_another = format!("{certificate}{}", &client[client_key_at..]);
    let encrypted = server.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (name, path, problem) in [
        ("missing", certificates.path("missing"), "No such file"),
        ("empty", write("empty", ""), "no certificate"),
        ("no key", write("no key", certificate), "no private key"),
        ("no certificate", write("no certificate", key), "no certificate"),
        ("encrypted", write("encrypted", &encrypted), "is encrypted"),
        ("of another", write("of another", &of_another), ""),
        ("torn", write("torn", &server[..key_at + 60]), ""),
        ("no base64", write("no base64", &server.replace('M', "!")), ""),
    ] {
        let with = |tls: Tls| Options { tls: Some(tls), ..Options::at("127.0.0.1", 0) };
        let refused =
            Server::bind(dispatcher(), &with(Tls { certificate_key_file: path.clone(), ..tls() }));
        let refused = refused.expect_err(name).to_string();
        assert!(refused.starts_with(path.to_str().expect("text")), "{refused}");
        assert!(refused.contains(problem), "{refused}");
        if ["missing", "empty", "no certificate"].contains(&name) {
            let refused = Server::bind(dispatcher(), &with(Tls { ca_file: Some(path), ..tls() }));
            assert!(refused.expect_err(name).to_string().contains(problem));
        }
    }
}

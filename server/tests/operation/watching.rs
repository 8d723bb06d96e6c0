//! `tallymap stat` and `tallymap top` beside a server.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use bson::rawdoc;
use serde_json::Value;

use crate::support::{Server, folder, tallymap};

fn watch(server: &str, line: &str) -> Output {
    let mut words: Vec<_> = line.split_whitespace().collect();
    words.extend(["--host", server]);
    tallymap().args(words).output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[test]
fn stat_prints_lines_and_documents() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    let stat = text(&watch(&server.address, "stat -n 3 0.02"));
    let lines: Vec<_> = stat.lines().collect();
    assert_eq!(lines.len(), 4, "{stat}");
    let headings: Vec<_> = lines[0].split_whitespace().collect();
    assert_eq!(headings[..6], ["insert", "query", "update", "delete", "getmore", "command"]);
    for line in &lines[1..] {
        assert!(line.trim_start().starts_with("*0"), "{stat}");
        assert_eq!(line.chars().count(), lines[0].chars().count(), "{stat}");
    }
    assert_eq!(text(&watch(&server.address, "stat -n 1 0.02 --noheaders")).lines().count(), 1);
    let json: Value = serde_json::from_str(&text(&watch(&server.address, "stat -n 1 0.02 --json")))
        .expect("one document");
    let figures = &json[&server.address];
    assert_eq!((&figures["insert"], &figures["conn"]), (&Value::from(0), &Value::from(1)));
    assert!(figures["command"].as_i64().expect("a number") > 0, "its own question: {json}");
    assert!(figures["mapped"].is_i64() && figures["inplace"].is_null(), "{json}");
}

#[test]
fn top_prints_collections() {
    let folder = folder();
    let server = Server::start(folder.path(), &[]);
    server.run(&rawdoc! { "insert": "c", "documents": [{ "_id": 1 }], "$db": "d" });
    let top = text(&watch(&server.address, "top -n 2 0.02"));
    let headings = top.lines().filter(|line| line.trim_start().starts_with("ns ")).count();
    assert_eq!((headings, top.matches(" d.c ").count()), (2, 2), "{top}");
    let json = text(&watch(&server.address, "top -n 1 0.02 --json"));
    let json: Value = serde_json::from_str(&json).expect("one document");
    assert_eq!(json["totals"]["d.c"]["write"]["count"], 0, "nothing since it looked first");
}

#[test]
fn nobody_there_and_nobody_left() {
    let refused = watch("127.0.0.1:1", "stat -n 1");
    assert_eq!(refused.status.code(), Some(3));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.starts_with("tallymap: cannot reach 127.0.0.1:1: "), "{error}");

    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let mut stat = tallymap()
        .args(["stat", "0.02", "--json", "--host", &server.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut output = BufReader::new(stat.stdout.take().expect("piped"));
    let mut errors = BufReader::new(stat.stderr.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    server.stop();
    line.clear();
    errors.read_line(&mut line).expect("a line");
    assert!(line.starts_with("tallymap: lost ") && line.ends_with("; trying again\n"), "{line}");
    let mut again = tallymap();
    again.args(["serve", "--nounixsocket", "--port", &port, "--dbpath"]);
    again.arg(folder.path().join("data"));
    let _server = Server::spawn(folder.path(), again);
    line.clear();
    errors.read_line(&mut line).expect("a line");
    assert!(line.ends_with(" is there again\n"), "{line}");
    // Its reader goes: that is the end, and no error.
    drop(output);
    assert_eq!(stat.wait().expect("it ends").code(), Some(0));
}

#[test]
fn tls_is_spoken_where_it_is_asked_for() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    std::fs::write(path("ca.pem"), &certificate).expect("written");
    std::fs::write(path("server.pem"), certificate + &key).expect("written");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    std::fs::write(path("other.pem"), other.cert.pem()).expect("written");
    let options = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", &path("server.pem")];
    let server = Server::start(folder.path(), &options);
    let name = server.address.replace("127.0.0.1", "localhost");
    let with =
        |file: &str| watch(&name, &format!("stat -n 1 0.02 --tls --tlsCAFile {}", path(file)));
    assert_eq!(text(&with("ca.pem")).lines().count(), 2);
    // Without a file it is those that the system trusts.
    let trusting = |file: &str| {
        let mut command = tallymap();
        command.args(["top", "-n", "1", "0.02", "--tls", "--host", &name]);
        command.env("SSL_CERT_FILE", path(file)).env_remove("SSL_CERT_DIR");
        command.output().expect("the binary runs")
    };
    assert!(text(&trusting("ca.pem")).contains(" total "));
    for (output, expected) in [
        (with("other.pem"), "invalid peer certificate"),
        (with("none.pem"), "No such file or directory"),
        (trusting("other.pem"), "invalid peer certificate"),
        (trusting("none.pem"), "the system has no authorities to trust; name some by --tlsCAFile"),
        (watch(&name, "stat -n 1"), "lost localhost:"),
    ] {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(expected), "{error}");
        assert_eq!(output.status.code(), Some(3), "{error}");
    }
}

#[test]
fn who_has_to_log_in_does() {
    let folder = folder();
    let mut server =
        Server::start(folder.path(), &["--auth", "--logFormat", "json", "--slowms", "0"]);
    let (name, password) = ("ann,=", "pa ss\u{e9}");
    server.run(&rawdoc! {
        "createUser": name, "pwd": password, "roles": ["root"], "$db": "admin",
    });
    let refused = watch(&server.address, "stat -n 1 0.02");
    assert_eq!(refused.status.code(), Some(3));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("refused serverStatus: "), "{error}");
    let log_in = |password: &str| {
        let words = ["stat", "-n", "1", "0.02", "--host", &server.address, "-u", name, "-p"];
        tallymap().args(words).arg(password).output().expect("the binary runs")
    };
    assert_eq!(text(&log_in(password)).lines().count(), 2);
    let wrong = log_in("wrong");
    assert_eq!(wrong.status.code(), Some(3));
    let error = String::from_utf8_lossy(&wrong.stderr);
    assert!(error.contains("refused saslContinue: Authentication failed"), "{error}");
    let uri = format!("mongodb://ann%2C%3D:pa%20ss%C3%A9@{}/?authSource=admin", server.address);
    assert_eq!(text(&watch(&uri, "top -n 1 0.02")).matches("total").count(), 1);
    server.stop();
    // Nothing of that is in the log, though every command is.
    let output = server.output();
    assert!(output.contains("createUser") && output.contains("saslStart"), "{output}");
    assert!(!output.contains(password) && !output.contains("biws"), "{output}");
}

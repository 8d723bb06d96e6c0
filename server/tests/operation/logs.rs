//! What a server writes into its log, and what it does not.

use std::fs;

use bson::rawdoc;
use serde_json::Value;

use crate::support::{Server, folder};

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn slow_commands_are_told_of_in_outline() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &["--logFormat", "json", "--slowms", "0"]);
    let mut client = server.connect();
    let documents: Vec<_> = (0..50).map(|n| rawdoc! { "_id": n, "a": "a secret" }).collect();
    let mut list = bson::RawArrayBuf::new();
    documents.into_iter().for_each(|document| list.push(document));
    client.run(&rawdoc! { "insert": "c", "documents": list, "$db": "d" }).expect("inserted");
    client.run(&rawdoc! { "find": "c", "filter": { "a": "a secret" }, "$db": "d" }).expect("found");
    let refused = client.run(&rawdoc! { "find": "c", "limit": "a secret", "$db": "d" });
    assert!(refused.is_err());
    server.stop();
    let output = server.output();
    let lines = lines(&output);
    let slow = |line: &&Value| line["id"] == 51803 && line["attr"]["command"]["find"] == "c";
    let find = lines.iter().find(slow).unwrap_or_else(|| panic!("{output}"));
    assert_eq!((&find["c"], &find["msg"]), (&Value::from("COMMAND"), &Value::from("Slow query")));
    let attr = &find["attr"];
    assert_eq!((&attr["ns"], &attr["docsExamined"]), (&Value::from("d.c"), &Value::from(50)));
    assert_eq!(attr["command"]["filter"]["a"], "?");
    assert_eq!(attr["appName"], "test");
    assert!(attr["durationMillis"].is_u64() && attr["remote"].is_string(), "{find}");
    assert!(find["t"]["$date"].is_string() && find["ctx"].as_str().expect("a text").len() > 4);
    let told = |id: u64| lines.iter().filter(|line| line["id"] == id).count();
    assert_eq!((told(22943), told(51800), told(22944)), (1, 1, 1), "{output}");
    let inserted = lines.iter().find(|line| line["attr"]["command"]["insert"] == "c");
    let inserted = inserted.expect("a line").to_string();
    assert!(!inserted.contains("a secret"), "{inserted}");
}

#[test]
fn get_log_has_the_latest_lines_and_the_warnings_of_the_start() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &["--nojournal"]);
    let mut client = server.connect();
    let mut log = |name: &str| {
        let reply = client.run(&rawdoc! { "getLog": name, "$db": "admin" }).expect("a log");
        let reply = bson::Document::try_from(&*reply).expect("sound");
        let lines = reply.get_array("log").expect("an array").clone();
        let lines = lines.iter().map(|line| line.as_str().expect("a text").to_owned());
        (reply.get_i32("totalLinesWritten").expect("a number"), lines.collect::<Vec<_>>())
    };
    let (total, warnings) = log("startupWarnings");
    assert_eq!(total as usize, warnings.len());
    let warnings = lines(&warnings.join("\n"));
    assert!(warnings.iter().any(|line| line["id"] == 22120 && line["s"] == "W"), "{warnings:?}");
    let is_of_journal =
        |line: &Value| line["msg"].as_str().is_some_and(|it| it.contains("journal"));
    assert!(warnings.iter().any(is_of_journal), "{warnings:?}");
    assert!(warnings.iter().all(|line| line["tags"][0] == "startupWarnings"));
    let (total, all) = log("global");
    assert_eq!(total as usize, all.len());
    assert!(all.len() > warnings.len() && all.iter().any(|line| line.contains("23016")));
    server.stop();
}

#[test]
fn a_log_file_is_ended_by_signal_and_by_command() {
    let folder = folder();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("made");
    let path = logs.join("t.log");
    let option = path.to_str().expect("UTF-8");
    let mut server = Server::start(folder.path(), &["--logpath", option]);
    assert!(server.output().is_empty(), "nothing on standard output");
    let files = || fs::read_dir(&logs).expect("a directory").count();
    let begun = || fs::read_to_string(&path).is_ok_and(|text| text.contains("Log file begun"));
    server.signal("USR1");
    crate::support::wait_until(|| files() == 2 && begun(), "another file");
    server.run(&rawdoc! { "logRotate": 1, "$db": "admin" });
    assert_eq!(files(), 3);
    assert!(begun());
    server.stop();
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.lines().last().expect("a line").contains("Shutting down"), "{text}");
}

/// What is logged follows `setParameter`, and what it was is what the line said.
#[test]
fn how_much_is_logged_changes_while_it_runs() {
    let folder = folder();
    let told = r#"logComponentVerbosity={ "index": { "verbosity": 3 } }"#;
    let options = ["-v", "--setParameter", told, "--setParameter", "cursorTimeoutMillis=1234"];
    let more = ["--setParameter", "ttlMonitorEnabled=false"];
    let mut server = Server::start(folder.path(), &[&options[..], &more].concat());
    let told = server.run(&rawdoc! {
        "getParameter": 1, "logComponentVerbosity": 1, "cursorTimeoutMillis": 1,
        "ttlMonitorEnabled": 1, "$db": "admin",
    });
    let index = told.get_document("logComponentVerbosity").and_then(|it| it.get_document("index"));
    assert_eq!(index.expect("a part").get_i32("verbosity").ok(), Some(3));
    assert_eq!(told.get_i64("cursorTimeoutMillis").ok(), Some(1234));
    assert_eq!(told.get_bool("ttlMonitorEnabled").ok(), Some(false));
    let set = |name: &str, value: bson::RawBson| {
        let mut command = rawdoc! { "setParameter": 1 };
        command.append(bson::raw::CString::try_from(name).expect("a name"), value);
        command.append(bson::cstr!("$db"), "admin");
        server.run(&command)
    };
    let ended = |server: &Server| server.output().matches("Connection ended").count();
    assert_eq!(set("logLevel", 2.into()).get_i32("was").ok(), Some(1));
    server.run(&rawdoc! { "find": "first", "$db": "d" });
    server.wait_for("\"find\":\"first\"");
    assert_eq!(set("logLevel", 0.into()).get_i32("was").ok(), Some(2));
    server.run(&rawdoc! { "find": "second", "$db": "d" });
    let parts = rawdoc! { "command": { "verbosity": 3 } };
    set("logComponentVerbosity", parts.into());
    server.run(&rawdoc! { "find": "third", "$db": "d" });
    server.wait_for("\"find\":\"third\"");
    assert!(!server.output().contains("second"), "{}", server.output());
    assert_eq!(set("quiet", true.into()).get_bool("was").ok(), Some(false));
    server.wait_for("\"quiet\":true");
    // Those that ended before may be told of late, but no others.
    let before = server.output().matches("Connection accepted").count();
    for _ in 0..3 {
        server.run(&rawdoc! { "find": "fourth", "$db": "d" });
    }
    assert_eq!(server.output().matches("Connection accepted").count(), before);
    set("quiet", false.into());
    let ended_before = ended(&server);
    server.run(&rawdoc! { "ping": 1, "$db": "d" });
    crate::support::wait_until(|| ended(&server) > ended_before, "the end of a connection");
    server.stop();
}

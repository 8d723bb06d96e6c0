//! Options by the line, the environment and a file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bson::rawdoc;

use crate::support::{Server, folder, tallymap};

#[test]
fn the_line_outranks_the_environment_and_that_the_file() {
    let folder = folder();
    let (file, data) = (folder.path().join("t.toml"), folder.path().join("data"));
    let text = format!(
        "# a server for a test\ndbpath = {:?}\nport = 0\nnssize = 1\nnounixsocket = true\n\
         logFormat = \"json\"\nquiet = false\nslowms = 77\nprofile = 1\n\
         setParameter = {{ ttlMonitorSleepSecs = 5 }}\n",
        data.to_str().expect("UTF-8")
    );
    fs::write(&file, text).expect("written");
    let mut command = tallymap();
    command.args(["serve", "--profile", "2"]).env("TALLYMAP_CONFIG", &file);
    command.env("TALLYMAP_QUIET", "yes").env("TALLYMAP_PROFILE", "0");
    let mut server = Server::spawn(folder.path(), command);
    let told = server.run(&rawdoc! { "profile": -1, "$db": "d" });
    assert_eq!(told.get_i32("was").expect("a level"), 2, "by the line");
    assert_eq!(told.get_i32("slowms").expect("a time"), 77, "by the file");
    let options = server.run(&rawdoc! { "getCmdLineOpts": 1, "$db": "admin" });
    let options = bson::Document::try_from(&*options).expect("sound");
    let expected = bson::doc! {
        "config": file.to_str().expect("UTF-8"),
        "net": { "bindIp": "localhost", "port": 0, "unixDomainSocket": { "enabled": false } },
        "setParameter": { "ttlMonitorSleepSecs": "5" },
        "storage": { "dbPath": data.to_str().expect("UTF-8"), "engine": "mmapv1" },
        "systemLog": { "quiet": true },
    };
    assert_eq!(options.get_document("parsed").expect("options"), &expected);
    server.stop();
    let output = server.output();
    assert!(output.lines().all(|line| line.starts_with("{\"t\":")), "by the file: {output}");
    assert!(!output.contains("Connection accepted"), "by the environment: {output}");
    assert!(data.join("d.ns").exists() || fs::read_dir(&data).expect("made").count() > 0);
}

#[test]
fn files_are_for_their_owner_alone_unless_told() {
    for (options, others) in [(&[][..], false), (&["--setParameter", "honorSystemUmask=1"], true)] {
        let folder = folder();
        let log = folder.path().join("t.log");
        let mut command = Command::new("sh");
        command.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(tallymap().get_program());
        command.args(["serve", "--port", "0", "--nssize", "1", "--nounixsocket", "--dbpath"]);
        let data = folder.path().join("data");
        command.arg(&data).arg("--logpath").arg(&log).arg("--pidfilepath");
        command.arg(folder.path().join("t.pid")).args(options);
        let mut server = Server::spawn(folder.path(), command);
        server.run(&rawdoc! { "insert": "c", "documents": [{ "a": 1 }], "$db": "d" });
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("t.pid")), 0o644);
        for path in [&data, &log, &data.join("d.ns"), &data.join("d.0")] {
            assert_eq!(mode(path) & 0o077 != 0, others, "{}", path.display());
        }
        server.stop();
    }
}

#[test]
fn variables_that_are_none_are_told_of() {
    let folder = folder();
    let mut command = tallymap();
    command.args(["serve", "--port", "0", "--nounixsocket", "--dbpath"]);
    command.arg(folder.path().join("data")).env("TALLYMAP_BINDIP", "::1");
    command.env("TALLYMAP_SERVICE_HOST", "10.0.0.1").env("TALLYMAP_SLOWMS", "5");
    let mut server = Server::spawn(folder.path(), command);
    let warnings = server.run(&rawdoc! { "getLog": "startupWarnings", "$db": "admin" });
    let warnings = bson::Document::try_from(&*warnings).expect("sound").to_string();
    let warnings = warnings.replace('\\', "");
    for expected in [
        r#""attr":{"variable":"TALLYMAP_BINDIP","meant":"TALLYMAP_BIND_IP"}"#,
        r#""attr":{"variable":"TALLYMAP_SERVICE_HOST"}"#,
    ] {
        assert!(warnings.contains(expected), "{expected}: {warnings}");
    }
    assert!(!warnings.contains("TALLYMAP_SLOWMS"), "{warnings}");
    server.stop();
}

#[test]
fn what_the_environment_and_the_file_must_not_say() {
    let folder = folder();
    let file = folder.path().join("t.toml");
    let refused = |text: &str, variable: Option<(&str, &str)>| {
        fs::write(&file, text).expect("written");
        let mut command = tallymap();
        command.arg("serve").arg("--dbpath").arg(folder.path().join("data")).arg("-f").arg(&file);
        let output = command.envs(variable).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(output.stdout.is_empty(), "{text}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    for (text, expected) in [
        ("prot = 1", "TOML:1: unknown key 'prot'; is 'port' meant?"),
        (
            "\nport = 99999",
            "tallymap: TOML:2: port: invalid value '99999': 99999 is not in 0..=65535\n",
        ),
        (
            "logFormat = \"xml\"",
            "TOML:1: logFormat: invalid value 'xml' [possible values: text, json]\n",
        ),
        ("storage:\n  dbPath: /data", "this is YAML, as mongod's configuration file is"),
        ("replSet = \"rs0\"", "TOML:1: replSet cannot be had: this is a server that stands alone"),
        (
            "\n\nsetParameter = { nonsense = 1 }",
            "TOML:3: setParameter: no such parameter: 'nonsense'",
        ),
    ] {
        let error = refused(text, None);
        let expected = expected.replace("TOML", file.to_str().expect("UTF-8"));
        assert!(error.contains(&expected), "{error}");
    }
    for (variable, value, expected) in [
        ("PORT", "tcp://10.0.0.1:1", "invalid value 'tcp://10.0.0.1:1': invalid digit"),
        ("AUTH", "maybe", "invalid value 'maybe': value was not a boolean"),
        ("LOG_ROTATE", "move", "invalid value 'move' [possible values: rename, reopen]"),
        ("SLOW_OP_SAMPLE_RATE", "2", "invalid value '2': expected a number from 0 to 1"),
        ("SET_PARAMETER", "logLevel=7", "setParameter logLevel: expected 0 to 5, not '7'"),
        ("REPL_SET", "rs0", "replSet cannot be had: this is a server that stands alone"),
        ("TLS_MODE", "requireTLS", "tlsMode needs --tlsCertificateKeyFile FILE"),
        ("TLS_CA_FILE", "ca.pem", "tlsCAFile needs --tlsMode allowTLS, preferTLS or requireTLS"),
    ] {
        let variable = format!("TALLYMAP_{variable}");
        let error = refused("", Some((&variable, value)));
        let expected = format!("tallymap: {variable}: {expected}");
        assert!(error.starts_with(&expected), "{error}");
    }
    // What the line says is the line's, whatever there is in the environment.
    let mut command = tallymap();
    command.args(["serve", "--port", "x"]).env("TALLYMAP_PORT", "y");
    let output = command.output().expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.starts_with("error: invalid value 'x' for '--port <PORT>'"), "{error}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

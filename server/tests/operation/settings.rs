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
        ("prot = 1", "t.toml:1: unknown key 'prot'"),
        ("\nport = 99999", "t.toml:2: invalid value '99999' for '--port <PORT>'"),
        ("storage:\n  dbPath: /data", "this is YAML, as mongod's configuration file is"),
        ("replSet = \"rs0\"", "--replSet cannot be had: this is a server that stands alone"),
        ("setParameter = { nonsense = 1 }", "no such parameter: 'nonsense'"),
    ] {
        let error = refused(text, None);
        assert!(error.contains(expected), "{error}");
    }
    let error = refused("", Some(("TALLYMAP_PORT", "tcp://10.0.0.1:1")));
    assert!(error.contains("invalid value 'tcp://10.0.0.1:1' for '--port <PORT>'"), "{error}");
    let error = refused("", Some(("TALLYMAP_TLS_MODE", "requireTLS")));
    assert!(error.contains("--tlsCertificateKeyFile"), "{error}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

//! Does the built binary teach, and does it refuse what makes no sense?

use std::process::{Command, Output};

const COMMANDS: [&str; 12] = [
    "demo", "ingest", "chart", "dump", "validate", "stats", "inspect", "compact", "repair",
    "serve", "stat", "top",
];

fn tallymap(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymap"));
    command.args(arguments).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[test]
fn the_help_lists_every_command_and_the_exit_codes() {
    let output = tallymap(&["--help"]);
    let help = stdout(&output);
    assert_eq!(output.status.code(), Some(0));
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing:\n{help}");
    }
    assert!(help.contains("Exit codes:"), "{help}");
}

#[test]
fn the_help_of_each_command_has_an_example_of_it() {
    for command in COMMANDS {
        let output = tallymap(&[command, "--help"]);
        let help = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{command}");
        let (_, example) = help.split_once("\nExample").unwrap_or_else(|| panic!("{help}"));
        assert!(example.contains(&format!("tallymap {command}")), "{help}");
        assert!(help.contains("Exit codes:"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn ingest_warns_of_reading_a_file_twice() {
    assert!(stdout(&tallymap(&["ingest", "--help"])).contains("TWICE"));
}

#[test]
fn bad_usage_is_exit_code_2_and_said_on_standard_error() {
    for line in [
        "",
        "count",
        "ingest --dbpath d",
        "ingest access.log",
        "ingest --dbpath d --layout cubic access.log",
        "ingest --dbpath d --growth --policy exact access.log",
        "chart --dbpath d --site s --page /",
        "chart --dbpath d --site s --page / --day yesterday",
        "chart --dbpath d --site s --page / --day 2010-10-10 --hour 24",
        "chart --dbpath d --site s --page / --hour 3",
        "dump --dbpath d --collection c",
        "dump --dbpath d --format xml",
        "validate",
        "stats --dbpath d --collection c",
        "inspect --dbpath d --collection c",
        "compact --dbpath d",
        "repair --dbpath d",
        "serve",
        "serve --dbpath d --port 65536",
        "serve --dbpath d --bind_ip no,where=?",
        "serve --dbpath d --journalCommitInterval 0",
        "serve --dbpath d --filePermissions 999",
        "serve --dbpath d --tlsMode requireTLS",
        "serve --dbpath d --tlsCertificateKeyFile d.pem",
        "serve --dbpath d --setParameter nonsense=1",
        "serve --dbpath d --http nowhere",
        "stat 0",
        "stat --host mongodb+srv://h",
        "top --rows many",
        "demo --hits 0",
        "demo --seed 1 --log access.log",
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = tallymap(&arguments);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
        assert!(!output.stderr.is_empty(), "{line}");
    }
}

//! A directory whose process was killed: reading it replays the journal in memory alone.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{
    Place, command, counted, dump, expected, files, make_log, run_with, stderr, success, text,
};

#[test]
fn a_crashed_directory_is_read_without_changing_a_byte() {
    let (place, log) = (Place::new(), make_log(31, 6000));
    let dbpath = place.path("data");
    let mut child = command(&["ingest", "--dbpath", text(&dbpath), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped");
    // The log is longer than a pipe and buffers hold: when it is written, most of it is read.
    assert!(log.text.len() > 4 * 128 * 1024);
    stdin.write_all(log.text.as_bytes()).expect("it reads");
    // It reads faster than commits come: the first one makes this file.
    while !dbpath.join("journal/lsn").exists() {
        assert!(child.try_wait().expect("asked").is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    drop(stdin);

    let crashed = files(&dbpath);
    let first = dump(&dbpath, "daily");
    success(&["validate", "--dbpath", text(&dbpath)]);
    success(&["inspect", "--dbpath", text(&dbpath)]);
    assert_eq!(dump(&dbpath, "daily"), first);
    assert!(files(&dbpath) == crashed, "a byte changed");
    let (found, attempted) = (counted(&first), expected(&log.counts, 1));
    assert!(found.iter().all(|(minute, count)| attempted.get(minute) >= Some(count)));

    // Opened to write, it is recovered for good, to the same documents.
    let output = run_with(&["ingest", "--dbpath", text(&dbpath), "-"], "");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(dump(&dbpath, "daily"), first);
    success(&["validate", "--dbpath", text(&dbpath)]);
}

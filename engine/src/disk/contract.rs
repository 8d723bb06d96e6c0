//! What every disk must answer alike, asked of each of ours.

use std::path::Path;
use std::sync::Arc;

use super::sim_disk::{FaultDisk, SimDisk};
use super::{Access, Disk, HeapDisk, OsDisk, OverlayDisk};
use crate::error::Error;

/// Runs `ask` on every disk, empty.
fn on_every_disk(ask: impl Fn(&dyn Disk)) {
    ask(&HeapDisk::new());
    ask(&SimDisk::new(HeapDisk::new()));
    ask(&FaultDisk::new(Arc::new(HeapDisk::new())));
    ask(&OverlayDisk::new(Arc::new(HeapDisk::new())));
    if !cfg!(miri) {
        let dir = tempfile::tempdir().expect("temporary directory");
        ask(&OsDisk::open(dir.path()).expect("exists"));
        let dir = tempfile::tempdir().expect("temporary directory");
        let new = dir.path().join("a/b");
        ask(&OsDisk::create(&new).expect("made"));
        ask(&OverlayDisk::new(Arc::new(OsDisk::create(dir.path().join("c")).expect("made"))));
    }
}

fn names(disk: &dyn Disk, dir: &str) -> Vec<(String, bool)> {
    let entries = disk.list(Path::new(dir)).expect("listed");
    let mut names: Vec<_> = entries.into_iter().map(|e| (e.name, e.is_dir)).collect();
    names.sort();
    names
}

fn contents(disk: &dyn Disk, path: &str) -> Vec<u8> {
    let file = disk.open(Path::new(path), Access::Read).expect("opened");
    let mut bytes = vec![0; file.len().expect("looked") as usize];
    file.read_at(0, &mut bytes).expect("read");
    bytes
}

#[test]
fn a_new_file_is_zeros_of_its_length() {
    on_every_disk(|disk| {
        let file = disk.create(Path::new("f"), 10_000).expect("made");
        assert_eq!(file.len().expect("looked"), 10_000);
        assert_eq!(contents(disk, "f"), vec![0; 10_000]);
        assert!(disk.create(Path::new("f"), 1).is_err(), "made twice");
        assert!(disk.create(Path::new("missing/f"), 1).is_err(), "made nowhere");
        disk.create(Path::new("empty"), 0).expect("made");
        assert_eq!(names(disk, ""), [("empty".to_owned(), false), ("f".to_owned(), false)]);
    });
}

#[test]
fn writes_are_read_back_and_reads_stop_at_the_end() {
    on_every_disk(|disk| {
        let file = disk.create(Path::new("f"), 0).expect("made");
        file.write_at(5000, b"abc").expect("written");
        file.write_at(4094, b"wxyz").expect("written");
        let bytes = contents(disk, "f");
        assert_eq!(bytes.len(), 5003);
        assert_eq!(&bytes[4094..4098], b"wxyz");
        assert_eq!(&bytes[5000..], b"abc");
        assert!(bytes[..4094].iter().all(|&b| b == 0));
        for (ofs, len) in [(5001, 3), (5003, 1), (u64::MAX, 2)] {
            assert!(file.read_at(ofs, &mut vec![0; len]).is_err(), "{ofs} {len}");
        }
        file.set_len(5001).expect("cut");
        file.set_len(5002).expect("extended");
        assert_eq!(contents(disk, "f")[5000..], [b'a', 0]);
        file.sync().expect("synced");
    });
}

#[test]
fn names_change_and_open_files_stay() {
    on_every_disk(|disk| {
        disk.create_dir_all(Path::new("d/e")).expect("made");
        disk.create_dir_all(Path::new("d/e")).expect("there");
        let moved = disk.create(Path::new("d/e/f"), 0).expect("made");
        let replaced = disk.create(Path::new("g"), 1).expect("made");
        moved.write_at(0, b"moved").expect("written");
        disk.rename(Path::new("d/e/f"), Path::new("g")).expect("renamed");
        assert_eq!(contents(disk, "g"), b"moved");
        moved.write_at(0, b"M").expect("written");
        assert_eq!(contents(disk, "g"), b"Moved");
        assert_eq!(replaced.len().expect("open"), 1);
        assert!(disk.rename(Path::new("d/e/f"), Path::new("h")).is_err(), "gone");
        disk.sync_dir(Path::new("")).expect("synced");
        disk.sync_dir(Path::new("d/e")).expect("synced");

        disk.remove(Path::new("g")).expect("removed");
        assert!(disk.remove(Path::new("g")).is_err(), "gone");
        assert!(disk.open(Path::new("g"), Access::Read).is_err(), "gone");
        assert!(disk.metadata(Path::new("g")).expect("looked").is_none());
        moved.write_at(0, b"still").expect("open");
        disk.create(Path::new("g"), 2).expect("made again");
        assert_eq!(contents(disk, "g"), [0, 0]);

        assert_eq!(names(disk, "d"), [("e".to_owned(), true)]);
        disk.create(Path::new("d/e/x"), 0).expect("made");
        disk.remove_dir_all(Path::new("d")).expect("removed");
        disk.remove_dir_all(Path::new("d")).expect("nothing to do");
        assert!(disk.metadata(Path::new("d/e/x")).expect("looked").is_none());
        assert_eq!(names(disk, "d"), []);
    });
}

#[test]
fn what_a_view_changes_never_reaches_the_file() {
    on_every_disk(|disk| {
        let file = disk.create(Path::new("f"), 8192).expect("made");
        file.write_at(4096, b"file").expect("written");
        let view = file.map_private().expect("mapped");
        assert_eq!(view.len(), 8192);
        assert_eq!(view.bytes(4096, 5), Some(&b"file\0"[..]));
        view.write(4096, b"view").expect("inside");
        assert_eq!(&contents(disk, "f")[4096..4100], b"file");
        file.write_at(4096, b"view").expect("written");
        assert_eq!(view.bytes(4096, 4), Some(&b"view"[..]));
    });
}

#[test]
fn the_lock_excludes_and_ends() {
    let exclusive = |disk: &dyn Disk| disk.lock(Path::new("lock"), Access::Write);
    let shared = |disk: &dyn Disk| disk.lock(Path::new("lock"), Access::Read);
    let ask = |disk: &dyn Disk| {
        assert!(shared(disk).expect("no file, no lock").is_none());
        let held = exclusive(disk).expect("free").expect("made");
        held.write_at(0, b"7\n").expect("written");
        assert!(matches!(exclusive(disk), Err(Error::Locked { .. })));
        assert!(matches!(shared(disk), Err(Error::Locked { .. })));
        drop(held);
        let readers = (shared(disk).expect("free"), shared(disk).expect("free"));
        assert!(matches!(exclusive(disk), Err(Error::Locked { .. })));
        assert_eq!(readers.0.as_ref().expect("there").len().expect("open"), 2);
        drop(readers.0);
        assert!(matches!(exclusive(disk), Err(Error::Locked { .. })));
        drop(readers.1);
        let held = exclusive(disk).expect("free").expect("there");
        assert_eq!(held.len().expect("open"), 2);
    };
    ask(&HeapDisk::new());
    ask(&SimDisk::new(HeapDisk::new()));
    ask(&FaultDisk::new(Arc::new(HeapDisk::new())));
    if !cfg!(miri) {
        let dir = tempfile::tempdir().expect("temporary directory");
        ask(&OsDisk::open(dir.path()).expect("exists"));
    }
}

#[test]
fn an_overlay_changes_nothing_below() {
    let base = HeapDisk::new();
    base.create_dir_all(Path::new("d")).expect("made");
    for path in ["a", "b", "d/c", "lock"] {
        let file = base.create(Path::new(path), 9000).expect("made");
        file.write_at(8000, path.as_bytes()).expect("written");
    }
    let before: Vec<_> = ["a", "b", "d/c", "lock"].map(|path| contents(&base, path)).into();
    let disk = OverlayDisk::new(Arc::new(base.clone()));

    let lock = disk.lock(Path::new("lock"), Access::Write).expect("free").expect("there");
    lock.set_len(0).expect("cut");
    assert!(matches!(base.lock(Path::new("lock"), Access::Write), Err(Error::Locked { .. })));
    let a = disk.open(Path::new("a"), Access::Write).expect("there");
    a.write_at(4090, b"across pages").expect("written");
    let view = a.map_private().expect("mapped");
    assert_eq!(view.bytes(4090, 12), Some(&b"across pages"[..]));
    assert_eq!(view.bytes(8000, 1), Some(&b"a"[..]));
    a.set_len(100).expect("cut");
    a.set_len(9000).expect("extended");
    assert_eq!(contents(&disk, "a"), vec![0; 9000]);
    assert_eq!(a.map_private().expect("mapped").bytes(0, 9000), Some(&[0; 9000][..]));
    disk.rename(Path::new("b"), Path::new("n")).expect("renamed");
    assert_eq!(contents(&disk, "n"), before[1]);
    disk.remove_dir_all(Path::new("d")).expect("removed");
    disk.create_dir_all(Path::new("d")).expect("made");
    assert_eq!(names(&disk, "d"), []);
    let seen: Vec<_> = names(&disk, "").into_iter().map(|(name, _)| name).collect();
    assert_eq!(seen, ["a", "d", "lock", "n"]);

    let after: Vec<_> = ["a", "b", "d/c", "lock"].map(|path| contents(&base, path)).into();
    assert!(before == after);
    drop(lock);
    base.lock(Path::new("lock"), Access::Write).expect("free again");
}

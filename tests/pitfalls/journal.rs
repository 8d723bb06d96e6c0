//! Items 45 to 51: the journal of an engine that is open, as a crash would leave it.

use std::path::Path;

use tallymap_tests::journal_bytes::{ALIGNMENT, hash};

use crate::reader::Numbers;

#[test]
fn item_45_known_hashes() {
    let bytes: Vec<u8> = (0..50).collect();
    assert_eq!(hash(&bytes).to_vec(), crate::files::hex("291b1e2124272a2d525366696c6f7275"));
    let bytes: Vec<u8> = (0..127_u32).map(|i| (37 * i + 11) as u8).collect();
    assert_eq!(hash(&bytes).to_vec(), crate::files::hex("e79b9ea1a4a7aaad015fb1b6b3b0adaa"));
}

/// What the entries of a journal were.
#[derive(Debug, Default)]
pub struct Journal {
    pub sections: usize,
    pub writes: usize,
    pub created: Vec<String>,
}

/// Checks every file, section and entry of the journal in `dbpath`.
pub fn check(dbpath: &Path) -> Journal {
    let folder = dbpath.join("journal");
    let mut numbers: Vec<u32> = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("journal/") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        numbers.extend(name.strip_prefix("j._").map(|n| n.parse::<u32>().expect("a number")));
    }
    numbers.sort_unstable();
    assert!(!numbers.is_empty(), "there is a journal");
    let consecutive = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(consecutive, "item 51: files {numbers:?}");
    if let Ok(lsn) = std::fs::read(folder.join("lsn")) {
        assert_eq!(lsn.len(), 88);
        assert_eq!(lsn.u32_at(0), 0, "item 49: version of lsn");
        assert_eq!(lsn.u64_at(8), !lsn.u64_at(16), "item 49: lsn and its check");
    }
    let mut journal = Journal::default();
    let mut last = None;
    for n in numbers {
        check_file(&folder.join(format!("j._{n}")), &mut last, &mut journal);
    }
    journal
}

fn check_file(path: &Path, last: &mut Option<u64>, journal: &mut Journal) {
    let file = std::fs::read(path).expect("a journal file");
    assert_eq!((&file[..2], file.u16_at(2)), (&b"j\n"[..], 0x4149), "magic, version");
    assert_eq!(&file[8190..8192], b"\n\n", "end of the header");
    let file_id = file.u64_at(156);
    assert_ne!(file_id, 0, "fileId");
    let mut at = ALIGNMENT;
    while at < file.len() {
        let len = file.u32_at(at) as usize;
        if len == 0 {
            assert!(file[at..].iter().all(|b| *b == 0), "item 46: nothing after the last section");
            return;
        }
        let seq = file.u64_at(at + 4);
        assert!(last.is_none_or(|last| last < seq), "item 50: {last:?}, then {seq}");
        *last = Some(seq);
        assert_eq!(file.u64_at(at + 12), file_id, "item 46: fileId of the section at {at}");
        let footer = at + len - 32;
        assert_eq!(file.u32_at(footer), 0xffff_ffff, "item 46: sectionLen is not padded");
        let stored: [u8; 16] = file.bytes_at(footer + 4);
        assert_eq!(hash(&file[at..footer]), stored, "item 45: hash of the section at {at}");
        assert_eq!(&file[footer + 28..footer + 32], b"\n\n\n\n", "end of the section");
        let payload = snap::raw::Decoder::new().decompress_vec(&file[at + 20..footer]);
        check_entries(&payload.expect("item 48: raw snappy"), journal);
        journal.sections += 1;
        at += len.next_multiple_of(ALIGNMENT);
    }
    assert_eq!(at, file.len(), "item 46: the file ends where a section does");
}

fn text(bytes: &[u8]) -> String {
    let len = bytes.iter().position(|b| *b == 0).expect("ends in NUL");
    String::from_utf8(bytes[..len].to_vec()).expect("text")
}

fn check_entries(payload: &[u8], journal: &mut Journal) {
    let mut context: Option<String> = None;
    let mut wrote = false;
    let mut at = 0;
    while at < payload.len() {
        match payload.u32_at(at) {
            0xffff_fffe => {
                let name = text(&payload[at + 4..]);
                at += 5 + name.len();
                assert!(payload.u32_at(at) < 0xffff_f000, "a context comes before a write");
                context = Some(name);
            }
            0xffff_fffd => {
                assert!(!wrote, "item 47: operations come before writes");
                let name = text(&payload[at + 28..]);
                at += 29 + name.len();
                journal.created.push(name);
            }
            len @ 1..0xffff_f000 => {
                wrote = true;
                let is_local = payload.i32_at(at + 8) < 0;
                assert!(is_local || context.is_some(), "item 47: a write without a database");
                at += 12 + len as usize;
                assert!(at <= payload.len(), "a write is whole");
                journal.writes += 1;
            }
            other => panic!("an entry that begins with {other:#x}"),
        }
    }
}

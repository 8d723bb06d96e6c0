//! A gather that has begun, and units of work that go on: its section is what the files were when
//! it began, to the byte, and what is changed meanwhile is of the next one.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::disk::HeapDisk;
use crate::file_id::Layout;
use crate::journal::dirty_lines::Set;
use crate::journal::payload::{Builder, Entry, entries};
use crate::limits::{LINE, PAGE};
use crate::rounds::rounds;

/// What is looked at: so many pages of the first data file, from here on.
const FROM: usize = 2 * PAGE;
const LEN: usize = 24 * PAGE;

/// Begins a gather while no unit of work is under way. Gives the marks that it takes, and what
/// the file is at that moment.
fn begin(journal: &Journal, files: &DatabaseFiles) -> (Set, Vec<u8>) {
    let _still = journal.side.close();
    let set = journal.side.gathering.begin(Some(Builder::new(Layout::Flat, Vec::new())));
    journal.side.begin_gather();
    (set, bytes(files, at(FROM as i32), LEN))
}

/// Takes the rest of a gather and carries it out on `image`. Gives the number of bytes gathered.
fn end(journal: &Journal, files: &DatabaseFiles, set: Set, image: &mut [u8]) -> usize {
    files.files().for_each(|file| file.gather(set, &journal.side));
    let payload = journal.side.gathering.end().flatten().expect("begun").into_payload();
    let mut gathered = 0;
    for entry in entries(Layout::Flat, &payload) {
        let Entry::Write { file, ofs, bytes, .. } = entry.expect("readable") else { continue };
        assert_eq!(file, FileNo(0), "nothing else was changed");
        image[ofs as usize - FROM..][..bytes.len()].copy_from_slice(bytes);
        gathered += bytes.len();
    }
    gathered
}

/// A database of which nothing is dirty.
fn clean() -> (Journal, Arc<DatabaseFiles>) {
    let journal = open(HeapDisk::new());
    let files = new_database(&journal, "a");
    journal.commit().expect("committed");
    (journal, files)
}

/// Lines are changed, a gather begins, then the very same, or others of the same pages, are
/// changed: before the gatherer has come to the page, and after.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_gather_has_what_was_there_when_it_began() {
    let place = |page: usize, line: usize| FROM + page * PAGE + line * LINE;
    // Of some length, to begin with: one line of the first page; the end of it and the
    // beginning of the next.
    let before = [(place(0, 3) + 7, 20), (place(1, 0) - 30, 60)];
    let meanwhile = [
        (place(0, 3) + 7, 20),          // the same bytes
        (place(0, 3) + 7, 1),           // some of them
        (place(0, 3), LINE),            // all of the line
        (place(0, 10), 1),              // another line of the page
        (place(0, 0), PAGE),            // all of the page
        (place(1, 0) - 1, 2),           // over the border of two pages
        (place(0, 40), 2 * PAGE),       // three pages
        (place(2, 0), 5),               // a page that was not changed before
        (place(0, 0), 24 * PAGE - 100), // everything
    ];
    for (first, len) in before {
        for (second, second_len) in meanwhile {
            for late in [false, true] {
                println!("{len} at {first}, then {second_len} at {second}, late: {late}");
                let (journal, files) = clean();
                let mut image = bytes(&files, at(FROM as i32), LEN);
                write(&files, &[(at(first as i32), &vec![1; len])]).expect("written");
                let (set, began) = begin(&journal, &files);
                let change = || {
                    write(&files, &[(at(second as i32), &vec![2; second_len])]).expect("written")
                };
                if !late {
                    change();
                }
                let gathered = end(&journal, &files, set, &mut image);
                assert!(image == began, "not what was there when it began");
                assert!((len..len + 2 * LINE).contains(&gathered), "{gathered} bytes gathered");
                if late {
                    change();
                }
                let (set, began) = begin(&journal, &files);
                end(&journal, &files, set, &mut image);
                assert!(image == began, "the next gather has not all that was changed");
                assert!(bytes(&files, at(FROM as i32), LEN) == image);
            }
        }
    }
}

/// A gather ends in the middle of a unit, which is then rolled back: nothing of it is left, in
/// this gather or in the next.
#[test]
fn a_unit_that_is_undone_beside_a_gather() {
    let (journal, files) = clean();
    let mut image = bytes(&files, at(FROM as i32), LEN);
    write(&files, &[(at(FROM as i32), &[1; 100])]).expect("written");
    let (set, began) = begin(&journal, &files);
    {
        let lock = StructureLock::new(());
        let mut exclusive = lock.exclusive();
        let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
        unit.write(at(FROM as i32 + 50), &[2; 5000]).expect("inside");
        end(&journal, &files, set, &mut image);
        assert!(image == began);
    }
    let (set, again) = begin(&journal, &files);
    end(&journal, &files, set, &mut image);
    assert!(again == began && image == began);
}

/// Threads change bytes of their own on the same pages, several pages in a unit, and gathers go
/// on beside them: each is the file as it was at its beginning.
#[test]
fn gathers_beside_threads() {
    const THREADS: usize = 3;
    let (journal, files) = clean();
    let mut image = bytes(&files, at(FROM as i32), LEN);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (files, over) = (&files, &over);
            scope.spawn(move || {
                let mut random = oorandom::Rand32::new(thread as u64);
                for value in 1u64.. {
                    let places: [i32; 3] = std::array::from_fn(|_| {
                        let line = random.rand_range(0..(LEN / LINE) as u32) as usize;
                        (FROM + line * LINE + thread * 8) as i32
                    });
                    let value = value.to_le_bytes();
                    write(files, &places.map(|ofs| (at(ofs), &value[..]))).expect("written");
                    if over.load(Relaxed) {
                        break;
                    }
                }
            });
        }
        for gather in 0..rounds(400) {
            let (set, began) = begin(&journal, &files);
            std::thread::yield_now();
            end(&journal, &files, set, &mut image);
            if image != began {
                over.store(true, Relaxed);
                panic!("gather {gather} is not what was there when it began");
            }
        }
        over.store(true, Relaxed);
    });
    let (set, began) = begin(&journal, &files);
    end(&journal, &files, set, &mut image);
    assert!(image == began && bytes(&files, at(FROM as i32), LEN) == image, "a write is lost");
}

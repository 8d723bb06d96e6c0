//! Cursors: their batches, their owners, their end.

use bson::rawdoc;

use super::*;

fn cursor(documents: i32, limit: u64) -> OpenCursor {
    let documents = (0..documents).map(|n| rawdoc! { "_id": n }).collect();
    OpenCursor::new(Source::Ready(documents), "d.c".into(), limit, None)
}

fn batch(cursor: &mut OpenCursor, count: u64) -> u64 {
    cursor.put_batch(&mut Builder::new(), "b", count).expect("a batch")
}

#[test]
fn a_batch_as_long_as_all_leaves_the_cursor_open() {
    let mut open = cursor(3, 0);
    assert_eq!((batch(&mut open, 3), open.is_done()), (3, false));
    assert_eq!((batch(&mut open, 3), open.is_done()), (0, true));
    let mut open = cursor(3, 3);
    assert_eq!((batch(&mut open, 3), open.is_done()), (3, true));
    let mut open = cursor(3, 0);
    assert_eq!((batch(&mut open, 0), open.is_done()), (0, false));
}

#[test]
fn a_batch_has_16_mib_or_one_document() {
    let large = "x".repeat(9 << 20);
    let documents = (0..3).map(|n| rawdoc! { "_id": n, "large": large.as_str() }).collect();
    let mut open = OpenCursor::new(Source::Ready(documents), "d.c".into(), 0, None);
    assert_eq!([1, 1, 1, 0], std::array::from_fn(|_| batch(&mut open, 10)));
    assert!(open.is_done());
}

#[test]
fn numbers_lead_to_cursors_until_they_are_killed() {
    let cursors = Cursors::default();
    let id = cursors.keep(cursor(3, 0)).expect("kept");
    assert!(id > 0);
    let code =
        |id, ns| cursors.take(id, ns, None, &Owner::default()).map(|_| ()).unwrap_err().code();
    assert_eq!(code(id, "d.other"), 13);
    assert_eq!(code(id.wrapping_add(1), "d.c"), 43);
    assert_eq!(
        cursors
            .take(id, "d.c", Some(SessionId::new([1; 16])), &Owner::default())
            .unwrap_err()
            .code(),
        50736
    );
    let taken = cursors.take(id, "d.c", None, &Owner::default()).expect("there");
    assert_eq!(code(id, "d.c"), 12051);
    cursors.put_back(id, taken);
    let taken = cursors.take(id, "d.c", None, &Owner::default()).expect("there");
    assert!(cursors.kill(id, Some("d.c")) && !cursors.kill(id, None));
    cursors.put_back(id, taken);
    assert_eq!((code(id, "d.c"), cursors.open().total), (43, 0));
}

#[test]
fn what_nobody_uses_is_dropped() {
    let cursors = Cursors::default();
    let id = cursors.keep(cursor(3, 0)).expect("kept");
    let mut lasting = cursor(3, 0);
    lasting.has_timeout = false;
    let lasting = cursors.keep(lasting).expect("kept");
    cursors.lock().sweep(Instant::now() + Duration::from_millis(TIMEOUT_MS) + SWEEP_INTERVAL);
    assert!(!cursors.kill(id, None) && cursors.kill(lasting, None));
}

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
fn a_batch_of_small_documents_has_16_mib_with_their_names() {
    let documents: VecDeque<_> = (0..1_000_000).map(|n| rawdoc! { "_id": n }).collect();
    let mut open = OpenCursor::new(Source::Ready(documents), "d.c".into(), 0, None);
    let mut given = 0;
    while !open.is_done() {
        let mut out = Builder::new();
        given += open.put_batch(&mut out, "b", u64::MAX).expect("a batch");
        assert!(out.finish().len() < DOCUMENT_LEN_MAX + (16 << 10));
    }
    assert_eq!(given, 1_000_000);
}

#[test]
fn a_session_that_ends_takes_cursors_along_that_are_in_use() {
    let cursors = Cursors::default();
    let [mine, other] = [1, 2].map(|n| Some(SessionId::new([n; 16])));
    let keep = |session| {
        let documents = [rawdoc! { "_id": 1 }].into();
        let open = OpenCursor::new(Source::Ready(documents), "d.c".into(), 0, session);
        cursors.keep(open).expect("kept")
    };
    let ids = [keep(mine), keep(mine), keep(other)];
    let take = |id, session| cursors.take(id, "d.c", session, &Owner::default());
    let (taken, others) = (take(ids[0], mine).expect("there"), take(ids[2], other).expect("there"));
    mine.into_iter().for_each(|mine| cursors.kill_session(mine, Some(&Owner::default())));
    cursors.put_back(ids[0], taken);
    cursors.put_back(ids[2], others);
    let code = |id, session| take(id, session).map_or_else(|failure| failure.code(), |_| 0);
    assert_eq!([code(ids[0], mine), code(ids[1], mine), code(ids[2], other)], [43, 43, 0]);
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

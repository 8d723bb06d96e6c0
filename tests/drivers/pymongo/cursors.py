"""Cursors: batches, limits, tailing, killing, exhaust, sessions."""

import time

from pymongo import CursorType
from pymongo.errors import CursorNotFound, OperationFailure

from harness import check, client, equal, fails


@check
def batches_of_every_size(db, _):
    db.c.insert_many([{"_id": n} for n in range(1000)])
    for size in (2, 3, 7, 101, 999, 1000, 1001, 5000):
        got = [d["_id"] for d in db.c.find(batch_size=size).sort("_id", 1)]
        equal(got, list(range(1000)), "batches of %d" % size)
        got = sorted(d["_id"] for d in db.c.aggregate([{"$match": {}}], batchSize=size))
        equal(got, list(range(1000)), "aggregated batches of %d" % size)
    for limit in (1, 2, 100, 101, 102, 500, -3):
        got = [d["_id"] for d in db.c.find(limit=limit, batch_size=50).sort("_id", 1)]
        equal(got, list(range(abs(limit))), "limit %d" % limit)


@check
def large_batches_are_cut(db, _):
    db.c.insert_many([{"_id": n, "t": "x" * 500000} for n in range(80)])
    equal([d["_id"] for d in db.c.find().sort("_id", 1)], list(range(80)))
    equal(len(list(db.c.find(cursor_type=CursorType.EXHAUST))), 80)


@check
def killed_cursors_are_gone(db, admin):
    db.c.insert_many([{"_id": n} for n in range(300)])
    cursor = db.c.find(batch_size=10)
    next(cursor)
    reply = db.command("killCursors", "c", cursors=[cursor.cursor_id])
    equal(reply["cursorsKilled"], [cursor.cursor_id])
    equal(reply["cursorsNotFound"], [])
    fails(CursorNotFound, 43, lambda: list(cursor))
    reply = db.command("killCursors", "c", cursors=[cursor.cursor_id])
    equal(reply["cursorsNotFound"], [cursor.cursor_id])


@check
def rewound_and_cloned(db, _):
    db.c.insert_many([{"_id": n} for n in range(300)])
    cursor = db.c.find(batch_size=100)
    first = [next(cursor) for _ in range(150)]
    equal(len(list(cursor.clone())), 300)
    cursor.rewind()
    equal([next(cursor) for _ in range(150)], first)


@check
def tailing_a_capped_collection(db, _):
    db.create_collection("log", capped=True, size=100000)
    db.log.insert_many([{"_id": n} for n in range(3)])
    cursor = db.log.find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(200)
    equal([next(cursor)["_id"] for _ in range(3)], [0, 1, 2])
    began = time.time()
    equal(next(cursor, None), None)
    equal(cursor.alive, True)
    assert time.time() - began < 5
    db.log.insert_one({"_id": 3})
    equal(next(cursor)["_id"], 3)
    db.plain.insert_one({})
    fails(OperationFailure, 2, lambda: list(db.plain.find(cursor_type=CursorType.TAILABLE)))


@check
def sessions(db, shared):
    db.c.insert_many([{"_id": n} for n in range(300)])
    with shared.start_session() as session:
        equal(len(list(db.c.find(session=session, batch_size=20))), 300)
        equal(db.c.insert_one({"_id": "s"}, session=session).inserted_id, "s")
        equal(db.c.find_one({"_id": "s"}, session=session), {"_id": "s"})
    with shared.start_session(causal_consistency=True) as session:
        equal(db.c.count_documents({}, session=session), 301)
    with client() as other:
        cursor = other.drivers.c.find(batch_size=2)
        next(cursor)  # left open, as is its session
    equal(db.c.count_documents({}), 301)


@check
def raw_batches(db, _):
    db.c.insert_many([{"_id": n} for n in range(250)])
    batches = list(db.c.find_raw_batches(batch_size=100))
    equal(len(batches), 3)
    equal(sum(len(b) for b in batches), 250 * len(batches[0]) // 100)

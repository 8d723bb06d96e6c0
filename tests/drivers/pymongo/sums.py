"""Many clients at once; nothing is lost."""

import threading

from pymongo import UpdateOne, WriteConcern

from harness import check, client, equal

THREADS, TIMES = 8, 250


def together(work):
    """Runs `work(number)` in eight threads; raises what one of them raised."""
    raised = []

    def one(number):
        try:
            work(number)
        except Exception as error:
            raised.append(error)
    threads = [threading.Thread(target=one, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


@check
def increments_of_many_threads(db, _):
    def work(number):
        for n in range(TIMES):
            db.c.update_one({"_id": "all"}, {"$inc": {"n": 1, "by.%d" % number: n}}, upsert=True)
    together(work)
    each = TIMES * (TIMES - 1) // 2
    equal(db.c.find_one(), {"_id": "all", "n": THREADS * TIMES,
                            "by": {str(n): each for n in range(THREADS)}}, "sums")


@check
def find_and_modify_gives_each_number_once(db, _):
    db.c.insert_one({"_id": "next", "n": 0})
    taken = [[] for _ in range(THREADS)]

    def work(number):
        for _ in range(TIMES):
            taken[number].append(db.c.find_one_and_update({"_id": "next"}, {"$inc": {"n": 1}})["n"])
    together(work)
    equal(sorted(n for part in taken for n in part), list(range(THREADS * TIMES)))


@check
def bulks_and_journalled_ones(db, _):
    durable = db.get_collection("c", write_concern=WriteConcern(j=True))

    def work(number):
        for n in range(10):
            steps = [UpdateOne({"_id": (number + k) % 5}, {"$inc": {"n": 1}}, upsert=True)
                     for k in range(50)]
            durable.bulk_write(steps, ordered=bool(n % 2))
    together(work)
    equal(sum(d["n"] for d in db.c.find()), THREADS * 10 * 50)


@check
def clients_come_and_go(db, _):
    def work(number):
        for _ in range(5):
            with client() as other:
                other.drivers.c.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
    db.c.insert_one({"_id": 1, "n": 0})
    together(work)
    equal(db.c.find_one(), {"_id": 1, "n": THREADS * 5})

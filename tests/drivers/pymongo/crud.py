"""Inserts, finds, updates and deletes by every helper, beside a dictionary that does the same."""

import random

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, WriteConcern

from harness import IS_3, check, equal


@check
def inserts_tell_their_ids(db, _):
    given = db.c.insert_one({"_id": "a", "n": 1})
    equal(given.inserted_id, "a")
    made = db.c.insert_one({"n": 2}).inserted_id
    equal(type(made), ObjectId)
    many = db.c.insert_many([{"_id": n} for n in range(5)])
    equal(many.inserted_ids, [0, 1, 2, 3, 4])
    equal(db.c.count_documents({}), 7)
    equal(db.c.estimated_document_count(), 7)


@check
def updates_tell_what_they_did(db, _):
    db.c.insert_many([{"_id": n, "n": n, "even": n % 2 == 0} for n in range(10)])
    one = db.c.update_one({"_id": 3}, {"$inc": {"n": 10}})
    equal((one.matched_count, one.modified_count, one.upserted_id), (1, 1, None))
    same = db.c.update_one({"_id": 3}, {"$set": {"n": 13}})
    equal((same.matched_count, same.modified_count), (1, 0))
    many = db.c.update_many({"even": True}, {"$mul": {"n": 2}})
    equal((many.matched_count, many.modified_count), (5, 4), "0 times 2 is no change")
    new = db.c.update_one({"_id": 99}, {"$set": {"n": 1}}, upsert=True)
    equal((new.matched_count, new.modified_count, new.upserted_id), (0, 0, 99))
    whole = db.c.replace_one({"_id": 99}, {"other": True})
    equal((whole.matched_count, whole.modified_count), (1, 1))
    equal(db.c.find_one({"_id": 99}), {"_id": 99, "other": True})
    none = db.c.replace_one({"_id": "none"}, {"x": 1})
    equal((none.matched_count, none.modified_count), (0, 0))
    piped = db.c.update_many({}, [{"$set": {"twice": {"$multiply": ["$n", 2]}}}])
    equal(piped.matched_count, 11)
    equal(db.c.find_one({"_id": 3})["twice"], 26)


@check
def array_filters_and_hints(db, _):
    db.c.insert_one({"_id": 1, "a": [{"k": 1, "n": 0}, {"k": 2, "n": 0}]})
    db.c.update_one({"_id": 1}, {"$inc": {"a.$[e].n": 5}}, array_filters=[{"e.k": 2}])
    equal(db.c.find_one()["a"], [{"k": 1, "n": 0}, {"k": 2, "n": 5}])
    db.c.create_index("k")
    if not IS_3:
        done = db.c.update_one({"_id": 1}, {"$set": {"k": 1}}, hint="_id_")
        equal(done.modified_count, 1)
    equal(db.c.delete_one({"_id": 1}, **({} if IS_3 else {"hint": [("k", 1)]})).deleted_count, 1)


@check
def deletes_tell_how_many(db, _):
    db.c.insert_many([{"_id": n, "odd": n % 2} for n in range(10)])
    equal(db.c.delete_one({"odd": 1}).deleted_count, 1)
    equal(db.c.delete_many({"odd": 1}).deleted_count, 4)
    equal(db.c.delete_many({"odd": 1}).deleted_count, 0)
    equal(sorted(d["_id"] for d in db.c.find()), [0, 2, 4, 6, 8])


@check
def finds_as_asked(db, _):
    docs = [{"_id": n, "a": n % 3, "b": -n} for n in range(30)]
    db.c.insert_many(docs)
    got = list(db.c.find({"a": 1}, {"b": 1}).sort("_id", DESCENDING).skip(2).limit(3))
    rest = [{"_id": d["_id"], "b": d["b"]} for d in reversed(docs) if d["a"] == 1]
    equal(got, rest[2:5])
    equal(list(db.c.find().sort([("a", ASCENDING), ("b", ASCENDING)])),
          sorted(docs, key=lambda d: (d["a"], d["b"])))
    equal(sorted(db.c.distinct("a", {"_id": {"$lt": 2}})), [0, 1])
    equal(db.c.find_one({"_id": "none"}), None)
    equal(db.c.count_documents({"a": 0}, skip=1, limit=5), 5)


@check
def random_writes_as_a_dictionary_does_them(db, _):
    rng, model = random.Random(13), {}
    for _ in range(400):
        key, step = rng.randrange(40), rng.randrange(1, 9)
        what = rng.randrange(6)
        if what == 0:
            equal(db.c.delete_one({"_id": key}).deleted_count, int(key in model))
            model.pop(key, None)
        elif what == 1:
            db.c.replace_one({"_id": key}, {"n": step}, upsert=True)
            model[key] = step
        elif what == 2:
            touched = db.c.update_many({"n": {"$gt": 20}}, {"$inc": {"n": -step}}).modified_count
            large = [k for k, n in model.items() if n > 20]
            equal(touched, len(large))
            for k in large:
                model[k] -= step
        else:
            db.c.update_one({"_id": key}, {"$inc": {"n": step}}, upsert=True)
            model[key] = model.get(key, 0) + step
    equal({d["_id"]: d["n"] for d in db.c.find()}, model)
    total = next(iter(db.c.aggregate([{"$group": {"_id": None, "n": {"$sum": "$n"}}}])))["n"]
    equal(total, sum(model.values()))


@check
def write_concerns(db, _):
    durable = db.get_collection("c", write_concern=WriteConcern(w=1, j=True))
    for n in range(5):
        equal(durable.insert_one({"_id": n}).acknowledged, True)
    silent = db.get_collection("c", write_concern=WriteConcern(w=0))
    for n in range(5, 300):
        equal(silent.insert_one({"_id": n}).acknowledged, False)
    silent.insert_one({"_id": 7})  # fails, and nobody is told
    silent.update_one({"_id": 1}, {"$set": {"x": 1}})
    silent.delete_one({"_id": 2})
    seen = 0
    for _ in range(1000):  # another connection may be served first
        seen = db.c.count_documents({})
        if seen == 299 and db.c.find_one({"_id": 1}) == {"_id": 1, "x": 1}:
            break
    equal(seen, 299)
    majority = db.get_collection("c", write_concern=WriteConcern(w="majority", wtimeout=1000))
    equal(majority.delete_one({"_id": 1}).deleted_count, 1)

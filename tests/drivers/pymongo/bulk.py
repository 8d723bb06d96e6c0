"""Bulk writes, ordered and not, and what is told of their failures."""

from pymongo import (DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne)
from pymongo.errors import BulkWriteError

from harness import IS_3, check, equal, fails


@check
def every_kind_in_one(db, _):
    db.c.insert_many([{"_id": n, "n": n} for n in range(5)])
    result = db.c.bulk_write([
        InsertOne({"_id": 10, "n": 10}),
        UpdateOne({"_id": 1}, {"$set": {"n": 100}}),
        UpdateMany({"n": {"$lt": 5}}, {"$inc": {"n": 1}}),
        UpdateOne({"_id": 77}, {"$set": {"n": 7}}, upsert=True),
        ReplaceOne({"_id": 78}, {"n": 8}, upsert=True),
        DeleteOne({"_id": 0}),
        DeleteMany({"n": {"$gte": 10}}),
    ])
    equal(result.inserted_count, 1)
    equal(result.matched_count, 5)
    equal(result.modified_count, 5)
    equal(result.upserted_ids, {3: 77, 4: 78})
    equal(result.deleted_count, 3)
    equal(sorted((d["_id"], d["n"]) for d in db.c.find()), [(2, 3), (3, 4), (4, 5), (77, 7), (78, 8)])


def with_duplicates():
    return [InsertOne({"_id": n % 7}) for n in range(10)] + [UpdateOne({"_id": 0}, {"$bad": {"a": 1}}),
                                                             InsertOne({"_id": "last"})]


@check
def ordered_ends_at_the_first_failure(db, _):
    details = fails(BulkWriteError, 65, lambda: db.c.bulk_write(with_duplicates())).details
    equal(details["nInserted"], 7)
    equal([(e["index"], e["code"]) for e in details["writeErrors"]], [(7, 11000)])
    equal(details["writeErrors"][0]["keyValue"], {"_id": 0})
    equal(details["writeErrors"][0]["keyPattern"], {"_id": 1})
    equal(db.c.count_documents({}), 7)


@check
def unordered_goes_on(db, _):
    def do():
        db.c.bulk_write(with_duplicates(), ordered=False)
    details = fails(BulkWriteError, 65, do).details
    equal(details["nInserted"], 8)
    found = sorted((e["index"], e["code"]) for e in details["writeErrors"])
    equal(found, [(7, 11000), (8, 11000), (9, 11000), (10, 9)])
    equal(db.c.count_documents({"_id": "last"}), 1)


@check
def insert_many_with_duplicates(db, _):
    docs = [{"_id": n} for n in [1, 2, 2, 3, 1, 4]]
    ordered = fails(BulkWriteError, 65, lambda: db.a.insert_many(docs)).details
    equal((ordered["nInserted"], len(ordered["writeErrors"])), (2, 1))
    unordered = fails(BulkWriteError, 65, lambda: db.b.insert_many(docs, ordered=False)).details
    equal((unordered["nInserted"], [e["index"] for e in unordered["writeErrors"]]), (4, [2, 4]))


@check
def more_than_one_message(db, _):
    # Above maxWriteBatchSize, by one of the two drivers: it takes its time.
    many = 1000 if IS_3 else 100001
    db.c.insert_many({"_id": n} for n in range(many))
    equal(db.c.count_documents({}), many)
    large = "x" * 1000000
    db.c.insert_many({"_id": "l%d" % n, "t": large} for n in range(60))  # above 48 MB
    equal(db.c.count_documents({"t": {"$type": "string"}}), 60)

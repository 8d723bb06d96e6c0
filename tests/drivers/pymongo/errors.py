"""What is refused, with which number, name and fields."""

from pymongo.errors import (DuplicateKeyError, ExecutionTimeout, InvalidName, OperationFailure,
                            PyMongoError, WriteError)
from pymongo.write_concern import WriteConcern

from harness import check, equal, fails


@check
def duplicate_keys(db, _):
    db.c.insert_one({"_id": 1})
    raised = fails(DuplicateKeyError, 11000, lambda: db.c.insert_one({"_id": 1}))
    equal(raised.details["keyPattern"], {"_id": 1})
    equal(raised.details["keyValue"], {"_id": 1})
    equal(raised.details["errmsg"],
          "E11000 duplicate key error collection: drivers.c index: _id_ dup key: { _id: 1 }")


@check
def names_of_codes(db, shared):
    def named(code, name, do):
        equal(fails(OperationFailure, code, do).details["codeName"], name)
    db.create_collection("made")
    named(59, "CommandNotFound", lambda: db.command("nonsense"))
    named(26, "NamespaceNotFound", lambda: db.command("drop", "none"))
    named(26, "NamespaceNotFound", lambda: db.command("listIndexes", "none"))
    named(48, "NamespaceExists", lambda: db.command("create", "made"))
    named(2, "BadValue", lambda: list(db.c.find({"$nonsense": 1})))
    named(9, "FailedToParse", lambda: db.command("findAndModify", "c"))
    named(14, "TypeMismatch", lambda: db.command("find", "c", filter=1))
    named(13, "Unauthorized", lambda: db.command("listDatabases"))
    named(40415, "Location40415", lambda: db.command("find", "c", nonsense=1))
    named(40324, "Location40324", lambda: list(db.c.aggregate([{"$nonsense": 1}])))
    named(73, "InvalidNamespace", lambda: db.command("create", "a$b"))
    named(76, "NoReplicationEnabled", lambda: shared.admin.command("replSetGetStatus"))


@check
def writes(db, _):
    db.c.insert_one({"_id": 1, "s": "text", "a": [1]})
    for code, update in ((14, {"$inc": {"s": 1}}), (9, {"$nonsense": {"a": 1}}), (66, {"$set": {"_id": 2}}),
                         (40, {"$set": {"a": 1}, "$inc": {"a": 1}}), (28, {"$set": {"s.t": 1}}),
                         (2, {"$push": {"s": 1}})):
        fails(WriteError, code, lambda u=update: db.c.update_one({"_id": 1}, u))
    equal(db.c.find_one(), {"_id": 1, "s": "text", "a": [1]})
    two = db.get_collection("c", write_concern=WriteConcern(w=2))
    fails(OperationFailure, 2, lambda: two.insert_one({"_id": 2}))
    equal(db.c.count_documents({}), 1, "nothing of w: 2 was written")


@check
def time_limits(db, _):
    db.c.insert_many([{"a": list(range(200))} for _ in range(2000)])
    slow = [{"$unwind": "$a"}, {"$group": {"_id": {"$multiply": ["$a", {"$rand": {}}]}}}]
    fails(ExecutionTimeout, 50, lambda: list(db.c.aggregate(slow, maxTimeMS=1)))


@check
def what_a_standalone_has_not(db, shared):
    fails(OperationFailure, 40573, lambda: list(db.c.watch()))
    with shared.start_session() as session:
        session.start_transaction()
        try:
            db.c.insert_one({"_id": 1}, session=session)
            raise AssertionError("a transaction began")
        except PyMongoError as error:
            assert getattr(error, "code", 20) == 20 and "ransaction" in str(error), error
        try:
            session.abort_transaction()
        except PyMongoError:
            pass
    equal(db.c.count_documents({}), 0)


@check
def names_that_are_none(db, shared):
    for name in ("a..b", ".a", "a.", ""):
        try:
            db[name].insert_one({})
            raise AssertionError("%r was taken" % name)
        except InvalidName:
            pass
    fails(OperationFailure, 73, lambda: db["x" * 300].insert_one({}))

"""findAndModify by its three helpers and as a command."""

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, OperationFailure

from harness import check, equal, fails


@check
def variants(db, _):
    db.c.insert_many([{"_id": n, "n": n, "k": n % 2} for n in range(6)])
    equal(db.c.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}), {"_id": 1, "n": 1, "k": 1})
    after = db.c.find_one_and_update({"k": 0}, {"$inc": {"n": 10}}, sort=[("n", -1)],
                                     projection={"n": 1}, return_document=ReturnDocument.AFTER)
    equal(after, {"_id": 4, "n": 14})
    equal(db.c.find_one_and_update({"_id": 50}, {"$set": {"n": 1}}, upsert=True), None)
    made = db.c.find_one_and_replace({"_id": 51}, {"n": 3}, upsert=True,
                                     return_document=ReturnDocument.AFTER)
    equal(made, {"_id": 51, "n": 3})
    equal(db.c.find_one_and_delete({}, sort=[("_id", -1)]), {"_id": 51, "n": 3})
    equal(db.c.find_one_and_delete({"_id": "none"}), None)
    arrays = db.c.find_one_and_update({"_id": 2}, [{"$set": {"s": {"$add": ["$n", 1]}}}],
                                      return_document=ReturnDocument.AFTER)
    equal(arrays["s"], 3)
    equal(sorted(d["_id"] for d in db.c.find()), [0, 1, 2, 3, 4, 5, 50])


@check
def the_whole_reply(db, _):
    reply = db.command("findAndModify", "c", query={"_id": 1}, update={"$inc": {"n": 1}}, upsert=True)
    equal(reply["lastErrorObject"], {"n": 1, "updatedExisting": False, "upserted": 1})
    equal(reply["value"], None)
    reply = db.command("findAndModify", "c", query={"_id": 1}, update={"$inc": {"n": 1}}, new=True)
    equal(reply["lastErrorObject"], {"n": 1, "updatedExisting": True})
    equal(reply["value"], {"_id": 1, "n": 2})
    reply = db.command("findAndModify", "c", query={"_id": 1}, remove=True)
    equal(reply["lastErrorObject"], {"n": 1})
    reply = db.command("findandmodify", "c", query={"_id": 1}, remove=True)
    equal(reply["lastErrorObject"], {"n": 0})


@check
def errors(db, _):
    db.c.insert_many([{"_id": 1, "u": 1}, {"_id": 2, "u": 2}])
    db.c.create_index("u", unique=True)
    raised = fails(DuplicateKeyError, 11000,
                   lambda: db.c.find_one_and_update({"_id": 1}, {"$set": {"u": 2}}))
    equal(raised.details["keyPattern"], {"u": 1})
    equal(raised.details["keyValue"], {"u": 2})
    fails(OperationFailure, 9, lambda: db.command("findAndModify", "c", query={}, remove=True,
                                                  update={"$set": {"a": 1}}))

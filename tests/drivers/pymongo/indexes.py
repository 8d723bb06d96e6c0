"""Indexes: made, listed, used, dropped."""

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from harness import check, equal, fails


@check
def made_and_listed(db, _):
    equal(db.c.create_index("a"), "a_1")
    equal(db.c.create_index([("a", ASCENDING), ("b", DESCENDING)], name="ab"), "ab")
    equal(db.c.create_indexes([IndexModel("h", name="hash"), IndexModel([("x", "hashed")])]),
          ["hash", "x_hashed"])
    db.c.create_index("s", sparse=True, unique=True)
    db.c.create_index("t", expireAfterSeconds=3600)
    db.c.create_index("p", partialFilterExpression={"p": {"$gt": 3}})
    info = db.c.index_information()
    equal(sorted(info), ["_id_", "a_1", "ab", "hash", "p_1", "s_1", "t_1", "x_hashed"])
    equal(info["ab"]["key"], [("a", 1), ("b", -1)])
    equal((info["s_1"]["unique"], info["s_1"]["sparse"]), (True, True))
    equal(info["t_1"]["expireAfterSeconds"], 3600)
    equal(dict(info["p_1"]["partialFilterExpression"]), {"p": {"$gt": 3}})
    db.c.drop_index("ab")
    db.c.drop_index([("a", ASCENDING)])
    fails(OperationFailure, 27, lambda: db.c.drop_index("ab"))
    equal(len(list(db.c.list_indexes())), 6)
    db.c.drop_indexes()
    equal(list(db.c.index_information()), ["_id_"])


@check
def conflicts(db, _):
    db.c.create_index("a")
    fails(OperationFailure, 86, lambda: db.c.create_index("a", unique=True))
    fails(OperationFailure, 85, lambda: db.c.create_index("a", name="other"))
    db.c.insert_many([{"d": 1}, {"d": 1}])
    raised = fails(DuplicateKeyError, 11000, lambda: db.c.create_index("d", unique=True))
    equal(raised.details["keyValue"], {"d": 1})
    fails(OperationFailure, 72, lambda: db.c.drop_index("_id_"))
    fails(OperationFailure, 197, lambda: db.command("createIndexes", "c", indexes=[
        {"key": {"z": 1}, "name": "z", "wrong": 1}]))


@check
def used_and_shown(db, _):
    db.c.insert_many([{"_id": n, "a": n % 10, "b": n} for n in range(200)])
    db.c.create_index([("a", 1), ("b", 1)])
    plan = db.c.find({"a": 3, "b": {"$gt": 50}}).sort("b", 1).explain()
    winner = plan["queryPlanner"]["winningPlan"]
    equal((winner["stage"], winner["inputStage"]["stage"]), ("FETCH", "IXSCAN"))
    equal(winner["inputStage"]["indexName"], "a_1_b_1")
    equal(plan["executionStats"]["nReturned"], 15)
    equal(plan["executionStats"]["totalKeysExamined"], 15)
    scan = db.c.find({"a": 3}).hint([("$natural", 1)]).explain()
    equal(scan["queryPlanner"]["winningPlan"]["stage"], "COLLSCAN")
    fails(OperationFailure, 2, lambda: list(db.c.find({"a": 3}).hint("none")))
    got = [d["b"] for d in db.c.find({"a": 3}).min([("a", 3), ("b", 100)])
           .max([("a", 3), ("b", 150)]).hint([("a", 1), ("b", 1)])]
    equal(got, [103, 113, 123, 133, 143])

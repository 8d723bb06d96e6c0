"""What tools and curious users ask."""

from pymongo.errors import OperationFailure

from harness import IS_3, check, equal, fails


@check
def lists(db, shared):
    db.one.insert_one({"a": 1})
    db.create_collection("two", capped=True, size=4096, max=5)
    equal(sorted(db.list_collection_names()), ["one", "two"])
    two = next(iter(db.list_collections(filter={"name": "two"})))
    equal((two["type"], two["options"]["capped"], two["options"]["max"]), ("collection", True, 5))
    equal(two["idIndex"]["key"], {"_id": 1})
    assert "drivers" in shared.list_database_names()
    info = next(iter(shared.list_databases(filter={"name": "drivers"})))
    equal(info["empty"], False)
    assert info["sizeOnDisk"] > 0


@check
def renames_and_drops(db, shared):
    db.one.insert_many([{"_id": n} for n in range(3)])
    db.one.rename("two")
    equal(sorted(db.list_collection_names()), ["two"])
    db.three.insert_one({"_id": 1})
    fails(OperationFailure, 48, lambda: db.two.rename("three"))
    db.two.rename("three", dropTarget=True)
    equal(db.three.count_documents({}), 3)
    db.drop_collection("three")
    db.drop_collection("three")
    equal(db.list_collection_names(), [])
    db.x.insert_one({})
    shared.drop_database("drivers")
    assert "drivers" not in shared.list_database_names()


@check
def statistics(db, shared):
    db.c.insert_many([{"_id": n, "t": "x" * 100} for n in range(500)])
    db.c.create_index("t")
    stats = db.command("collStats", "c")
    equal((stats["ns"], stats["count"], stats["nindexes"]), ("drivers.c", 500, 2))
    assert stats["size"] >= 500 * stats["avgObjSize"] > 0, stats
    whole = db.command("dbStats")
    equal(whole["db"], "drivers")
    # MMAPv1 counts the catalogue, which is collections too.
    assert whole["collections"] in (1, 3) and 500 <= whole["objects"] < 510, whole
    status = shared.admin.command("serverStatus")
    for part in ("connections", "opcounters", "mem", "network", "metrics", "storageEngine"):
        assert part in status, part
    before = status["opcounters"]["insert"]
    db.c.insert_many([{} for _ in range(7)])
    after = shared.admin.command("serverStatus")["opcounters"]["insert"]
    assert after >= before + 7, (before, after)
    equal(db.validate_collection("c")["valid"], True)


@check
def about_the_server(db, shared):
    info = shared.server_info()
    equal(info["version"][:4], "5.0.")
    equal(info["versionArray"][:2], [5, 0])
    hello = shared.admin.command("hello")
    equal((hello["isWritablePrimary"], hello["maxWireVersion"]), (True, 13))
    equal(shared.admin.command("ping")["ok"], 1.0)
    equal(shared.admin.command("isMaster")["ismaster"], True)
    assert "system" in shared.admin.command("hostInfo")
    assert "log" in shared.admin.command("getLog", "global")
    equal(shared.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"], [])
    assert "find" in shared.admin.command("listCommands")["commands"]
    version = shared.admin.command("getParameter", 1, featureCompatibilityVersion=1)
    equal(version["featureCompatibilityVersion"]["version"], "5.0")


@check
def profiling(db, _):
    equal(db.command("profile", 2)["was"], 0)
    try:
        db.c.insert_one({"_id": 1})
        list(db.c.find({"_id": 1}))
    finally:
        equal(db.command("profile", 0)["was"], 2)
    seen = [entry["op"] for entry in db.system.profile.find({"ns": "drivers.c"})]
    equal(sorted(seen), ["insert", "query"])
    if IS_3:
        equal(db.profiling_level(), 0)


@check
def capped_collections_forget(db, _):
    db.create_collection("log", capped=True, size=100000, max=10)
    db.log.insert_many([{"_id": n} for n in range(25)])
    equal([d["_id"] for d in db.log.find()], list(range(15, 25)))
    equal(db.log.options(), {"capped": True, "size": db.log.options()["size"], "max": 10})
    equal([d["_id"] for d in db.log.find().sort("$natural", -1).limit(2)], [24, 23])


@check
def modified_collections(db, _):
    db.c.create_index("t", expireAfterSeconds=100)
    reply = db.command("collMod", "c", index={"keyPattern": {"t": 1}, "expireAfterSeconds": 200})
    equal((reply["expireAfterSeconds_old"], reply["expireAfterSeconds_new"]), (100, 200))

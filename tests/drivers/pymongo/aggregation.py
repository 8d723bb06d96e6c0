"""Pipelines, compared with sums made here."""

from collections import Counter

from harness import check, equal

DOCS = [{"_id": n, "k": "abc"[n % 3], "n": n * 1.5, "tags": ["t%d" % (n % 4), "u"]} for n in range(300)]


@check
def groups(db, _):
    db.c.insert_many(DOCS)
    got = db.c.aggregate([
        {"$match": {"_id": {"$gte": 10}}},
        {"$group": {"_id": "$k", "n": {"$sum": "$n"}, "count": {"$sum": 1}, "max": {"$max": "$_id"}}},
        {"$sort": {"_id": 1}},
    ])
    docs = DOCS[10:]
    wanted = [{"_id": k, "n": sum(d["n"] for d in docs if d["k"] == k),
               "count": sum(d["k"] == k for d in docs), "max": max(d["_id"] for d in docs if d["k"] == k)}
              for k in "abc"]
    equal(list(got), wanted)


@check
def unwinds_and_sorts(db, _):
    db.c.insert_many(DOCS)
    got = db.c.aggregate([{"$unwind": "$tags"}, {"$sortByCount": "$tags"}])
    wanted = Counter(tag for d in DOCS for tag in d["tags"])
    equal({d["_id"]: d["count"] for d in got}, dict(wanted))


@check
def lookups_and_facets(db, _):
    db.c.insert_many(DOCS)
    db.names.insert_many([{"_id": "a", "name": "ay"}, {"_id": "b", "name": "bee"}])
    got = list(db.c.aggregate([
        {"$match": {"_id": {"$lt": 3}}}, {"$sort": {"_id": 1}},
        {"$lookup": {"from": "names", "localField": "k", "foreignField": "_id", "as": "names"}},
        {"$project": {"names.name": 1}},
    ]))
    equal([d["names"] for d in got], [[{"name": "ay"}], [{"name": "bee"}], []])
    facets = next(db.c.aggregate([{"$facet": {"n": [{"$count": "n"}], "top": [
        {"$sort": {"n": -1}}, {"$limit": 2}, {"$project": {"_id": 1}}]}}]))
    equal(facets, {"n": [{"n": 300}], "top": [{"_id": 299}, {"_id": 298}]})


@check
def writes_out(db, _):
    db.c.insert_many(DOCS)
    db.c.aggregate([{"$group": {"_id": "$k", "n": {"$sum": 1}}}, {"$out": "sums"}])
    equal({d["_id"]: d["n"] for d in db.sums.find()}, {"a": 100, "b": 100, "c": 100})
    db.c.aggregate([{"$match": {"k": "a"}}, {"$group": {"_id": "$k", "n": {"$sum": 2}}},
                    {"$merge": {"into": "sums", "whenMatched": "replace"}}])
    equal({d["_id"]: d["n"] for d in db.sums.find()}, {"a": 200, "b": 100, "c": 100})


@check
def of_a_database_and_of_statistics(db, _):
    db.c.insert_many(DOCS)
    stats = next(db.c.aggregate([{"$collStats": {"count": {}, "storageStats": {}}}]))
    equal(stats["count"], 300)
    equal(stats["storageStats"]["count"], 300)
    used = list(db.c.aggregate([{"$indexStats": {}}]))
    equal([u["name"] for u in used], ["_id_"])
    plan = db.command("aggregate", "c", pipeline=[{"$match": {"_id": 1}}], explain=True)
    equal(plan["ok"], 1.0)

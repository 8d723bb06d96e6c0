"""Operational Intelligence: finding and counting events, and getting rid of them (C-7 to C-13)."""

import random
from collections import Counter
from datetime import datetime, timedelta

from listing import of_2013, play, printed
from support import ArticleTest, looked, only_tallymap, server, stages

HOST = "127.0.0.1"
DAY = datetime(2000, 10, 10)
DAY_MS = 86_400_000
PATHS = ("/apache_pb.gif", "/index.html", "/a", "/b")
# Events of the day, and of those the ones of the host.
EVENTS, OURS = 1_296, 11


def made_up_events():
    """Three days of events, each at a time of its own; the last day is the article's."""
    chance = random.Random(1296)
    for day, count, ours in ((-2, 900, 7), (-1, 1_100, 9), (0, EVENTS, OURS)):
        hosts = [HOST] * ours + ["10.0.0.%d" % chance.randrange(250) for _ in range(count - ours)]
        chance.shuffle(hosts)
        times = chance.sample(range(DAY_MS), count)
        for host, time in zip(hosts, times):
            yield {"host": host, "path": chance.choice(PATHS),
                   "time": DAY + timedelta(days=day, milliseconds=time)}


class EventTest(ArticleTest):
    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)
        self.events = list(made_up_events())
        self.db.events.insert_many([dict(event) for event in self.events])

    def play(self, name, *repairs, **names):
        return play(printed(name, *repairs), db=self.then, datetime=datetime, **names)


class Queries(EventTest):
    def test_c7_events_of_a_page(self):
        found = self.play("C-7-path")["q_events"]
        expected = [event for event in self.events if event["path"] == "/apache_pb.gif"]
        explained = found.clone().explain()
        self.assertEqual((stages(explained), looked(explained)),
                         (["COLLSCAN"], (0, len(self.events), len(expected))))
        self.assertEqual(self.play("C-7-path-index")["_"], "path_1")
        explained = found.clone().explain()
        self.assertEqual((stages(explained), looked(explained)),
                         (["FETCH", "IXSCAN"], (len(expected),) * 3))
        self.assertEqual(len(list(found)), len(expected))

    def test_c7_size_of_an_index(self):
        self.play("C-7-path-index")
        sizes = self.play("C-7-index-size")["_"]
        self.assertEqual(set(sizes), {"_id_", "path_1"})
        stats = self.db.command("collstats", "events")
        self.assertEqual(stats["totalIndexSize"], sum(sizes.values()))
        self.assertEqual((stats["count"], stats["nindexes"]), (len(self.events), 2))
        self.assertGreaterEqual(stats["size"], stats["count"] * stats["avgObjSize"])

    def test_c7_events_of_a_date(self):
        with self.assertRaises(SyntaxError):
            self.play("C-7-date")
        braces = (("'time':", "{'time':"), ("11)})", "11)}})"))
        found = self.play("C-7-date", *braces)["q_events"]
        self.assertEqual(self.play("C-7-date-index")["_"], "time_1")
        explained = found.clone().explain()
        self.assertEqual((stages(explained), looked(explained)),
                         (["FETCH", "IXSCAN"], (EVENTS,) * 3))
        self.assertEqual(len(list(found)), EVENTS)

    def test_c8_recent_events_touch_the_right_end_of_the_index(self):
        self.play("C-7-date-index")
        recent = {"time": {"$gte": DAY + timedelta(hours=23)}}
        expected = sum(event["time"] >= recent["time"]["$gte"] for event in self.events)
        explained = self.db.events.find(recent).explain()
        self.assertEqual(looked(explained), (expected,) * 3)
        self.assertLess(expected, len(self.events) / 20)

    def test_c9_1296_keys_against_11(self):
        query = self.play("C-9-query")["q_events"]
        self.assertEqual(self.play("C-9-time-host")["_"], "time_1_host_1")
        explained = query.clone().explain()
        self.assertEqual(stages(explained), ["FETCH", "IXSCAN"])
        self.assertEqual(looked(explained), (EVENTS, OURS, OURS))
        self.assertEqual(self.play("C-9-host-time")["_"], "host_1_time_1")
        explained = query.clone().explain()
        self.assertEqual(looked(explained), (OURS, OURS, OURS))
        scan = explained["queryPlanner"]["winningPlan"]["inputStage"]
        self.assertEqual(scan["indexName"], "host_1_time_1")
        self.assertEqual(scan["indexBounds"]["host"], ['["127.0.0.1", "127.0.0.1"]'])
        self.assertEqual(scan["indexBounds"]["time"],
                         ["[new Date(971136000000), new Date(971222400000))"])

    def test_c10_hint(self):
        query = self.play("C-9-query")["q_events"]
        self.play("C-9-time-host")
        self.play("C-9-host-time")
        for hint, keys in (("time_1_host_1", EVENTS), ([("time", 1), ("host", 1)], EVENTS),
                           ("host_1_time_1", OURS), ([("host", 1), ("time", 1)], OURS)):
            self.assertEqual(looked(query.clone().hint(hint).explain()), (keys, OURS, OURS))
        everything = looked(query.clone().hint([("$natural", 1)]).explain())
        self.assertEqual(everything, (0, len(self.events), OURS))
        self.refused(2, list, query.clone().hint("no_such_index"))

    def test_c10_equality_then_sort_then_range(self):
        # The index by the rules needs no sort of its own; with the range first it does.
        query = {"host": HOST, "time": {"$gte": DAY, "$lt": DAY + timedelta(days=1)}}
        for keys in ([("host", 1), ("path", 1), ("time", 1)],
                     [("host", 1), ("time", 1), ("path", 1)]):
            name = self.db.events.create_index(keys)
            explained = self.db.events.find(query).sort("path", 1).hint(name).explain()
            self.assertEqual("SORT" in stages(explained), keys[1][0] == "time", keys)
            self.assertEqual(looked(explained)[1:], (OURS, OURS))


class Aggregation(EventTest):
    # Numbers that point at a figure's text, and the ends of $match and $project.
    REPAIRS = (("{ 1\n", "{\n"), ("{ 2\n", "{\n"), ("11,1) } }", "11,1) } } }"),
               ("Month': '$time' } } }", "Month': '$time' } } } }"))

    def hits(self, begin, end):
        """{(path, year, month, day): events}, counted without the server."""
        return Counter((event["path"], event["time"].year, event["time"].month, event["time"].day)
                       for event in self.events if begin <= event["time"] < end)

    @staticmethod
    def as_hits(documents):
        return {tuple(document["_id"][name] for name in "pymd"): document["hits"]
                for document in documents}

    def test_c11_as_printed(self):
        with self.assertRaises(SyntaxError):
            self.play("C-11")
        # MongoDB 2.x answered with a `result`; since 3.6 there is no answer without a cursor.
        error = self.refused(9, self.play, "C-11", *self.REPAIRS)
        self.assertIn("The 'cursor' option is required", str(error))

    def test_c11_requests_by_day_and_page(self):
        text = printed("C-11", *self.REPAIRS)
        text = text[:text.rindex("])")] + "], cursor={})"
        reply = play(text, db=self.then, datetime=datetime)["result"]
        self.assertEqual(reply["cursor"]["id"], 0)
        expected = self.hits(datetime(2000, 10, 1), datetime(2000, 11, 1))
        self.assertEqual(self.as_hits(reply["cursor"]["firstBatch"]), expected)
        self.assertEqual(sum(expected.values()), len(self.events))

    def test_c11_the_day_of_the_prose(self):
        # The text speaks of 10 to 11 October, the code counts the month.
        day = {"$gte": DAY, "$lt": DAY + timedelta(days=1)}
        found = self.db.events.aggregate([
            {"$match": {"time": day}},
            {"$project": {"path": 1, "date": {"y": {"$year": "$time"}, "m": {"$month": "$time"},
                                              "d": {"$dayOfMonth": "$time"}}}},
            {"$group": {"_id": {"p": "$path", "y": "$date.y", "m": "$date.m", "d": "$date.d"},
                        "hits": {"$sum": 1}}}])
        expected = self.hits(day["$gte"], day["$lt"])
        self.assertEqual(self.as_hits(found), expected)
        self.assertEqual(sum(expected.values()), EVENTS)

    def test_c12_where_select_group_by_with_having_and_order(self):
        found = list(self.db.events.aggregate([
            {"$match": {"host": HOST}},
            {"$group": {"_id": "$path", "hits": {"$sum": 1}}},
            {"$match": {"hits": {"$gt": 1}}},
            {"$sort": {"hits": -1, "_id": 1}}]))
        counted = Counter(event["path"] for event in self.events if event["host"] == HOST)
        expected = sorted(((hits, path) for path, hits in counted.items() if hits > 1),
                          key=lambda each: (-each[0], each[1]))
        self.assertEqual([(each["hits"], each["_id"]) for each in found], expected)


class AgingOut(ArticleTest):
    """Capped collections and partitions, which the chapter refers to (C-13)."""

    def test_c13_a_capped_collection_forgets_the_oldest(self):
        self.db.create_collection("recent", capped=True, size=1 << 20, max=100)
        for number in range(250):
            self.db.recent.insert_one({"_id": number, "hits": 0, "path": "/a"})
        found = [event["_id"] for event in self.db.recent.find()]
        self.assertEqual(found, list(range(150, 250)))
        newest = self.db.recent.find().sort("$natural", -1).limit(3)
        self.assertEqual([event["_id"] for event in newest], [249, 248, 247])
        self.db.recent.update_one({"_id": 200}, {"$inc": {"hits": 1}})
        self.assertEqual(self.db.recent.find_one({"_id": 200})["hits"], 1)
        self.refused(10003, self.db.recent.update_one, {"_id": 200}, {"$set": {"path": "/longer"}})
        self.refused(20, self.db.recent.delete_one, {"_id": 200})
        self.assertTrue(self.db.command("collStats", "recent")["capped"])

    def test_c13_collections_are_rotated_by_renaming(self):
        for day in range(10, 14):
            self.db.events.insert_many([{"day": day, "n": n} for n in range(50)])
            self.db.events.create_index("day")
            self.db.events.rename("events.200010%d" % day)
        self.assertNotIn("events", self.db.list_collection_names())
        self.assertEqual(sorted(self.db["events.20001012"].index_information()), ["_id_", "day_1"])
        self.refused(48, self.db["events.20001010"].rename, "events.20001011")
        self.db["events.20001010"].rename("events.20001011", dropTarget=True)
        self.assertEqual(self.db["events.20001011"].distinct("day"), [10])
        self.db.drop_collection("events.20001011")
        self.assertEqual(sorted(self.db.list_collection_names()),
                         ["events.20001012", "events.20001013"])
        self.refused(26, self.db.events.rename, "events.20001014")

    @only_tallymap
    def test_c13_a_dropped_collection_leaves_its_room_to_the_next(self):
        events = [{"text": "x" * 1000} for _ in range(1000)]
        sizes = set()
        for day in range(6):
            self.db.drop_collection("events.%d" % (day - 1))
            self.db["events.%d" % day].insert_many([dict(event) for event in events])
            sizes.add(self.db.command("dbStats")["fileSize"])
        self.assertEqual(len(sizes), 1, sizes)

    @only_tallymap
    def test_c13_a_dropped_database_gives_its_files_back(self):
        name = self.db.name + "_200010"
        old = self.client[name]
        old.events.insert_one({"day": 10})
        files = lambda: [path.name for path in server().dbpath.glob(name + ".*")]
        self.assertIn(name + ".ns", files())
        self.client.drop_database(name)
        self.assertEqual(files(), [])
        self.assertNotIn(name, self.client.list_database_names())

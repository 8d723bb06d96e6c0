"""Operational Intelligence: log lines as documents, and how safe they are (C-4 to C-6)."""

import itertools
import threading
from datetime import datetime, timedelta

import bson
from bson import ObjectId
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from listing import of_2013, play, printed
from programs import access_log
from support import ArticleTest, Server, connect, only_tallymap

LINE = ('127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 '
        '"http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"')
REFERER = "[http://www.example.com/start.html](http://www.example.com/..."
EVENT = {
    "host": "127.0.0.1",
    "time": datetime(2000, 10, 10, 20, 55, 36),
    "path": "/apache_pb.gif",
    "referer": REFERER,
    "user_agent": "Mozilla/4.08 [en] (Win98; I ;Nav)",
}


class Schemas(ArticleTest):
    def test_c4_a_line_of_the_combined_log(self):
        self.assertEqual(access_log.parse(LINE), {
            "host": "127.0.0.1", "logname": None, "user": "frank",
            "time": datetime(2000, 10, 10, 20, 55, 36), "request": "GET /apache_pb.gif HTTP/1.0",
            "status": 200, "response_size": 2326, "referer": "http://www.example.com/start.html",
            "user_agent": "Mozilla/4.08 [en] (Win98; I ;Nav)"})
        self.assertEqual(access_log.event(LINE)["path"], "/apache_pb.gif")
        # The beginning of the line, as the common format ends it.
        common = access_log.parse(LINE[:LINE.index(' "http')])
        self.assertEqual((common["status"], common["referer"]), (200, None))
        no_month = LINE.replace("Oct", "Foo")
        self.assertIsNone(access_log.parse(no_month))
        self.assertIsNone(access_log.parse("no line of a log"))
        escaped = access_log.event(LINE.replace("GET /", r"GET /\"q\"/"))
        self.assertEqual(escaped["path"], r"/\"q\"/apache_pb.gif")
        late = access_log.event(LINE.replace("-0700", "+0545"))
        self.assertEqual(late["time"], datetime(2000, 10, 10, 8, 10, 36))

    def test_c4_a_date_takes_8_bytes_instead_of_28(self):
        text = LINE[LINE.index("["):LINE.index("]") + 1]
        self.assertEqual(len(text), 28)
        as_date = len(bson.encode({"": EVENT["time"]})) - len(bson.encode({"": None}))
        self.assertEqual(as_date, 8)

    def test_c4_sizes_of_the_four_schemas(self):
        line = {"line": '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] '
                        '"GET /apache_pb.gif HTTP/1.0" 200 2326 "%s" "%s"'
                        % (REFERER, EVENT["user_agent"])}
        # Printed with `__id`, so that it would get an `_id` beside that.
        everything = {
            "host": "127.0.0.1", "logname": None, "user": "frank", "time": EVENT["time"],
            "request": "GET /apache_pb.gif HTTP/1.0", "status": 200, "response_size": 2326,
            "referrer": REFERER, "user_agent": "Mozilla/4.08 [en] (Win98; I;Nav)"}
        timeless = {name: value for name, value in EVENT.items() if name != "time"}
        sizes = []
        for document in (line, everything, EVENT, timeless):
            inserted = self.db.events.insert_one(dict({"_id": ObjectId()}, **document))
            [shown] = self.db.events.aggregate([
                {"$match": {"_id": inserted.inserted_id}},
                {"$project": {"bytes": {"$bsonSize": "$$ROOT"}}}])
            self.assertEqual(shown["bytes"], len(bson.encode(dict(document, _id=ObjectId()))))
            sizes.append(shown["bytes"])
        self.assertEqual(sizes, [219, 279, 207, 193])
        # The fields that the line had as text weigh more by their names: leaving out is what saves.
        self.assertEqual(sizes[2] - sizes[3], 1 + len("time\0") + 8)

    def test_c4_the_time_in_an_objectid_is_that_of_the_insert(self):
        begin = datetime.utcnow() - timedelta(days=1)
        name = self.db.events.insert_one(dict(EVENT)).inserted_id
        made = name.generation_time.replace(tzinfo=None)
        self.assertGreater(made, begin)
        self.assertNotEqual(made.date(), EVENT["time"].date())
        query = {"_id": {"$gte": ObjectId.from_datetime(begin),
                         "$lt": ObjectId.from_datetime(begin + timedelta(days=2))}}
        self.assertEqual(self.db.events.count_documents(query), 1)


class WriteConcerns(ArticleTest):
    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)
        self.event = dict(EVENT, _id=ObjectId())

    def insert(self, name, *repairs):
        return play(printed(name, *repairs), db=self.then, event=self.event)["_"]

    def count(self):
        return self.db.events.count_documents({})

    def test_c5_the_set_up_as_printed(self):
        with self.assertRaisesRegex(AttributeError, "no attribute 'Connection'"):
            play(printed("C-5-event"))
        client = ("pymongo.Connection()", "pymongo.MongoClient('%s')" % self.uri())
        with self.assertRaisesRegex(NameError, "name '_id' is not defined"):
            play(printed("C-5-event", client))
        quoted = [(name + ":", "'%s':" % name)
                  for name in ("_id", "host", "time", "path", "referer", "user_agent")]
        names = play(printed("C-5-event", client, *quoted))
        names["conn"].close()
        self.assertEqual({name: value for name, value in names["event"].items() if name != "_id"},
                         EVENT)

    def uri(self):
        return "mongodb://%s:%d/" % self.client.address

    def test_c5_w0_has_no_answer_and_hides_what_fails(self):
        self.insert("C-5-w0")
        self.insert("C-5-w0")
        # The second one was refused, and nobody heard of it. w=1 on the same connection follows.
        self.assertEqual(self.count(), 1)
        unheard = self.db.events.with_options(write_concern=WriteConcern(w=0))
        self.assertFalse(unheard.insert_one({"_id": 7}).acknowledged)
        self.assertFalse(unheard.update_one({"_id": 7}, {"$inc": {"n": 1}}).acknowledged)
        self.assertEqual(self.db.events.find_one({"_id": 7}), {"_id": 7, "n": 1})

    def test_c5_w1_says_what_fails(self):
        # Printed twice, for the sake of the two ways to write it.
        error = self.refused(11000, self.insert, "C-5-w1")
        self.assertIsInstance(error, DuplicateKeyError)
        self.assertEqual(self.count(), 1)

    def test_c5_j_waits_for_the_journal(self):
        self.insert("C-5-j")
        self.assertEqual(self.count(), 1)
        self.refused(11000, self.insert, "C-5-j")

    def test_c5_w2_is_refused_and_nothing_is_stored(self):
        for name in ("C-5-w2", "C-5-j-w2"):
            error = self.refused(2, self.insert, name)
            self.assertIn("cannot use 'w' > 1 when a host is not replicated", str(error))
            self.assertEqual(self.count(), 0)

    @only_tallymap
    def test_c5_what_was_acknowledged_with_j_outlives_the_server(self):
        server = Server()
        self.addCleanup(server.remove)
        client = connect(server.uri, retryWrites=False)
        self.addCleanup(client.close)
        events = of_2013(client.event_db).events
        for number in range(20):
            events.insert({"_id": number}, j=True)
        events.insert({"_id": "perhaps"}, w=1)
        server.kill()
        with self.assertRaises(AutoReconnect):
            events.insert({"_id": "never"}, j=True)
        server.start()
        found = [event["_id"] for event in client.event_db.events.find()]
        self.assertEqual([name for name in found if name != "perhaps"], list(range(20)))

    @only_tallymap
    def test_c5_eight_clients_with_j_and_the_server_dies(self):
        server = Server()
        self.addCleanup(server.remove)
        acknowledged, attempted, enough = [], [], threading.Event()

        def work(number):
            client = connect(server.uri, retryWrites=False)
            events = of_2013(client.event_db).events
            for n in itertools.count():
                attempted.append((number, n))
                try:
                    events.insert({"_id": "%d:%d" % (number, n)}, j=True)
                except PyMongoError:
                    break
                acknowledged.append((number, n))
                if len(acknowledged) >= 200:
                    enough.set()
            client.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        self.assertTrue(enough.wait(60))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        client = connect(server.uri)
        self.addCleanup(client.close)
        found = {event["_id"] for event in client.event_db.events.find()}
        names = [{"%d:%d" % each for each in each_of} for each_of in (acknowledged, attempted)]
        self.assertLessEqual(names[0], found)
        self.assertLessEqual(found, names[1])


class Bulk(ArticleTest):
    """Ten events, the fourth and the eighth of which are there already."""

    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)
        self.db.events.insert_many([{"_id": 3}, {"_id": 7}])

    def events(self):
        return [{"_id": number} for number in range(10)]

    def found(self):
        return sorted(event["_id"] for event in self.db.events.find())

    def test_c6_stops_at_the_first_that_fails(self):
        error = self.refused(11000, self.then.events.insert, self.events())
        self.assertIn("3", str(error.details["keyValue"]))
        self.assertEqual(self.found(), [0, 1, 2, 3, 7])

    def test_c6_continue_on_error_goes_on_and_tells_of_the_last(self):
        error = self.refused(11000, self.then.events.insert, self.events(), continue_on_error=True)
        self.assertEqual(error.details["keyValue"], {"_id": 7})
        self.assertEqual(self.found(), list(range(10)))

    def test_c6_today_unordered_tells_of_all(self):
        with self.assertRaises(BulkWriteError) as caught:
            self.db.events.insert_many(self.events(), ordered=False)
        details = caught.exception.details
        self.assertEqual([error["index"] for error in details["writeErrors"]], [3, 7])
        self.assertEqual(details["nInserted"], 8)

    def test_c6_every_write_concern(self):
        for number, options in enumerate(({"w": 0}, {"w": 1}, {"j": True})):
            self.db.events.delete_many({})
            concern = WriteConcern(**options)
            bulk = self.db.events.with_options(write_concern=concern)
            bulk.insert_many([{"_id": {"bulk": number, "n": n}} for n in range(100)])
            self.assertEqual(len(list(self.db.events.find())), 100, options)
        twice = self.db.events.with_options(write_concern=WriteConcern(w=2))
        self.refused(2, twice.insert_many, self.events())
        self.assertEqual(self.db.events.count_documents({}), 100)

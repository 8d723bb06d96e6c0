"""Pre-Aggregated Reports, its schemas: what growth and depth of fields cost (B-1 to B-10)."""

from datetime import datetime

import bson

from programs import page_views
from support import ArticleTest, only_tallymap

SITE, PAGE = "site-1", "/apache_pb.gif"
DAY = datetime(2010, 10, 10)
NAME = page_views.daily_id(DAY, SITE, PAGE)
MINUTES = 24 * 60


def layout(kind, zero=0):
    """A zeroed day: `flat` has minutes 0 to 1439, `hier` 24 hours of 60, `of_day` 24 hours with
    the minutes numbered through as one of the article's examples has them."""
    hours = range(24)
    minute = {
        "flat": lambda: {str(n): zero for n in range(MINUTES)},
        "hier": lambda: {str(h): {str(n): zero for n in range(60)} for h in hours},
        "of_day": lambda: {str(h): {str(60 * h + n): zero for n in range(60)} for h in hours},
    }[kind]()
    return {"_id": NAME, "metadata": page_views.metadata(DAY, SITE, PAGE), "daily": zero,
            "hourly": {str(h): zero for h in hours}, "minute": minute}


def path(kind, minute):
    return {"flat": "minute.%d" % minute,
            "hier": "minute.%d.%d" % divmod(minute, 60),
            "of_day": "minute.%d.%d" % (minute // 60, minute)}[kind]


class Examples(ArticleTest):
    def test_b2_the_names_of_the_example_are_of_another_year(self):
        # `_id` says 2010 and `metadata.date` 2000: the code would have given them one year.
        date = datetime(2000, 10, 10)
        self.assertEqual(page_views.daily_id(date, SITE, PAGE), "20001010/site-1/apache_pb.gif")
        self.assertEqual(NAME, "20101010/site-1/apache_pb.gif")

    def test_b10_no_month_begins_with_its_day_0(self):
        with self.assertRaises(ValueError):
            datetime(2000, 10, 0)
        self.assertEqual(page_views.zeroed_month(DAY, SITE, PAGE)["metadata"]["date"],
                         datetime(2010, 10, 1))

    def test_b8_minutes_of_the_day_under_their_hours(self):
        # The example's keys "60" and "1439" work too; the code and B-10 count 0 to 59.
        self.db.daily.insert_one(layout("of_day"))
        self.db.daily.update_one({"_id": NAME}, {"$inc": {path("of_day", 1439): 1}})
        self.assertEqual(self.db.daily.find_one()["minute"]["23"]["1439"], 1)


class Sizes(ArticleTest):
    def test_b6_sizes_of_a_day(self):
        double = 0.0
        sizes = {(kind, type(zero).__name__): len(bson.encode(layout(kind, zero)))
                 for kind in ("hier", "flat") for zero in (0, double)}
        self.assertEqual(sizes, {("hier", "int"): 11_820, ("hier", "float"): 17_680,
                                 ("flat", "int"): 13_624, ("flat", "float"): 19_484})
        self.assertEqual(len(bson.encode(layout("of_day"))), 13_830)
        for number, kind in enumerate(("hier", "flat")):
            self.db.daily.insert_one(dict(layout(kind), _id=number))
        shown = self.db.daily.aggregate([{"$project": {"bytes": {"$bsonSize": "$$ROOT"}}}])
        of_int = len(bson.encode({"": 0})) - len(bson.encode({"": NAME}))
        for document, kind in zip(shown, ("hier", "flat")):
            self.assertEqual(document["bytes"], sizes[kind, "int"] + of_int)

    def test_b6_a_counter_grows_when_it_gets_another_type(self):
        # "After create, documents will never grow": as long as a number keeps its width.
        self.db.daily.insert_one({"_id": 1, "at_end": 2**31 - 1, "count": 0})
        len_before = len(bson.encode(self.db.daily.find_one()))
        self.db.daily.update_one({"_id": 1}, {"$inc": {"at_end": 1}})
        self.assertEqual(self._size(), len_before + 4)
        self.db.daily.update_one({"_id": 1}, {"$inc": {"count": 1.0}})
        self.assertEqual(self._size(), len_before + 8)
        document = self.db.daily.find_one()
        self.assertEqual((document["at_end"], document["count"]), (2**31, 1.0))
        self.assertIsInstance(document["count"], float)

    def _size(self):
        [shown] = self.db.daily.aggregate([{"$project": {"bytes": {"$bsonSize": "$$ROOT"}}}])
        return shown["bytes"]

    @only_tallymap
    def test_b6_padding_of_a_day(self):
        # "MongoDB will not add padding": powers of two pad 38 % and, of 8-byte numbers, 85 %.
        for zero, record, padding in ((0, 16 << 10, 38), (0.0, 32 << 10, 85)):
            self.db.daily.drop()
            self.db.daily.insert_one(layout("hier", zero))
            size = self.db.command("collStats", "daily")["size"]
            self.assertEqual(size, record - 16, "a record without its header")
            length = len(bson.encode(layout("hier", zero)))
            self.assertEqual(int((size - length) * 100 / length), padding)
        self.db.drop_collection("daily")
        self.db.create_collection("daily", flags=2)
        self.db.daily.insert_one(layout("hier"))
        # Of a collection that asked for none, up to the next multiple of four.
        self.assertEqual(self.db.command("collStats", "daily")["size"], 11_820)


@only_tallymap
class Skips(ArticleTest):
    def test_b9_82_skips_instead_of_1439(self):
        for kind, last, mean in (("flat", 1439, 719.5), ("hier", 82, 41.0)):
            self.db.drop_collection("daily")
            self.db.daily.insert_one(layout(kind))
            query = {"_id": NAME}
            first = self.skips("daily", query, path(kind, 0))
            # `_id`, `metadata`, `daily` and `hourly` stand before `minute`.
            self.assertEqual(first, 4)
            self.assertEqual(self.skips("daily", query, path(kind, 1439)) - first, last)
            skips = [self.skips("daily", query, path(kind, n)) - first for n in range(MINUTES)]
            self.assertEqual(sum(skips) / MINUTES, mean)

    def test_b9_a_write_reports_what_it_skipped(self):
        # What is explained is what is done, unless the place was remembered: then nothing is.
        self.db.daily.insert_one(layout("hier"))
        self.db.command("profile", 2)
        self.db.daily.update_one({"_id": NAME}, {"$inc": {path("hier", 1439): 1}})
        self.db.command("profile", 0)
        entry = self.db["system.profile"].find_one({"op": "update"})
        cost = entry["tallymap"]
        skipped = {"scan": 4 + 82, "memo": 0}[cost["locatedBy"]]
        self.assertEqual((cost["fieldsSkipped"], cost["bytesWritten"]), (skipped, 4))
        self.assertTrue(entry["fastmod"])


@only_tallymap
class Growth(ArticleTest):
    """A day of a hit a minute, into documents that grow (B-3) and into one that is zeroed (B-4)."""

    def moves_of_a_day(self, zeroed, **options):
        """(moves, bytes that were copied by them)"""
        self.db.drop_collection("daily")
        self.db.create_collection("daily", **options)
        if zeroed:
            self.db.daily.insert_one(layout("flat"))
        moves = copied = 0
        before = self.moves()
        length = 0
        for minute in range(MINUTES):
            counters = {"daily": 1, "hourly.%d" % (minute // 60): 1, "minute.%d" % minute: 1}
            metadata = page_views.metadata(DAY, SITE, PAGE)
            change = {"$setOnInsert": {"metadata": metadata}, "$inc": counters}
            self.db.daily.update_one({"_id": NAME}, change, upsert=True)
            moved = self.moves() - before - moves
            moves += moved
            copied += moved * length
            length = len(bson.encode(self.grown(minute)))
        document = self.db.daily.find_one()
        self.assertEqual((document["daily"], len(document["minute"])), (MINUTES, MINUTES))
        if not zeroed:
            self.assertEqual(len(bson.encode(document)), length)
        return moves, copied

    def grown(self, minute):
        """What the day has become after this minute."""
        day = layout("flat")
        day["hourly"] = {str(hour): 0 for hour in range(minute // 60 + 1)}
        day["minute"] = {str(number): 0 for number in range(minute + 1)}
        return day

    def test_b3_a_growing_document_moves(self):
        # "Multiple times throughout the day": at each minute without padding, as it doubles with.
        self.assertEqual(self.moves_of_a_day(False, flags=2), (1439, 9_618_851))
        self.assertEqual(self.moves_of_a_day(False), (6, 16_010))
        moves, _ = self.moves_of_a_day(False, policy="padding_factor")
        self.assertTrue(6 < moves < 1439 / 20, moves)

    def test_b4_a_zeroed_document_stays_where_it_is(self):
        for options in ({}, {"flags": 2}, {"policy": "padding_factor"}):
            self.assertEqual(self.moves_of_a_day(True, **options), (0, 0))

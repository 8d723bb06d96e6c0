"""Pre-Aggregated Reports, its operations: counting, and preparing (B-5, B-11 to B-15)."""

import random
import threading
from collections import Counter
from datetime import datetime, time, timedelta

from pymongo.errors import DuplicateKeyError

from listing import of_2013, play, printed
from programs import page_views
from support import PYMONGO_3, ArticleTest, only_tallymap

SITE, PAGE = "site-1", "/apache_pb.gif"
WHEN = datetime(2010, 10, 10, 13, 55, 36)
DAY = {"_id": "20101010/site-1/apache_pb.gif"}
MONTH = {"_id": "201010/site-1/apache_pb.gif"}


class Printed(ArticleTest):
    """`log_hit` and `preallocate` to the letter."""

    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)
        names = play(printed("B-11"), datetime=datetime, time=time)
        self.log_hit = names["log_hit"]
        self.preallocate = play(printed("B-13"), datetime=datetime, time=time)["preallocate"]

    def test_pymongo_4_has_none_of_the_methods(self):
        if PYMONGO_3:
            self.log_hit(self.db, WHEN, SITE, PAGE)
        else:
            with self.assertRaisesRegex(TypeError, "'Collection' object is not callable"):
                self.log_hit(self.db, WHEN, SITE, PAGE)

    def test_b11_log_hit_makes_and_counts(self):
        for when in (WHEN, WHEN, datetime(2010, 10, 10, 9, 5), datetime(2010, 10, 11)):
            self.log_hit(self.then, when, SITE, PAGE)
        day = self.db.stats.daily.find_one(DAY)
        self.assertEqual(list(day), ["_id", "metadata", "hourly", "minute"])
        self.assertEqual(day["metadata"],
                         {"date": datetime(2010, 10, 10), "site": SITE, "page": PAGE})
        self.assertEqual(day["hourly"], {"13": 2, "9": 1})
        self.assertEqual(day["minute"], {"13": {"55": 2}, "9": {"5": 1}})
        month = self.db.stats.monthly.find_one(MONTH)
        self.assertEqual(month["daily"], {"10": 3, "11": 1})
        self.assertEqual(month["metadata"]["date"], datetime(2010, 10, 1))
        # The schema's example shows the sum of the day: the code does not count it.
        self.assertNotIn("daily", day)

    def test_b11_what_an_upsert_answers(self):
        upsert = dict(upsert=True)
        change = {"$inc": {"hourly.13": 1}}
        made = self.then.stats.daily.update(DAY, change, **upsert)
        self.assertEqual((made["updatedExisting"], made["n"], made["upserted"]),
                         (False, 1, DAY["_id"]))
        again = self.then.stats.daily.update(DAY, change, **upsert)
        self.assertEqual((again["updatedExisting"], again["n"]), (True, 1))
        self.assertNotIn("upserted", again)

    def test_b11_metadata_in_another_order_is_another_value(self):
        self.log_hit(self.then, WHEN, SITE, PAGE)
        other = play(printed("B-11", ("{ 'date': d, 'site': site,", "{ 'site': site, 'date': d,")),
                     datetime=datetime, time=time)["log_hit"]
        self.refused(11000, other, self.then, WHEN, SITE, PAGE)

    def test_b12_order_of_the_fields_that_an_update_makes(self):
        # Sorted since 5.0, numbers by value. MMAPv1 kept the order of the update, in 3.x.
        counters = {"hourly.10": 1, "hourly.9": 1, "daily": 1}
        self.db.daily.update_one({"_id": 1}, {"$inc": counters}, upsert=True)
        made = self.db.daily.find_one()
        self.assertEqual((list(made), list(made["hourly"])),
                         (["_id", "daily", "hourly"], ["9", "10"]))
        # What comes later stands at the end.
        self.db.daily.update_one({"_id": 1}, {"$inc": {"hourly.2": 1}})
        self.assertEqual(list(self.db.daily.find_one()["hourly"])[-1], "2")

    def test_b13_preallocate_of_new_documents(self):
        self.preallocate(self.then, WHEN, SITE, PAGE)
        day = self.db.stats.daily.find_one()
        self.assertEqual(list(day), ["_id", "hourly", "minute", "metadata"])
        self.assertEqual((len(day["hourly"]), len(day["minute"])), (24, 24))
        self.assertEqual({len(hour) for hour in day["minute"].values()}, {60})
        # Nobody has counted yet: the query matches, and once more nothing changes.
        self.preallocate(self.then, WHEN, SITE, PAGE)
        self.assertEqual(self.db.stats.daily.find_one(), day)
        self.assertEqual(self.db.stats.monthly.count_documents({}), 1)

    def test_b13_preallocate_fails_once_something_is_counted(self):
        self.preallocate(self.then, WHEN, SITE, PAGE)
        self.db.stats.daily.update_one(DAY, {"$inc": {"hourly.13": 1}})
        error = self.refused(11000, self.preallocate, self.then, WHEN, SITE, PAGE)
        self.assertIsInstance(error, DuplicateKeyError)

    def test_b13_the_month_is_never_counted(self):
        # It gets `m`, and is asked for by `metadata`: each hit wants to insert a second one.
        self.preallocate(self.then, WHEN, SITE, PAGE)
        for _ in range(3):
            self.refused(11000, self.log_hit, self.then, WHEN, SITE, PAGE)
        self.assertEqual(set(self.db.stats.monthly.find_one()), {"_id", "daily", "m"})
        self.assertEqual(sum(self.db.stats.monthly.find_one()["daily"].values()), 0)
        # The day is a statement earlier, and gets what the month loses.
        self.assertEqual(self.db.stats.daily.find_one()["hourly"]["13"], 3)

    def test_b13_with_metadata_for_m_both_are_counted(self):
        names = play(printed("B-13", ("'m': monthly", "'metadata': monthly")),
                     datetime=datetime, time=time)
        names["preallocate"](self.then, WHEN, SITE, PAGE)
        self.log_hit(self.then, WHEN, SITE, PAGE)
        self.assertEqual(self.db.stats.monthly.find_one()["daily"]["10"], 1)
        self.assertEqual(self.db.stats.daily.find_one()["minute"]["13"]["55"], 1)

    def test_b13_zeroes_and_a_count_are_not_one_update(self):
        both = {"$setOnInsert": {"hourly": {"13": 0}}, "$inc": {"hourly.13": 1}}
        self.refused(40, self.db.daily.update_one, DAY, both, upsert=True)

    @only_tallymap
    def test_b13_a_template_makes_the_zeroes_with_the_first_hit(self):
        # What one update of MongoDB cannot do: the collection knows what its documents begin as.
        for name, zeroed in (("daily", page_views.zeroed_day(WHEN, SITE, PAGE)),
                             ("monthly", page_views.zeroed_month(WHEN, SITE, PAGE))):
            del zeroed["metadata"]
            self.db.create_collection("stats." + name, template=zeroed)
        self.log_hit(self.then, WHEN, SITE, PAGE)
        [day], [month] = self.db.stats.daily.find(), self.db.stats.monthly.find()
        self.assertEqual((len(day["minute"]), len(month["daily"])), (24, 31))
        self.assertEqual(sum(sum(hour.values()) for hour in day["minute"].values()), 1)
        self.assertEqual((day["minute"]["13"]["55"], month["daily"]["10"]), (1, 1))
        self.assertEqual(day["metadata"]["site"], SITE)

    def test_b14_the_lottery_as_printed(self):
        names = play(printed("B-14"), preallocate=self.preallocate)
        with self.assertRaisesRegex(AttributeError, "has no attribute 'random'"):
            names["log_hit"](self.then, WHEN, SITE, PAGE)

    def test_b14_the_lottery_loses_hits_within_the_month(self):
        # Tomorrow's month is this one, on which something is counted: refused, and then the hit is
        # not counted either. On the last day of a month it works.
        text = printed("B-14", ("random.random()", "random()"), ("from random import random\n", ""),
                       ("    ...", "    count(db, dt_utc, site, page)"))
        names = play(text, preallocate=self.preallocate, count=self.log_hit, random=lambda: 0.0)
        self.log_hit(self.then, WHEN, SITE, PAGE)
        self.refused(11000, names["log_hit"], self.then, WHEN, SITE, PAGE)
        self.assertEqual(self.db.stats.daily.find_one(DAY)["hourly"]["13"], 1)
        last = datetime(2010, 10, 31, 23, 59)
        names["log_hit"](self.then, last, SITE, PAGE)
        self.assertEqual(self.db.stats.daily.find_one({"_id": "20101031/site-1/apache_pb.gif"})
                         ["hourly"]["23"], 1)

    def test_b15_first_hits_of_eight_threads(self):
        errors = in_threads(8, lambda: [self.log_hit(self.then, WHEN, SITE, "/%d" % n)
                                        for n in range(300)])
        self.assertEqual(errors, [])
        self.assertEqual(self.db.stats.daily.count_documents({"hourly.13": 8}), 300)
        self.assertEqual(self.db.stats.monthly.count_documents({"daily.10": 8}), 300)


class Corrected(ArticleTest):
    def test_b11_b13_counts_are_exact_in_every_order_of_calls(self):
        chance = random.Random(1113)
        counted = Counter()
        for _ in range(400):
            when = WHEN + timedelta(minutes=chance.randrange(3 * 1440))
            page = chance.choice(("/", "/a", "/b?c=d"))
            if chance.random() < 0.2:
                page_views.preallocate(self.db, when, SITE, page)
            page_views.log_hit(self.db, when, SITE, page)
            counted[when.replace(second=0), page] += 1
        found = Counter()
        for day in self.db.stats.daily.find():
            metadata = day["metadata"]
            minutes = [hits for hour in day["minute"].values() for hits in hour.values()]
            self.assertEqual(sum(minutes), day["daily"])
            self.assertEqual(sum(day["hourly"].values()), day["daily"])
            for hour, of_hour in day["minute"].items():
                for minute, hits in of_hour.items():
                    when = metadata["date"] + timedelta(hours=int(hour), minutes=int(minute))
                    found[when, metadata["page"]] += hits
        self.assertEqual(+found, counted)
        months = [sum(month["daily"].values()) for month in self.db.stats.monthly.find()]
        self.assertEqual(sum(months), 400)

    def test_b13_what_was_counted_stays(self):
        page_views.log_hit(self.db, WHEN, SITE, PAGE)
        before = [list(collection.find()) for collection in (self.db.stats.daily,
                                                             self.db.stats.monthly)]
        page_views.preallocate(self.db, WHEN, SITE, PAGE)
        after = [list(collection.find()) for collection in (self.db.stats.daily,
                                                            self.db.stats.monthly)]
        self.assertEqual(after, before)

    def test_b15_first_hits_and_preallocation_of_eight_threads(self):
        def work():
            for number in range(60):
                page = "/%d" % (number % 30)
                page_views.preallocate(self.db, WHEN, SITE, page)
                page_views.log_hit(self.db, WHEN, SITE, page)
        self.assertEqual(in_threads(8, work), [])
        self.assertEqual(self.db.stats.daily.count_documents({"daily": 16, "minute.13.55": 16}), 30)

    def test_b5_how_many_days_are_ready_at_midnight(self):
        # One ticket in h: 1 - (1 - 1/h)^h is 63 %, not "all or nearly all". Five: 99.3 %.
        self.assertAlmostEqual(ready(500_000, 1), 0.632, 3)
        self.assertAlmostEqual(ready(500_000, 5), 0.993, 3)
        hits, pages = 20, 250
        chance = random.Random(5)
        for tickets in (1, 5):
            self.client.drop_database(self.db.name)
            for number in range(pages):
                page = "/%d" % number
                for _ in range(hits):
                    if chance.random() < tickets / hits:
                        page_views.preallocate(self.db, WHEN + page_views.DAY, SITE, page)
            expected = ready(hits, tickets)
            found = self.db.stats.daily.count_documents({"minute.23.59": 0})
            deviation = (pages * expected * (1 - expected)) ** 0.5
            self.assertLess(abs(found - pages * expected), 4 * deviation + 1, tickets)

    def test_b14_the_lottery_counts_every_hit(self):
        chance = random.Random(14)
        for _ in range(200):
            page_views.log_hit_and_prepare(self.db, WHEN, SITE, PAGE, 20, chance.random)
        self.assertEqual(self.db.stats.daily.find_one(DAY)["daily"], 200)
        self.assertEqual(self.db.stats.monthly.find_one(MONTH)["daily"]["10"], 200)
        tomorrow = self.db.stats.daily.find_one({"metadata.date": datetime(2010, 10, 11)})
        self.assertEqual((tomorrow["daily"], len(tomorrow["minute"])), (0, 24))


def ready(hits, tickets):
    """How probable it is that one of `hits` draws made the document."""
    return 1 - (1 - tickets / hits) ** hits


def in_threads(count, work):
    """Runs `work` in `count` threads; returns what they raised."""
    errors = []

    def run():
        try:
            work()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors

"""Pre-Aggregated Reports, its charts, their indexes, and sharding (B-16 to B-20)."""

import random
from collections import Counter
from datetime import datetime, timedelta

from listing import of_2013, play, printed
from programs import page_views
from support import PYMONGO_3, ArticleTest, looked, stages

SITES = ("site-1", "site-2")
PAGES = ("/index.html", "/foo.gif", "/a", "/b")
BEGIN = datetime(2010, 10, 4)
DAYS = 7
COMPOUND = "metadata.site_1_metadata.page_1_metadata.date_1"


def half_printed(name):
    """A find of the article without the brace too many that ends it early."""
    return printed(name, ("1 } },", "1 },"))


class Charts(ArticleTest):
    """56 documents of days: 2 sites, 4 pages, 7 days; and their months."""

    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)
        self.counted = Counter()
        self.chance = random.Random(16)
        for site in SITES:
            for page in PAGES:
                for number in range(DAYS):
                    self.hit(BEGIN + timedelta(days=number), site, page)

    def hit(self, day, site, page):
        when = day + timedelta(minutes=self.chance.randrange(1440))
        page_views.log_hit(self.db, when, site, page)
        self.counted[when, site, page] += 1

    def at(self, day):
        return {"dt": BEGIN + timedelta(days=day)}

    def test_b16_the_charts_as_printed(self):
        # They find the document if the sub-document is written in the order it was stored in.
        for name, dt, field in (("B-16-minutes", BEGIN, "minute"), ("B-16-hours", BEGIN, "hourly"),
                                ("B-16-month", BEGIN.replace(day=1), "daily")):
            found = play(printed(name), db=self.then, dt=dt)["_"]
            self.assertEqual(set(found), {"_id", field})
        swapped = printed("B-16-minutes",
                          ("'date':dt, 'site':'site-1'", "'site':'site-1', 'date':dt"))
        self.assertIsNone(play(swapped, db=self.then, dt=BEGIN)["_"])

    def test_b16_no_index_on_its_fields_serves_a_whole_sub_document(self):
        page_views.create_indexes(self.db)
        whole = {"metadata": page_views.metadata(BEGIN, SITES[0], PAGES[0])}
        explained = self.db.stats.daily.find(whole).explain()
        self.assertEqual((stages(explained), looked(explained)), (["COLLSCAN"], (0, 56, 1)))
        fields = {"metadata." + name: value for name, value in whole["metadata"].items()}
        explained = self.db.stats.daily.find(fields).explain()
        self.assertEqual((stages(explained), looked(explained)), (["FETCH", "IXSCAN"], (1, 1, 1)))

    def test_b17_ranges_as_printed(self):
        for name in ("B-17-days", "B-17-months"):
            with self.assertRaises(SyntaxError):
                play(printed(name))

    def test_b17_ranges_without_the_brace_too_many(self):
        page_views.create_indexes(self.db)
        dates = {"dt1": BEGIN, "dt2": BEGIN + timedelta(days=DAYS - 1)}
        days = play(half_printed("B-17-days"), db=self.then, **dates)["_"]
        explained = days.clone().explain()
        self.assertEqual((stages(explained)[-2:], looked(explained)),
                         (["FETCH", "IXSCAN"], (7, 7, 7)))
        self.assertNotIn("SORT", stages(explained))
        self.assertEqual([day["metadata"]["date"] for day in days],
                         [BEGIN + timedelta(days=number) for number in range(DAYS)])
        dates = {"dt1": datetime(2010, 10, 1), "dt2": datetime(2010, 12, 1)}
        [month] = play(half_printed("B-17-months"), db=self.then, **dates)["_"]
        self.assertEqual(sum(month["daily"].values()), 7)

    def test_b18_ensure_index(self):
        for name, collection in (("B-18-daily", self.db.stats.daily),
                                 ("B-18-monthly", self.db.stats.monthly)):
            self.assertEqual(play(printed(name), db=self.then)["_"], COMPOUND)
            # PyMongo 3 remembers for five minutes, and does not ask again.
            again = play(printed(name), db=self.then)["_"]
            self.assertEqual(again, None if PYMONGO_3 else COMPOUND)
            self.assertEqual(collection.create_index(page_views.INDEX), COMPOUND)
            self.assertEqual(sorted(collection.index_information()), ["_id_", COMPOUND])
        if not PYMONGO_3:
            with self.assertRaisesRegex(TypeError, "'Collection' object is not callable"):
                play(printed("B-18-daily"), db=self.db)

    def test_b16_the_last_hour_across_midnight(self):
        page, site = PAGES[0], SITES[0]
        midnight = BEGIN + timedelta(days=3)
        for _ in range(300):
            when = midnight + timedelta(minutes=self.chance.randrange(-90, 60))
            page_views.log_hit(self.db, when, site, page)
            self.counted[when, site, page] += 1
        for minutes in (-1, 0, 1, 17, 58, 59, 60):
            now = midnight + timedelta(minutes=minutes, seconds=36)
            begin = midnight + timedelta(minutes=minutes - 59)
            expected = [self.counted[begin + timedelta(minutes=number), site, page]
                        for number in range(60)]
            self.assertEqual(page_views.last_hour(self.db, now, site, page), expected)

    def test_b16_b17_charts_of_days_and_months(self):
        site, page = SITES[1], PAGES[2]
        for number in range(120):
            self.hit(BEGIN + timedelta(days=self.chance.randrange(60)), site, page)
        page_views.create_indexes(self.db)
        end = BEGIN + timedelta(days=5)
        hours = page_views.hours_of_days(self.db, BEGIN, end, site, page)
        self.assertEqual(hours, {
            BEGIN + timedelta(days=number): [self.sum(BEGIN + timedelta(days=number, hours=hour),
                                                      timedelta(hours=1), site, page)
                                             for hour in range(24)]
            for number in range(6)})
        months = page_views.days_of_months(self.db, BEGIN, datetime(2010, 12, 31), site, page)
        self.assertEqual(list(months), [datetime(2010, month, 1) for month in (10, 11, 12)])
        for first, days in months.items():
            for day, hits in days.items():
                when = first.replace(day=day)
                self.assertEqual(hits, self.sum(when, timedelta(days=1), site, page), when)
        self.assertEqual(sum(sum(days.values()) for days in months.values()),
                         self.sum(BEGIN, timedelta(days=90), site, page))

    def sum(self, begin, length, site, page):
        return sum(hits for (when, of_site, of_page), hits in self.counted.items()
                   if (of_site, of_page) == (site, page) and begin <= when < begin + length)


class Sharding(ArticleTest):
    """A standalone server shards nothing, and says so."""

    def test_b19_as_printed(self):
        for name in ("B-19-daily", "B-19-monthly"):
            with self.assertRaisesRegex(NameError, "name 'key' is not defined"):
                play(printed(name), db=of_2013(self.db))

    def test_b19_b20_with_its_name_quoted_the_key_is_still_not_sent(self):
        # The third argument of `command` is `check`, so that no key goes to the server at all.
        texts = [printed("B-19-daily", ("key :", "'key' :")),
                 printed("B-19-monthly", ("key :", "'key' :")),
                 printed("B-20-daily"), printed("B-20-monthly")]
        for text in texts:
            self.refused(59, play, text, db=of_2013(self.db))

    def test_b19_as_it_has_to_be(self):
        admin = self.client.admin
        name = self.db.name + ".stats.daily"
        key = {"metadata.site": 1, "metadata.page": 1}
        error = self.refused(59, admin.command, "shardCollection", name, key=key)
        self.assertIn("no such command: 'shardCollection'", str(error))
        self.refused(59, admin.command, "enableSharding", self.db.name)
        self.refused(59, admin.command, "listShards")

"""Counters Everywhere: a document for a month of a site, an update for a hit (A-1 to A-14)."""

import random
from collections import Counter
from datetime import datetime, timedelta

import bson
from bson.errors import InvalidDocument

from programs import technology
from support import PYMONGO_3, ArticleTest, looked, stages

JUNE = datetime(2011, 6, 28)
AGENTS = {
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6_7) AppleWebKit/534.30 (KHTML, like Gecko) "
    "Chrome/12.0.742.112 Safari/534.30": ("chrome", "12-0", "mac"),
    "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_6; en-us) AppleWebKit/533.19.4 "
    "(KHTML, like Gecko) Version/5.0.3 Safari/533.19.4": ("safari", "5-0", "mac"),
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)": ("ie", "9-0", "windows"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:5.0) Gecko/20100101 Firefox/5.0":
        ("firefox", "5-0", "linux"),
    "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/11.11":
        ("opera", "11-11", "windows"),
    "Mozilla/5.0 (iPad; CPU OS 4_3 like Mac OS X) AppleWebKit/533.17.9 (KHTML, like Gecko) "
    "Version/5.0.2 Mobile/8F190 Safari/6533.18.5": ("safari", "5-0", "ipad"),
    "Mozilla/5.0 (iPhone; U; CPU iPhone OS 4_1 like Mac OS X) AppleWebKit/532.9 "
    "(KHTML, like Gecko) Version/4.0.5 Mobile/8B117 Safari/6531.22.7": ("safari", "4-0", "iphone"),
    "Mozilla/5.0 (iPod; U; CPU iPhone OS 4_3 like Mac OS X) AppleWebKit/533.17.9 "
    "(KHTML, like Gecko) Version/5.0.2 Mobile/8F190 Safari/6533.18.5": ("safari", "5-0", "ipod"),
    "Mozilla/5.0 (Linux; U; Android 2.3.3; en-us) AppleWebKit/533.1 (KHTML, like Gecko) "
    "Version/4.0 Mobile Safari/533.1": ("safari", "4-0", "android"),
    "BlackBerry9000/4.6.0.167 Profile/MIDP-2.0": ("other", "0-0", "blackberry"),
    "Konqueror/4.6 (compatible; KHTML)": ("other", "0-0", "other"),
}


class Document(ArticleTest):
    def test_a3_the_document_of_a_month(self):
        # The page lost the braces that end the lists. Names as printed, and as the code has them.
        browsers = {"safari": {"5-0": 5, "4-1": 2},
                    "ie": {"9-0": 5, "8-0": 2, "7-0": 1, "6-0": 1}}
        platforms = {"macintosh": 10, "windows": 5, "linux": 2}
        printed = {"_id": "site_id:month", "browsers": browsers, "platforms": platforms}
        shorter = {"_id": "site_id:month", "b": browsers, "p": platforms}
        self.db.technology.insert_one(printed)
        self.assertEqual(self.db.technology.find_one(), printed)
        # "No need to waste space."
        saved = len(bson.encode(printed)) - len(bson.encode(shorter))
        self.assertEqual(saved, len("rowsers") + len("latforms"))

    def test_a6_browser_and_platform_in_one_update(self):
        # update = {'$inc' => {"b.#{browser_name}.#{browser_version}" => 1, "p.#{platform}" => 1}}
        update = {"$inc": {"b.safari.5-0": 1, "p.macintosh": 1}}
        query = {"_id": "4d5:2011-06"}
        for count in (1, 2):
            self.db["technology.2011"].update_one(query, update, upsert=True)
            self.assertEqual(self.db["technology.2011"].find_one(), {
                "_id": "4d5:2011-06", "b": {"safari": {"5-0": count}}, "p": {"macintosh": count}})

    def test_a4_major_and_minor_are_kept(self):
        self.assertEqual(technology.major_minor("12.0.742.112"), "12-0")
        self.assertEqual(technology.major_minor("5"), "5-0")
        # 4 full versions are 2 kept ones: "5-10 versions per month per browser instead of 50".
        full = ("12.0.742.91", "12.0.742.112", "11.0.696.71", "11.0.696.77")
        self.assertEqual({technology.major_minor(version) for version in full}, {"12-0", "11-0"})

    def test_a5_dots_in_names(self):
        # A path of an update is split at each dot.
        self.db.technology.update_one({"_id": 1}, {"$inc": {"b.chrome.12.0": 1}}, upsert=True)
        self.assertEqual(self.db.technology.find_one()["b"], {"chrome": {"12": {"0": 1}}})
        # In a document the methods of the time refuse them; servers have stored them since 5.0.
        if PYMONGO_3:
            with self.assertRaises(InvalidDocument):
                self.db.technology.insert({"_id": 2, "12.0": 1})
        self.db.command("insert", "technology", documents=[{"_id": 3, "12.0": 1}])
        self.assertEqual(self.db.technology.find_one({"_id": 3}), {"_id": 3, "12.0": 1})

    def test_a2_six_browsers_and_nine_platforms(self):
        for agent, expected in AGENTS.items():
            found = technology.browser(agent) + (technology.platform(agent),)
            self.assertEqual(found, expected, agent)
        self.assertEqual({of[0] for of in AGENTS.values()}, set(technology.BROWSERS))
        self.assertEqual({of[2] for of in AGENTS.values()}, set(technology.PLATFORMS))

    def test_a12_sizes_in_ranges(self):
        for size, expected in ((1, "320"), (320, "320"), (479, "320"), (480, "480"), (1023, "800"),
                               (1024, "1024"), (1999, "1600"), (2000, "2000"), (9999, "2000")):
            self.assertEqual(technology.bucket(size, technology.WIDTHS), expected)
        agent = next(iter(AGENTS))
        technology.track(self.db, "s", JUNE, agent, screen=(1440, 900), window=(1300, 780))
        document = self.db["technology.2011"].find_one()
        self.assertEqual({name: document[name] for name in ("sx", "bx", "by")},
                         {"sx": {"1440": 1}, "bx": {"1280": 1}, "by": {"768": 1}})


class Hits(ArticleTest):
    """Three sites, two years: counted by the server, and by the test."""

    SITES = ("s1", "s2", "s3")

    def setUp(self):
        super().setUp()
        chance = random.Random(2011)
        self.counted = Counter()
        agents = list(AGENTS)
        self.hits = 600
        for _ in range(self.hits):
            site, agent = chance.choice(self.SITES), chance.choice(agents)
            when = datetime(2011, 1, 1) + timedelta(minutes=chance.randrange(2 * 365 * 1440))
            technology.track(self.db, site, when, agent)
            name, version, platform = AGENTS[agent]
            month = "%s:%s" % (site, when.strftime("%Y-%m"))
            self.counted[month, "b", name, version] += 1
            self.counted[month, "p", platform] += 1

    def months(self):
        for year in (2011, 2012):
            yield from self.db["technology.%d" % year].find()

    def test_a8_sums_of_all_months(self):
        found = Counter()
        for month in self.months():
            for name, versions in month["b"].items():
                for version, hits in versions.items():
                    found[month["_id"], "b", name, version] += hits
            for platform, hits in month["p"].items():
                found[month["_id"], "p", platform] += hits
        self.assertEqual(found, self.counted)

    def test_a7_one_index_and_one_key_for_a_month(self):
        for year in (2011, 2012):
            collection = self.db["technology.%d" % year]
            self.assertEqual(list(collection.index_information()), ["_id_"])
            # "Number of sites * 12 documents at a maximum."
            self.assertLessEqual(collection.count_documents({}), len(self.SITES) * 12)
        explained = self.db["technology.2011"].find({"_id": "s1:2011-06"}).explain()
        self.assertEqual((stages(explained), looked(explained)), (["IDHACK"], (1, 1, 1)))

    def test_a8_an_old_year_is_summed_up_and_dropped(self):
        expected = Counter()
        for (month, kind, name, *_), hits in self.counted.items():
            site, _, date = month.partition(":")
            if date.startswith("2011"):
                expected["%s:2011" % site, kind, name] += hits
        for _ in range(2):
            technology.summarise(self.db, 2011)
        self.db.drop_collection("technology.2011")
        found = Counter({(year["_id"], kind, name): hits
                         for year in self.db["technology.years"].find()
                         for kind in "bp" for name, hits in year[kind].items()})
        self.assertEqual(found, expected)
        self.assertEqual(sorted(self.db.list_collection_names()),
                         ["technology.2012", "technology.years"])

    def test_a10_one_key_for_each_number_counts_the_same(self):
        for (month, *rest), hits in self.counted.items():
            self.db.keys.update_one({"_id": ":".join([month] + rest)}, {"$inc": {"n": hits}},
                                    upsert=True)
        [total] = self.db.keys.aggregate([{"$group": {"_id": None, "n": {"$sum": "$n"}}}])
        self.assertEqual(total["n"], 2 * self.hits)
        # "That means showing … an entire month is one query": here one of many keys.
        june = {"_id": {"$gte": "s1:2011-06:", "$lt": "s1:2011-06;"}}
        month = self.db["technology.2011"].find_one({"_id": "s1:2011-06"})
        numbers = sum(map(len, month["b"].values())) + len(month["p"])
        self.assertEqual(self.db.keys.count_documents(june), numbers)


class Costs(ArticleTest):
    def test_a9_a_month_stops_growing(self):
        agents = list(AGENTS)
        sizes = []
        for _ in range(3):
            for agent in agents:
                technology.track(self.db, "s", JUNE, agent)
            [shown] = self.db["technology.2011"].aggregate([
                {"$project": {"bytes": {"$bsonSize": "$$ROOT"}}}])
            sizes.append(shown["bytes"])
        document = self.db["technology.2011"].find_one()
        self.assertEqual(sizes, [len(bson.encode(document))] * 3)
        numbers = sum(map(len, document["b"].values())) + len(document["p"])
        self.assertLess(numbers, 100)

    def test_a11_seven_or_eight_writes_for_a_view_instead_of_one(self):
        reports = ("views", "browsers", "platforms", "screens", "content", "referrers", "terms",
                   "locations")
        before = self.updates()
        for report in reports:
            self.db[report].update_one({"_id": "s:2011-06"}, {"$inc": {"n": 1}}, upsert=True)
        self.assertEqual(self.updates() - before, len(reports))
        # One document with paths for all of them takes one.
        before = self.updates()
        self.db.all.update_one({"_id": "s:2011-06"}, {"$inc": {name + ".n": 1 for name in reports}},
                               upsert=True)
        self.assertEqual(self.updates() - before, 1)

    def updates(self):
        return self.client.admin.command("serverStatus")["opcounters"]["update"]

    def test_a11_counters_take_less_than_the_hits(self):
        chance = random.Random(11)
        agents = list(AGENTS)
        hits = []
        for number in range(1_000):
            agent, when = chance.choice(agents), JUNE + timedelta(seconds=number)
            hits.append({"site": "s", "time": when, "agent": agent})
            technology.track(self.db, "s", when, agent)
        self.db.hits.insert_many(hits)
        self.db.hits.create_index([("site", 1), ("time", 1)])
        raw = self.db.command("collStats", "hits")
        counted = self.db.command("collStats", "technology.2011")
        self.assertGreater(raw["size"], 100 * counted["size"])
        self.assertEqual((raw["nindexes"], counted["nindexes"]), (2, 1))
        self.assertGreater(raw["totalIndexSize"], counted["totalIndexSize"])
        # The same numbers from the hits take a look at each of them.
        [chrome] = self.db.hits.aggregate([
            {"$match": {"agent": {"$regex": "Chrome/12"}}}, {"$count": "n"}])
        [month] = self.db["technology.2011"].find()
        self.assertEqual(month["b"]["chrome"]["12-0"], chrome["n"])


class Visitors(ArticleTest):
    """Comments 3 to 6: who is new is known by a cookie, and each site has a zone."""

    def test_a13_views_and_visitors(self):
        chance = random.Random(13)
        seen, cookies = set(), [chance.randrange(40) for _ in range(300)]
        for cookie in cookies:
            added = {"views": 1, "people": int(cookie not in seen)}
            seen.add(cookie)
            self.db.views.update_one({"_id": "s:2011-06"}, {"$inc": added}, upsert=True)
        self.assertEqual(self.db.views.find_one(),
                         {"_id": "s:2011-06", "views": 300, "people": len(set(cookies))})

    def test_a14_a_hit_belongs_to_the_month_of_its_site(self):
        late = datetime(2011, 6, 30, 23, 1)
        agent = next(iter(AGENTS))
        technology.track(self.db, "utc", late, agent)
        technology.track(self.db, "east", late, agent, utc_offset=2)
        names = [month["_id"] for month in self.db["technology.2011"].find().sort("_id", 1)]
        self.assertEqual(names, ["east:2011-07", "utc:2011-06"])
        technology.track(self.db, "east", datetime(2011, 12, 31, 22), agent, utc_offset=2)
        self.assertEqual(self.db["technology.2012"].find_one()["_id"], "east:2012-01")

    def test_a14_another_zone_leaves_overlaps_and_gaps(self):
        # Of a hit each hour: a zone further west counts hours again, one further east leaves
        # some out.
        for site, offsets, expected in (("overlap", (2, -2), {"max": 2, "min": 1}),
                                        ("gap", (-2, 2), {"max": 1, "min": 0})):
            for hour in range(48):
                when = technology.in_zone(JUNE + timedelta(hours=hour), offsets[hour >= 24])
                self.db.views.update_one({"_id": "%s:%s" % (site, when.strftime("%Y-%m-%d"))},
                                         {"$inc": {"hours.%d" % when.hour: 1}}, upsert=True)
            day = "%s:2011-06-29" % site
            hours = self.db.views.find_one({"_id": day})["hours"]
            counts = [hours.get(str(hour), 0) for hour in range(24)]
            self.assertEqual({"max": max(counts), "min": min(counts[:22])}, expected)

"""Browsers, platforms and sizes of screens by site and month: a document for each, in a collection
for each year. A hit adds to all of them in one update."""

import re
from bisect import bisect_right
from datetime import timedelta

BROWSERS = ("chrome", "safari", "firefox", "opera", "ie", "other")
PLATFORMS = ("mac", "windows", "linux", "iphone", "ipad", "ipod", "android", "blackberry", "other")
# Widths of screens, and widths and heights of windows: a hit counts in the last that it reaches.
WIDTHS = (320, 480, 800, 1024, 1280, 1440, 1600, 2000)
HEIGHTS = (480, 600, 768, 900, 1024)

# In the order in which they are looked for: most browsers name others as well.
BROWSER_PATTERNS = (
    ("opera", r"(?:OPR/|Opera.*Version/|Opera[/ ])([\d.]+)"),
    ("ie", r"(?:MSIE |Trident/.*rv:)([\d.]+)"),
    ("chrome", r"Chrom(?:e|ium)/([\d.]+)"),
    ("firefox", r"Firefox/([\d.]+)"),
    ("safari", r"Version/([\d.]+).*Safari/"),
)
PLATFORM_PATTERNS = (
    ("ipad", "iPad"), ("ipod", "iPod"), ("iphone", "iPhone"), ("android", "Android"),
    ("blackberry", "BlackBerry|BB10"), ("windows", "Windows"), ("mac", "Mac OS X|Macintosh"),
    ("linux", "Linux|X11"),
)


def major_minor(version):
    """`12.0.742.112` is `12-0`: no dots, which would lead into sub-documents."""
    parts = [part for part in version.split(".") if part] + ["0", "0"]
    return "%s-%s" % (parts[0], parts[1])


def browser(user_agent):
    """(name, major and minor version)"""
    for name, pattern in BROWSER_PATTERNS:
        match = re.search(pattern, user_agent)
        if match:
            return name, major_minor(match.group(1))
    return "other", "0-0"


def platform(user_agent):
    for name, pattern in PLATFORM_PATTERNS:
        if re.search(pattern, user_agent):
            return name
    return "other"


def bucket(size, bounds):
    return str(bounds[max(bisect_right(bounds, size) - 1, 0)])


def in_zone(when, utc_offset):
    """The site's clock: the month of a hit is that of its own zone."""
    return when + timedelta(hours=utc_offset)


def collection(db, when):
    return db["technology.%d" % when.year]


def name_of(site, when):
    return "%s:%s" % (site, when.strftime("%Y-%m"))


def counters(user_agent, screen=None, window=None):
    """What a hit adds to."""
    name, version = browser(user_agent)
    paths = ["b.%s.%s" % (name, version), "p.%s" % platform(user_agent)]
    if screen:
        paths.append("sx." + bucket(screen[0], WIDTHS))
    if window:
        paths += ["bx." + bucket(window[0], WIDTHS), "by." + bucket(window[1], HEIGHTS)]
    return paths


def track(db, site, when, user_agent, screen=None, window=None, utc_offset=0):
    """Counts a hit of a site by its browser, platform and sizes."""
    when = in_zone(when, utc_offset)
    change = {"$inc": {path: 1 for path in counters(user_agent, screen, window)}}
    collection(db, when).update_one({"_id": name_of(site, when)}, change, upsert=True)


def summarise(db, year):
    """Makes of a year's months one small document for each site, in `technology.years`."""
    for month in db["technology.%d" % year].find():
        site = month["_id"].rpartition(":")[0]
        added = {"b." + name: sum(versions.values()) for name, versions in month["b"].items()}
        added.update({"p." + name: hits for name, hits in month["p"].items()})
        # Again for a month that was summarised before, nothing is added.
        db["technology.years"].update_one({"_id": "%s:%d" % (site, year)},
                                          {"$setOnInsert": {"months": []}}, upsert=True)
        db["technology.years"].update_one(
            {"_id": "%s:%d" % (site, year), "months": {"$ne": month["_id"]}},
            {"$inc": added, "$push": {"months": month["_id"]}})

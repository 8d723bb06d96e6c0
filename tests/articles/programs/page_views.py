"""Hits of pages, counted by minute, hour and day in documents that exist before they are needed.

A page has a document for each day in `stats.daily` and one for each month in `stats.monthly`. Both
are found by `_id` alone. Whoever comes first makes them, whole and zeroed or not: no order of calls
fails.
"""

from datetime import datetime, time, timedelta

INDEX = [("metadata.site", 1), ("metadata.page", 1), ("metadata.date", 1)]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def midnight(when):
    return datetime.combine(when.date(), time.min)


def daily_id(when, site, page):
    return when.strftime("%Y%m%d/") + site + page


def monthly_id(when, site, page):
    return when.strftime("%Y%m/") + site + page


def metadata(date, site, page):
    return {"date": date, "site": site, "page": page}


def create_indexes(db):
    return [collection.create_index(INDEX) for collection in (db.stats.daily, db.stats.monthly)]


def log_hit(db, when, site, page):
    """Counts a hit in the day and in the month."""
    counters = {
        "daily": 1,
        "hourly.%d" % when.hour: 1,
        "minute.%d.%d" % (when.hour, when.minute): 1,
    }
    day = midnight(when)
    db.stats.daily.update_one(
        {"_id": daily_id(when, site, page)},
        {"$setOnInsert": {"metadata": metadata(day, site, page)}, "$inc": counters},
        upsert=True,
    )
    db.stats.monthly.update_one(
        {"_id": monthly_id(when, site, page)},
        {
            "$setOnInsert": {"metadata": metadata(day.replace(day=1), site, page)},
            "$inc": {"daily.%d" % when.day: 1},
        },
        upsert=True,
    )


def zeroed_day(day, site, page):
    return {
        "metadata": metadata(day, site, page),
        "daily": 0,
        "hourly": {str(hour): 0 for hour in range(24)},
        "minute": {str(hour): {str(minute): 0 for minute in range(60)} for hour in range(24)},
    }


def zeroed_month(day, site, page):
    zeroes = {str(number): 0 for number in range(1, 32)}
    return {"metadata": metadata(day.replace(day=1), site, page), "daily": zeroes}


def preallocate(db, when, site, page):
    """Makes the documents of that day and month with all their fields, unless they exist."""
    day = midnight(when)
    for collection, name, zeroed in (
        (db.stats.daily, daily_id(when, site, page), zeroed_day(day, site, page)),
        (db.stats.monthly, monthly_id(when, site, page), zeroed_month(day, site, page)),
    ):
        collection.update_one({"_id": name}, {"$setOnInsert": zeroed}, upsert=True)


def log_hit_and_prepare(db, when, site, page, hits_a_day, random, tickets=5):
    """Counts a hit, and with a probability of `tickets / hits_a_day` prepares tomorrow.

    Of one ticket a day nothing comes in 37 of 100 days, of five in 0.7.
    """
    if random() < tickets / hits_a_day:
        preallocate(db, when + DAY, site, page)
    log_hit(db, when, site, page)


def last_hour(db, now, site, page):
    """Hits of each of the 60 minutes that end with this one; after midnight of two documents."""
    begin = now.replace(second=0, microsecond=0) - 59 * timedelta(minutes=1)
    names = sorted({daily_id(when, site, page) for when in (begin, now)})
    hours = sorted({begin.hour, now.hour})
    wanted = {"minute.%d" % hour: 1 for hour in hours}
    minutes = {day["_id"]: day.get("minute", {}) for day in
               db.stats.daily.find({"_id": {"$in": names}}, wanted)}
    counts = []
    for number in range(60):
        when = begin + number * timedelta(minutes=1)
        of_hour = minutes.get(daily_id(when, site, page), {}).get(str(when.hour), {})
        counts.append(of_hour.get(str(when.minute), 0))
    return counts


def hours_of_days(db, begin, end, site, page):
    """Hits of each hour from the day `begin` to the day `end`, both counted: {date: 24 counts}."""
    of_page = {"metadata.site": site, "metadata.page": page,
               "metadata.date": {"$gte": midnight(begin), "$lte": midnight(end)}}
    found = db.stats.daily.find(of_page, {"metadata.date": 1, "hourly": 1})
    return {day["metadata"]["date"]: [day["hourly"].get(str(hour), 0) for hour in range(24)]
            for day in found.sort("metadata.date", 1)}


def days_of_months(db, begin, end, site, page):
    """Hits of each day from the month of `begin` to that of `end`: {first of the month: counts}."""
    first, last = (midnight(when).replace(day=1) for when in (begin, end))
    of_page = {"metadata.site": site, "metadata.page": page,
               "metadata.date": {"$gte": first, "$lte": last}}
    found = db.stats.monthly.find(of_page, {"metadata.date": 1, "daily": 1})
    return {month["metadata"]["date"]: {int(day): hits for day, hits in month["daily"].items()}
            for month in found.sort("metadata.date", 1)}

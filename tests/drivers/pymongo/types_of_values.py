"""Every type goes in and comes out as it was."""

import datetime
import re
import uuid

from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions
from bson.son import SON

from harness import check, equal

VALUES = [
    None, True, False, 0, -1, 2 ** 31 - 1, 1.5, float("inf"), -0.0, u"t\u00e9xt\u0000nul", u"",
    [], [1, [2, [3]]], {"a": {"b": []}}, Decimal128("1.10"), Decimal128("NaN"), Binary(b"\x00\x01", 0),
    Binary(b"x", 128), ObjectId(), datetime.datetime(2012, 2, 3, 4, 5, 6, 789000), Regex("^a", "im"),
    Timestamp(1, 2), MinKey(), MaxKey(), Code("f"), Code("f", {"a": 1}), DBRef("c", 1),
    Binary(uuid.UUID(int=7).bytes, 4),
]


@check
def round_trips(db, _):
    db.c.insert_many([{"_id": n, "v": value} for n, value in enumerate(VALUES)])
    raw = db.get_collection("c", codec_options=CodecOptions(document_class=dict))
    for n, value in enumerate(VALUES):
        got = raw.find_one({"_id": n})["v"]
        if str(value) == "NaN":
            equal(str(got), "NaN")
        elif isinstance(value, Binary):
            equal(bytes(getattr(got, "bytes", got)), bytes(value), "value %d" % n)
        elif value.__class__ is Regex:
            got = got if isinstance(got, Regex) else Regex.from_native(got)
            equal((got.pattern, got.flags), (value.pattern, value.flags))
        else:
            equal(got, value, "value %d" % n)
    raw.insert_one({"_id": "long", "v": Int64(2 ** 40)})
    equal(int(raw.find_one({"_id": "long"})["v"]), 2 ** 40)
    equal(raw.find_one({"v": re.compile("nothing")}), None)
    equal(raw.count_documents({"v": {"$type": "decimal"}}), 2)


@check
def order_of_fields(db, _):
    fields = [("z", 1), ("_id", 1), ("a", 2), ("m", 3)]
    db.c.insert_one(SON(fields))
    got = db.get_collection("c", codec_options=CodecOptions(document_class=SON)).find_one()
    equal(list(got.items()), [fields[1], fields[0], fields[2], fields[3]])


@check
def increments_keep_types(db, _):
    db.c.insert_one({"_id": 1, "i": 1, "l": Int64(1), "d": 1.0, "m": 2 ** 31 - 1})
    db.c.update_one({}, {"$inc": {"i": 1, "l": 1, "d": 1, "m": 1}})
    kinds = next(db.c.aggregate([{"$project": {k: {"$type": "$" + k} for k in "ildm"}}]))
    equal(kinds, {"_id": 1, "i": "int", "l": "long", "d": "double", "m": "long"})
    equal(db.c.find_one()["m"], Int64(2 ** 31))

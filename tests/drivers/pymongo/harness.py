"""Checks, collected by a decorator and run one after the other, each on an empty database."""

import os
import sys
import traceback

import pymongo

IS_3 = pymongo.version_tuple[0] == 3
URI = os.environ["MONGODB_URI"]
_checks = []


def check(function):
    """Marks a check. It gets a database that is empty and a client."""
    _checks.append(function)
    return function


def equal(got, wanted, what=""):
    """Fails unless both are the same, types of numbers included."""
    if got != wanted or type(got) is not type(wanted):
        raise AssertionError("%s: got %r, wanted %r" % (what or "value", got, wanted))


def fails(error, code, do):
    """Fails unless `do` raises this error with this code; the error's reply."""
    try:
        do()
    except error as raised:
        equal(getattr(raised, "code", None), code, "code of %r" % raised)
        return raised
    raise AssertionError("no %s, code %s" % (error.__name__, code))


def client(uri=URI, **options):
    """A client that does not wait long for a server that is not there."""
    return pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000, **options)


def run(name):
    """Runs all checks; ends the process with 1 if one failed."""
    failed = []
    with client() as shared:
        for function in _checks:
            shared.drop_database("drivers")
            try:
                function(shared.drivers, shared)
            except Exception:  # whatever it was, the next check is run
                failed.append(function.__name__)
                print("FAILED %s.%s" % (function.__module__, function.__name__))
                traceback.print_exc(limit=-3 if sys.version_info[0] > 2 else None)
        shared.drop_database("drivers")
    print("%s: %d passed, %d failed" % (name, len(_checks) - len(failed), len(failed)))
    sys.exit(1 if failed else 0)

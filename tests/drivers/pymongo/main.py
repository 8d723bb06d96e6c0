"""The common surface of PyMongo on a server of ours: `MONGODB_URI=… main.py`, with PyMongo 3.13 or 4."""

import pymongo

import harness

# Each of these registers its checks.
import admin  # noqa: F401
import aggregation  # noqa: F401
import bulk  # noqa: F401
import connecting  # noqa: F401
import crud  # noqa: F401
import cursors  # noqa: F401
import errors  # noqa: F401
import files  # noqa: F401
import find_and_modify  # noqa: F401
import indexes  # noqa: F401
import sums  # noqa: F401
import types_of_values  # noqa: F401

if __name__ == "__main__":
    harness.run("PyMongo " + pymongo.version)

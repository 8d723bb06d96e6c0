"""Runs every script of the articles, or those that are named, and says how it went.

    python3 tests/articles [--uri mongodb://127.0.0.1:27017] [SCRIPT ...]
"""

import argparse
import os
import sys
import unittest
from pathlib import Path

SCRIPTS = ["counters_everywhere", "pre_aggregated_schema", "pre_aggregated_reports",
           "pre_aggregated_charts", "event_logging", "event_queries", "orders", "accounts",
           "accounts_killed"]


def main():
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--uri", help="another server to ask; its database h_articles is removed")
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, metavar="SCRIPT")
    options = parser.parse_args()
    if options.uri:
        os.environ["ARTICLES_URI"] = options.uri
    suite = unittest.defaultTestLoader.loadTestsFromNames(options.scripts)
    result = unittest.TextTestRunner(warnings="ignore").run(suite)
    failed = len(result.failures) + len(result.errors)
    import pymongo
    print("PyMongo %s: %d passed, %d failed, %d are not for this server" % (
        pymongo.version, result.testsRun - failed - len(result.skipped), failed,
        len(result.skipped)))
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())

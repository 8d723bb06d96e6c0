"""What the scripts of the articles share: a server, a database, and checks of both.

The server is a `tallymap serve` of our own in a directory for temporary files, unless ARTICLES_URI
names another one: then only what MongoDB promises is tested, not what tallymap adds.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import warnings
from pathlib import Path

import pymongo
from pymongo.errors import OperationFailure

HERE = Path(__file__).resolve().parent
URI = os.environ.get("ARTICLES_URI")
PROGRAM = os.environ.get("TALLYMAP", str(HERE.parent.parent / "target/debug/tallymap"))
PYMONGO_3 = pymongo.version_tuple[0] == 3
START_SECONDS_MAX = 60

# PyMongo 3.13 warns at each method that the articles use and 4 no longer has.
warnings.simplefilter("ignore", DeprecationWarning)

only_tallymap = unittest.skipIf(URI, "tallymap's own figures, or a server that may be killed")


class Server:
    """A `tallymap serve` that can be killed and started again over the same directory."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tallymap-articles-"))
        self.dbpath = self.folder / "data"
        for attempt in range(5):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            try:
                self.start()
                break
            except RuntimeError:
                # Somebody else may have taken the port since.
                if attempt == 4:
                    raise
        self.uri = "mongodb://127.0.0.1:%d/" % self.port

    def start(self):
        """Starts it, and returns when it listens."""
        command = [PROGRAM, "serve", "--dbpath", str(self.dbpath), "--port", str(self.port)]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("the server ended:\n" + (self.folder / "log").read_text())
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError("the server does not listen at port %d" % self.port)

    def kill(self):
        """SIGKILL: nothing is written, closed or said any more."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code of a clean end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS_MAX)

    def remove(self):
        """Ends it if it runs, and removes its files."""
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


_server = None


def server():
    """The server that the tests of this process share."""
    global _server
    if _server is None:
        _server = Server()
        atexit.register(_server.remove)
    return _server


def connect(uri=None, **options):
    options.setdefault("serverSelectionTimeoutMS", 10_000)
    return pymongo.MongoClient(uri or URI or server().uri, **options)


class ArticleTest(unittest.TestCase):
    """A test with an empty database, `self.db`."""

    def setUp(self):
        self.client = connect()
        self.addCleanup(self.client.close)
        self.db = self.client["h_articles"]
        self.client.drop_database(self.db.name)
        self.addCleanup(self.client.drop_database, self.db.name)

    def refused(self, code, act, *args, **kwargs):
        """Asserts that the server refuses with this code; returns the error."""
        with self.assertRaises(OperationFailure) as caught:
            act(*args, **kwargs)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception

    def moves(self):
        """Documents that had to be moved, since the server was started."""
        return self.client.admin.command("serverStatus")["metrics"]["record"]["moves"]

    def skips(self, collection, query, path):
        """Fields that an increment of `path` would have to pass by. Nothing is changed."""
        update = {"update": collection, "updates": [{"q": query, "u": {"$inc": {path: 1}}}]}
        explained = self.db.command("explain", update, verbosity="executionStats")
        return explained["executionStats"]["executionStages"]["tallymap"]["fieldsSkipped"]


def stages(explained):
    """Names of the stages of the plan that won, from the top down."""
    stage, names = explained["queryPlanner"]["winningPlan"], []
    while stage:
        names.append(stage["stage"])
        stage = stage.get("inputStage")
    return names


def looked(explained):
    """(keys, documents) that were looked at, and documents that were returned."""
    stats = explained["executionStats"]
    return stats["totalKeysExamined"], stats["totalDocsExamined"], stats["nReturned"]

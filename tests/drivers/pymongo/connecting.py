"""Ways to come in: options of the URI, compression, unix sockets, TLS, users."""

import os
import ssl
from urllib.parse import quote_plus

from pymongo import monitoring
from pymongo.errors import ConnectionFailure, OperationFailure
from pymongo.server_api import ServerApi

from harness import URI, check, client, equal, fails


# What only servers that the runner starts are known to have.
SOCKET = os.environ.get("MONGODB_SOCKET")
CERTIFICATE = os.environ.get("MONGODB_CERTIFICATE")
AUTH_URI = os.environ.get("MONGODB_AUTH_URI")


def works(uri=URI, **options):
    with client(uri, **options) as other:
        coll = other.drivers.c
        coll.insert_one({"_id": 1, "t": "abc" * 1000})
        equal(coll.find_one()["t"], "abc" * 1000)
        coll.insert_many([{"_id": n, "t": "xyz" * 100} for n in range(2, 2000)])
        equal(sum(1 for _ in coll.find()), 1999)
        coll.drop()


@check
def plainly(_, shared):
    works()
    works(appname="checks", maxPoolSize=1, retryWrites=True)
    equal(shared.address[1], int(URI.split("?")[0].rstrip("/").rsplit(":", 1)[1]))


@check
def with_an_api_version(db, _):
    works(server_api=ServerApi("1"))
    with client(server_api=ServerApi("1", strict=True)) as strict:
        fails(OperationFailure, 323, lambda: strict.drivers.command("collStats", "c"))


@check
def commands_are_told(_, __):
    class Listener(monitoring.CommandListener):
        def __init__(self):
            self.seen = []

        def started(self, event):
            self.seen.append((event.command_name, event.database_name))

        def succeeded(self, event):
            self.seen.append((event.command_name, event.reply["ok"]))

        def failed(self, event):
            self.seen.append((event.command_name, event.failure["code"]))
    listener = Listener()
    with client(event_listeners=[listener]) as other:
        other.drivers.command("ping")
        fails(OperationFailure, 59, lambda: other.drivers.command("nonsense"))
    equal(listener.seen[:4], [("ping", "drivers"), ("ping", 1.0), ("nonsense", "drivers"),
                              ("nonsense", 59)])


def compressed(name, shared):
    """By a compression that the server says it has: else the driver does without."""
    equal(shared.admin.command("isMaster", compression=["none", name]).get("compression"), [name])
    works(compressors=name)


@check
def compressed_by_zlib(_, shared):
    compressed("zlib", shared)


@check
def compressed_by_snappy(_, shared):
    compressed("snappy", shared)


@check
def compressed_by_zstd(_, shared):
    compressed("zstd", shared)


if SOCKET:
    @check
    def by_a_unix_socket(_, __):
        works("mongodb://" + quote_plus(SOCKET))
        works("mongodb://" + quote_plus(SOCKET), compressors="zlib")


if CERTIFICATE:
    @check
    def by_tls(_, __):
        works(tls=True, tlsCAFile=CERTIFICATE)
        works(tls=True, tlsCAFile=CERTIFICATE, compressors="snappy")
        try:
            client(tls=True).admin.command("ping")
            raise AssertionError("a certificate that nobody vouches for was taken")
        except (ConnectionFailure, ssl.SSLError):
            pass


if AUTH_URI:
    @check
    def with_a_user(_, __):
        own = {"username": "reader", "password": "r\u00e9ad", "authSource": "drivers"}
        with client(AUTH_URI, username="root", password="pass", authSource="admin") as root:
            root.drivers.command("dropAllUsersFromDatabase")
            root.drivers.command("createUser", own["username"], pwd=own["password"], roles=["read"])
            root.drivers.c.drop()
            root.drivers.c.insert_one({"_id": 1})
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", None):
            chosen = {"authMechanism": mechanism} if mechanism else {}
            with client(AUTH_URI, **dict(own, **chosen)) as reader:
                equal(reader.drivers.c.find_one(), {"_id": 1})
                fails(OperationFailure, 13, lambda: reader.drivers.c.insert_one({}))
                fails(OperationFailure, 13, lambda: reader.other.c.find_one())
            wrong = dict(own, password="wrong", **chosen)
            with client(AUTH_URI, **wrong) as nobody:
                fails(OperationFailure, 18, lambda: nobody.drivers.c.find_one())
        with client(AUTH_URI) as nobody:
            equal(nobody.admin.command("ping")["ok"], 1.0)
            fails(OperationFailure, 13, lambda: nobody.drivers.c.find_one())

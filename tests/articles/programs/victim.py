"""A process of the bank that is killed before a statement that was chosen, or a server is."""

import os
import signal
from datetime import timedelta

import pymongo
from pymongo.monitoring import CommandListener

from programs import bank

UNCOUNTED = {"hello", "ismaster", "isMaster", "endSessions"}


class Counting(CommandListener):
    """Calls `act` before the statement `at` is sent; the first one is 1."""

    def __init__(self, at=0, act=None):
        self.at, self.act, self.count = at, act, 0
        self.names = []

    def started(self, event):
        if event.command_name in UNCOUNTED:
            return
        self.count += 1
        self.names.append(event.command_name)
        if self.count == self.at:
            self.act()

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


def connect(uri, listener):
    """Whatever is acknowledged is in the journal, and what fails is not tried again."""
    return pymongo.MongoClient(uri, journal=True, retryReads=False, retryWrites=False,
                               event_listeners=[listener], serverSelectionTimeoutMS=10_000)


def kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)


def main(uri, name, work, die_at):
    """Runs one of `WORK` in a process of its own."""
    client = connect(uri, Counting(die_at, kill_myself))
    WORK[work](client[name])


def transfer(db, amt=5_522):
    bank.transfer(db, amt, 1, 2, timedelta(minutes=1))


def refused(db, amt=5_522):
    """A transfer that is prepared, finds no account, and rolls itself back."""
    try:
        bank.transfer(db, amt, 1, "no such account", timedelta(minutes=1))
    except bank.NoSuchAccount:
        pass


def cleanup(db):
    bank.cleanup(db, timedelta(seconds=-1))


WORK = {"transfer": transfer, "refused": refused, "cleanup": cleanup}

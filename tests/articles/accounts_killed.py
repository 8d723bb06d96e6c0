"""Transfers whose process, or whose server, is killed before each of their statements (C-3).

The periodic cleanup then finishes or undoes them, and is killed before each of its statements too.
A transfer is committed by its fourth statement: until that was sent nothing may be moved, and after
that everything.
"""

import multiprocessing
import signal
from datetime import timedelta

from pymongo.errors import PyMongoError

from accounts import AMT, BALANCES, AccountTest
from programs import bank, victim
from support import Server, connect, only_tallymap

# insert, debit, credit, commit; retire both accounts, remove.
STATEMENTS = ["insert", "update", "update", "update", "update", "update", "delete"]
COMMITTED_BY = 4
MOVED = {1: BALANCES[1] - AMT, 2: AMT}

forked = multiprocessing.get_context("forkserver")
forked.set_forkserver_preload(["pymongo", "programs.victim"])


class KilledTest(AccountTest):
    def open_accounts(self):
        for collection in (self.db.accounts, self.db.transactions):
            collection.delete_many({})
        bank.open_accounts(self.db, BALANCES)

    def uri(self):
        return "mongodb://%s:%d/" % self.client.address

    def run_and_die(self, work, die_at):
        """Returns whether it was killed: otherwise it was done before."""
        process = forked.Process(target=victim.main,
                                 args=(self.uri(), self.db.name, work, die_at))
        process.start()
        process.join(60)
        self.assertIn(process.exitcode, (0, -signal.SIGKILL), (work, die_at))
        return process.exitcode != 0

    def assertWhole(self, work, died_at):
        """All of the accounts' money is there, and where the last statement says."""
        moved = work == "transfer" and died_at > COMMITTED_BY
        self.assertSettled(MOVED if moved else BALANCES)
        self.assertEqual(sum(self.balances().values()), sum(BALANCES.values()))


class Processes(KilledTest):
    def test_c3_statements_of_a_transfer(self):
        self.open_accounts()
        listener = victim.Counting()
        client = victim.connect(self.uri(), listener)
        self.addCleanup(client.close)
        victim.transfer(client[self.db.name])
        self.assertEqual(listener.names, STATEMENTS)
        self.assertSettled(MOVED)

    def test_c3_killed_at_every_step_and_cleaned_up(self):
        for work in ("transfer", "refused"):
            for die_at in range(1, 20):
                self.open_accounts()
                died = self.run_and_die(work, die_at)
                bank.cleanup(self.db, timedelta(seconds=-1))
                self.assertWhole(work, die_at)
                if not died:
                    break
            self.assertEqual(die_at, {"transfer": len(STATEMENTS), "refused": 6}[work] + 1)

    def test_c3_the_cleanup_is_killed_at_every_step_too(self):
        killed = 0
        for die_at in range(1, len(STATEMENTS) + 1):
            for cleanup_dies_at in range(1, 30):
                self.open_accounts()
                self.assertTrue(self.run_and_die("transfer", die_at))
                died = self.run_and_die("cleanup", cleanup_dies_at)
                killed += died
                # Whoever comes next.
                bank.cleanup(self.db, timedelta(seconds=-1))
                self.assertWhole("transfer", die_at)
                if not died:
                    break
        # find, update, find, find; and three statements for each transaction that there is to end.
        self.assertEqual(killed, 4 + 6 * 7)

    def test_c3_a_cleanup_that_never_gets_to_its_end(self):
        # Each dies one statement further than the last one, and repeats what that one did.
        self.open_accounts()
        self.db.accounts.update_one({"_id": 1}, {"$set": {"balance": 4 * AMT}})
        for die_at in (3, 5, 6):
            self.run_and_die("transfer", die_at)
        cleanup_dies_at = 1
        while self.run_and_die("cleanup", cleanup_dies_at):
            cleanup_dies_at += 1
        # The first one was not committed, the others were.
        self.assertSettled({1: 2 * AMT, 2: 2 * AMT})
        self.assertGreater(cleanup_dies_at, 5)


@only_tallymap
class Servers(KilledTest):
    """The same with `j: true` and the server killed: what it acknowledged is there again."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)
        self.reconnect()

    def reconnect(self):
        self.client = connect(self.server.uri)
        self.addCleanup(self.client.close)
        self.db = self.client["h_articles"]

    def run_until_server_dies(self, work, die_at):
        """Kills the server before a statement; starts it again. Returns whether it was killed."""
        client = victim.connect(self.server.uri, victim.Counting(die_at, self.server.kill))
        try:
            victim.WORK[work](client[self.db.name])
        except PyMongoError:
            pass
        finally:
            client.close()
        died = self.server.process.poll() is not None
        if died:
            self.server.start()
            self.client.close()
            self.reconnect()
        return died

    def open_accounts(self):
        for collection in (self.db.accounts, self.db.transactions):
            collection.delete_many({})
        self.db.accounts.insert_many([{"_id": name, "balance": balance, "txns": []}
                                      for name, balance in BALANCES.items()])
        self.client.admin.command("fsync")

    def test_c3_the_server_is_killed_at_every_step(self):
        for die_at in range(1, len(STATEMENTS) + 2):
            self.open_accounts()
            died = self.run_until_server_dies("transfer", die_at)
            self.assertEqual(died, die_at <= len(STATEMENTS))
            # What was acknowledged is there to the statement.
            self.assertEqual(self.traces(), self.traces_before(die_at))
            bank.cleanup(self.db, timedelta(seconds=-1))
            self.assertWhole("transfer", die_at)
        self.assertTrue(self.db.command("validate", "accounts", full=True)["valid"])

    def traces(self):
        """(state of the transaction, balances, accounts that have something pending)"""
        state = [txn["state"] for txn in self.transactions()]
        pending = [name for name, txns in sorted(self.pending().items()) if txns]
        return state, self.balances(), pending

    def traces_before(self, statement):
        debited = {1: BALANCES[1] - AMT, 2: BALANCES[2]}
        return [([], BALANCES, []), (["new"], BALANCES, []), (["new"], debited, [1]),
                (["new"], MOVED, [1, 2]), (["commit"], MOVED, [1, 2]), (["commit"], MOVED, [2]),
                (["commit"], MOVED, []), ([], MOVED, [])][statement - 1]

    def test_c3_the_server_is_killed_at_every_step_of_the_cleanup(self):
        # Of a transfer that is to be rolled back, and of one that is to be retired.
        for die_at in (COMMITTED_BY, COMMITTED_BY + 1):
            for cleanup_dies_at in range(1, 30):
                self.open_accounts()
                self.assertTrue(self.run_and_die("transfer", die_at))
                died = self.run_until_server_dies("cleanup", cleanup_dies_at)
                bank.cleanup(self.db, timedelta(seconds=-1))
                self.assertWhole("transfer", die_at)
                if not died:
                    break
            self.assertEqual(cleanup_dies_at, 7 + 1)

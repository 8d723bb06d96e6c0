"""Mimicking Transactional Behavior: transfers with compensation (C-3), as printed and corrected."""

import random
import threading
from datetime import datetime, timedelta

from bson import ObjectId

from listing import of_2013, play, printed
from programs import bank
from support import ArticleTest

BALANCES = {1: 10_000, 2: 0}
AMT = 5_522
MINUTE = timedelta(minutes=1)

# What Python cannot read: lines that are not indented like theirs, a blank in a name, dots for
# commas, underlines and a brace that were lost.
PREPARE = (("\n   #", "\n    #"), ("\n   now", "\n    now"), ("' id'", "'_id'"),
           ("'new'.", "'new',"), ("'amt': amt.", "'amt': amt,"))
COMMIT = (("max_txn time", "max_txn_time"), ("\n   now", "\n    now"),
          ("\n   cutoff", "\n    cutoff"), ("\nelse", "\n    else"),
          ("\n    retire", "\n        retire"))
RETIRE = (("   db", "    db"),)
CLEANUP = (("max txn time", "max_txn_time"), ("rollback transfer", "rollback_transfer"))
ROLLBACK = (("'_id': txn['_id'] } })\n    db.tr", "'_id': txn['_id'] } } })\n    db.tr"),)


class AccountTest(ArticleTest):
    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)

    def balances(self):
        return {account["_id"]: account["balance"] for account in self.db.accounts.find()}

    def pending(self):
        return {account["_id"]: account["txns"] for account in self.db.accounts.find()}

    def transactions(self):
        return list(self.db.transactions.find())

    def assertSettled(self, balances):
        self.assertEqual(self.balances(), balances)
        self.assertEqual(set(map(str, self.pending().values())), {"[]"})
        self.assertEqual(self.transactions(), [])


class Printed(AccountTest):
    def setUp(self):
        super().setUp()
        bank.open_accounts(self.db, BALANCES)

    def listing(self, name, *repairs, **names):
        return play(printed(name, *repairs), db=self.then, datetime=datetime, ObjectId=ObjectId,
                    **names)

    def transaction(self, state="new"):
        txn = {"_id": ObjectId(), "state": state, "ts": datetime.utcnow(), "amt": AMT,
               "src": 1, "dst": 2}
        self.db.transaction.insert_one(txn)
        return txn

    def test_c3_what_python_cannot_read(self):
        for name in ("C-3-prepare", "C-3-commit", "C-3-cleanup", "C-3-rollback"):
            with self.assertRaises(SyntaxError, msg=name):
                self.listing(name)

    def test_c3_prepare_loses_the_money_on_its_way(self):
        prepare = self.listing("C-3-prepare", *PREPARE)["prepare_transfer"]
        with self.assertRaisesRegex(NameError, "'dest' is not defined"):
            prepare(AMT, 1, 2)
        self.assertEqual(self.balances(), {1: 10_000 - AMT, 2: 0})
        self.assertEqual([txn["state"] for txn in self.transactions()], ["new"])

    def test_c3_prepare_with_too_little_money(self):
        prepare = self.listing("C-3-prepare", *PREPARE)["prepare_transfer"]
        with self.assertRaisesRegex(NameError, "'InsufficientFundsError' is not defined"):
            prepare(AMT, 2, 1)
        # It is inserted into `transactions` and removed from `transaction`: it stays.
        self.assertEqual(len(self.transactions()), 1)
        self.assertEqual(self.balances(), BALANCES)

    def test_c3_a_credit_that_nobody_looked_at(self):
        repairs = PREPARE + (("'_id': dest }", "'_id': destination }"),)
        prepare = self.listing("C-3-prepare", *repairs)["prepare_transfer"]
        prepare(AMT, 1, "no such account")
        self.assertEqual(self.balances(), {1: 10_000 - AMT, 2: 0})
        prepare(1_000, 1, 2)
        self.assertEqual(self.balances(), {1: 10_000 - AMT - 1_000, 2: 1_000})

    def test_c3_transfer_never_gets_further_than_prepare(self):
        names = {**self.listing("C-3-prepare", *PREPARE), **self.listing("C-3-commit", *COMMIT)}
        names = self.listing("C-3-transfer", **{name: names[name] for name in
                                                ("prepare_transfer", "commit_transfer")})
        self.assertRaises(NameError, names["transfer"], AMT, 1, 2, MINUTE)

    def test_c3_commit(self):
        commit = self.listing("C-3-commit", *COMMIT)["commit_transfer"]
        txn = self.transaction()
        with self.assertRaisesRegex(NameError, "'txnid' is not defined"):
            commit(txn, MINUTE)
        commit = self.listing("C-3-commit", *COMMIT, ("txnid", "txn['_id']"))["commit_transfer"]
        with self.assertRaisesRegex(NameError, "'retire_transaction' is not defined"):
            commit(txn, MINUTE)
        self.assertEqual(self.db.transaction.find_one()["state"], "commit")
        # Of the other collection's transactions it finds none, so that none is ever committed.
        self.db.transactions.insert_one(self.db.transaction.find_one_and_delete({}))
        with self.assertRaisesRegex(NameError, "'TransactionError' is not defined"):
            commit(txn, MINUTE)

    def test_c3_retire_takes_no_number_off_an_account(self):
        txn = self.transaction("commit")
        retire = self.listing("C-3-retire", *RETIRE)["retire_transaction"]
        with self.assertRaisesRegex(NameError, "'txn' is not defined"):
            retire(txn["_id"])
        # `txns` has numbers: `txns._id` is a field of none of them.
        self.db.accounts.update_many({}, {"$push": {"txns": txn["_id"]}})
        retire = self.listing("C-3-retire", *RETIRE, txn=txn)["retire_transaction"]
        retire(txn["_id"])
        self.assertEqual(self.pending(), {1: [txn["_id"]], 2: [txn["_id"]]})
        self.assertEqual(self.db.transaction.count_documents({}), 0)
        repairs = RETIRE + (("'txns._id': txn_id", "'txns': txn_id"),
                            ("'txns._id': txn['_id']", "'txns': txn['_id']"))
        retire = self.listing("C-3-retire", *repairs, txn=txn)["retire_transaction"]
        for _ in range(2):
            retire(txn["_id"])
        self.assertEqual(self.pending(), {1: [], 2: []})

    def test_c3_rollback_gives_nothing_back(self):
        txn = self.transaction("rollback")
        self.db.accounts.update_one({"_id": 1}, {"$inc": {"balance": -AMT},
                                                 "$push": {"txns": txn["_id"]}})
        roll_back = self.listing("C-3-rollback", *ROLLBACK)["rollback_transfer"]
        roll_back(txn)
        self.assertEqual(self.balances(), {1: 10_000 - AMT, 2: 0})
        self.assertEqual(self.db.transaction.count_documents({}), 0)
        repairs = ROLLBACK + (("'txns._id'", "'txns'"), ("{ '_id': txn['_id'] } }", "txn['_id'] }"))
        roll_back = self.listing("C-3-rollback", *repairs)["rollback_transfer"]
        for _ in range(2):
            roll_back(txn)
        self.assertEqual((self.balances(), self.pending()), (BALANCES, {1: [], 2: []}))

    def test_c3_cleanup(self):
        cleanup = self.listing("C-3-cleanup", *CLEANUP)["cleanup_transactions"]
        with self.assertRaisesRegex(NameError, "'now' is not defined"):
            cleanup(None, MINUTE)
        now = {"now": datetime.utcnow() + 2 * MINUTE}
        cleanup = self.listing("C-3-cleanup", *CLEANUP, **now)["cleanup_transactions"]
        with self.assertRaisesRegex(NameError, "'txnid' is not defined"):
            cleanup(None, MINUTE)
        # One transaction is asked for instead of all, and none is given to the roll-back.
        txn, _ = self.transaction(), self.transaction()
        roll_back = self.listing("C-3-rollback", *ROLLBACK)["rollback_transfer"]
        cleanup = self.listing("C-3-cleanup", *CLEANUP, txnid=txn["_id"], **now,
                               rollback_transfer=roll_back)["cleanup_transactions"]
        with self.assertRaisesRegex(TypeError, "missing 1 required positional argument: 'txn'"):
            cleanup(None, MINUTE)
        states = sorted(txn["state"] for txn in self.db.transaction.find())
        self.assertEqual(states, ["new", "rollback"])


class Corrected(AccountTest):
    def setUp(self):
        super().setUp()
        bank.open_accounts(self.db, BALANCES)

    def test_c3_a_transfer(self):
        bank.transfer(self.db, AMT, 1, 2, MINUTE)
        self.assertSettled({1: 10_000 - AMT, 2: AMT})

    def test_c3_refused_transfers_change_nothing(self):
        for amt, source, destination, error in (
                (AMT, 2, 1, bank.InsufficientFunds), (10_001, 1, 2, bank.InsufficientFunds),
                (AMT, "no such account", 1, bank.InsufficientFunds),
                (AMT, 1, "no such account", bank.NoSuchAccount),
                (AMT, 1, 1, ValueError), (-AMT, 1, 2, ValueError)):
            with self.assertRaises(error):
                bank.transfer(self.db, amt, source, destination, MINUTE)
            self.assertSettled(BALANCES)

    def test_c3_a_transfer_that_takes_too_long(self):
        with self.assertRaises(bank.TookTooLong):
            bank.transfer(self.db, AMT, 1, 2, timedelta(0))
        self.assertSettled(BALANCES)

    def test_c3_what_is_to_be_rolled_back_is_not_committed(self):
        # As a cleanup leaves it that died after its second statement.
        txn = bank.prepare(self.db, AMT, 1, 2)
        self.db.transactions.update_one({"_id": txn["_id"]}, {"$set": {"state": "rollback"}})
        self.assertRaises(bank.TookTooLong, bank.commit, self.db, txn, MINUTE)
        self.assertSettled(BALANCES)

    def test_c3_cleanup_leaves_alone_what_is_new(self):
        txn = bank.prepare(self.db, AMT, 1, 2)
        bank.cleanup(self.db, MINUTE)
        self.assertEqual(self.balances(), {1: 10_000 - AMT, 2: AMT})
        bank.commit(self.db, txn, MINUTE)
        for _ in range(2):
            bank.cleanup(self.db, MINUTE)
            self.assertSettled({1: 10_000 - AMT, 2: AMT})

    def test_c3_rolled_back_between_any_two_of_its_steps(self):
        # A cleanup that holds the transfer to be late comes before one of its statements, and the
        # process dies before a later one, if it has as many: what it did late is undone, too.
        for late in range(1, 8):
            for death in range(late, 10):
                self.db.accounts.delete_many({})
                bank.open_accounts(self.db, BALANCES)
                outcome = self.transfer(late, death)
                bank.cleanup(self.db, timedelta(seconds=-1))
                is_late = late in (2, 3, 4)
                moved = AMT if death > 4 and not is_late else 0
                self.assertSettled({1: 10_000 - moved, 2: moved})
                if outcome is not Died:
                    self.assertEqual(outcome, bank.TookTooLong if is_late else None)

    def transfer(self, late, death):
        """How a transfer ends before whose statements these things happen."""
        def die():
            raise Died
        steps = Steps(self.db, [(late, lambda: bank.cleanup(self.db, timedelta(seconds=-1))),
                                (death, die)])
        try:
            bank.transfer(steps, AMT, 1, 2, MINUTE)
        except (bank.TransferError, Died) as error:
            return type(error)

    def test_c3_many_transfers_and_cleanups_at_once(self):
        accounts = {name: 1_000 for name in range(5)}
        self.db.accounts.delete_many({})
        bank.open_accounts(self.db, accounts)
        moved, lock, errors, done = dict(accounts), threading.Lock(), [], threading.Event()

        def pay(seed):
            chance = random.Random(seed)
            for _ in range(40):
                source, destination = chance.sample(range(5), 2)
                amt = chance.randrange(1, 700)
                try:
                    bank.transfer(self.db, amt, source, destination, MINUTE)
                except bank.TransferError:
                    continue
                except Exception as error:
                    errors.append(error)
                else:
                    with lock:
                        moved[source] -= amt
                        moved[destination] += amt

        def tidy_up():
            # Some of them so early that they stand in the way of a transfer.
            chance = random.Random(8)
            while not done.is_set():
                try:
                    bank.cleanup(self.db, timedelta(milliseconds=chance.randrange(60)))
                except Exception as error:
                    errors.append(error)

        cleaner = threading.Thread(target=tidy_up)
        cleaner.start()
        payers = [threading.Thread(target=pay, args=(seed,)) for seed in range(4)]
        for thread in payers:
            thread.start()
        for thread in payers:
            thread.join()
        done.set()
        cleaner.join()
        self.assertEqual(errors, [])
        bank.cleanup(self.db, timedelta(seconds=-1))
        self.assertSettled(moved)
        self.assertEqual(sum(moved.values()), 5_000)


class Died(BaseException):
    """The process is no more."""


class Steps:
    """A database that calls functions before statements: pairs of (number, function)."""

    def __init__(self, db, before):
        self.db, self.before, self.count = db, before, 0

    def __getattr__(self, name):
        return _Steps(self, self.db[name])


class _Steps:
    def __init__(self, steps, collection):
        self.steps, self.collection = steps, collection

    def __getattr__(self, name):
        def run(*args, **kwargs):
            self.steps.count += 1
            for number, act in self.steps.before:
                if number == self.steps.count:
                    act()
            return getattr(self.collection, name)(*args, **kwargs)
        return run

"""Transfers between accounts, each of which happens wholly or not at all.

A transfer has a document in `transactions`: `new`, then `commit` or `rollback`, then it is gone. An
account lists in `txns` what is pending there, as `{_id, amt}`: that makes every step of retiring
and rolling back one that can be repeated. What is left by a process that died, `cleanup` finishes.

The document of a transfer that took too long may be gone while its process still goes on. So the
pending entry says by how much the balance was changed: `cleanup` takes back those without a
transaction. In the book it was the transaction's number alone.
"""

from datetime import datetime

from bson import ObjectId


class TransferError(Exception):
    """The transfer did not happen."""


class InsufficientFunds(TransferError):
    pass


class NoSuchAccount(TransferError):
    pass


class TookTooLong(TransferError):
    """It was rolled back by somebody else."""


def transfer(db, amt, source, destination, max_txn_time):
    """Moves `amt`; from the return of `commit` on nothing can prevent it."""
    if amt <= 0 or source == destination:
        raise ValueError("an amount from one account to another one")
    txn = prepare(db, amt, source, destination)
    commit(db, txn, max_txn_time)
    retire(db, txn)
    return txn["_id"]


def prepare(db, amt, source, destination):
    txn = {"_id": ObjectId(), "state": "new", "ts": datetime.utcnow(), "amt": amt,
           "src": source, "dst": destination}
    db.transactions.insert_one(txn)
    debit = db.accounts.update_one(
        {"_id": source, "balance": {"$gte": amt}},
        {"$inc": {"balance": -amt}, "$push": {"txns": {"_id": txn["_id"], "amt": -amt}}})
    if not debit.matched_count:
        db.transactions.delete_one({"_id": txn["_id"]})
        raise InsufficientFunds(source)
    credit = db.accounts.update_one(
        {"_id": destination},
        {"$inc": {"balance": amt}, "$push": {"txns": {"_id": txn["_id"], "amt": amt}}})
    if not credit.matched_count:
        roll_back(db, txn)
        raise NoSuchAccount(destination)
    return txn


def commit(db, txn, max_txn_time):
    done = db.transactions.update_one(
        {"_id": txn["_id"], "state": "new", "ts": {"$gt": datetime.utcnow() - max_txn_time}},
        {"$set": {"state": "commit"}})
    if not done.matched_count:
        # Too late, or rolled back already: then what this process did since is left to be undone.
        db.transactions.update_one({"_id": txn["_id"], "state": "new"},
                                   {"$set": {"state": "rollback"}})
        roll_back(db, txn)
        raise TookTooLong(txn["_id"])


def retire(db, txn):
    """Ends a transfer that is committed. Again: nothing."""
    for account in (txn["src"], txn["dst"]):
        db.accounts.update_one({"_id": account, "txns._id": txn["_id"]},
                               {"$pull": {"txns": {"_id": txn["_id"]}}})
    db.transactions.delete_one({"_id": txn["_id"]})


def roll_back(db, txn):
    """Undoes a transfer that is not committed. Again: nothing."""
    for account, amt in ((txn["src"], -txn["amt"]), (txn["dst"], txn["amt"])):
        take_back(db, account, txn["_id"], amt)
    db.transactions.delete_one({"_id": txn["_id"]})


def take_back(db, account, txn_id, amt):
    db.accounts.update_one({"_id": account, "txns._id": txn_id},
                           {"$inc": {"balance": -amt}, "$pull": {"txns": {"_id": txn_id}}})


def cleanup(db, max_txn_time):
    """Finishes what others began; to be called from time to time."""
    for txn in db.transactions.find({"state": "commit"}):
        retire(db, txn)
    db.transactions.update_many(
        {"state": "new", "ts": {"$lt": datetime.utcnow() - max_txn_time}},
        {"$set": {"state": "rollback"}})
    for txn in db.transactions.find({"state": "rollback"}):
        roll_back(db, txn)
    for account in db.accounts.find({"txns": {"$ne": []}}):
        for entry in account["txns"]:
            if not db.transactions.count_documents({"_id": entry["_id"]}, limit=1):
                take_back(db, account["_id"], entry["_id"], entry["amt"])


def open_accounts(db, balances):
    db.accounts.insert_many([{"_id": name, "balance": balance, "txns": []}
                             for name, balance in balances.items()])

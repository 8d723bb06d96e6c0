"""Listings as they were printed, made to run with as little change as today's Python asks for.

A listing is a file of `printed/`. What has to be changed before Python can read it at all is given
as pairs of what is printed and what it becomes; each is looked for, so that none is left over.
"""

import ast
import re
import textwrap

import pymongo
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError
from pymongo.write_concern import WriteConcern

from support import HERE, PYMONGO_3

PROMPT = re.compile(r"^(-?>>>|\.\.\.) ?")
CONCERNS = ("w", "j", "wtimeout")


def printed(name, *repairs):
    """The listing's text without prompts, after `repairs`: pairs of (printed, repaired)."""
    lines = (HERE / "printed" / (name + ".txt")).read_text().splitlines()
    text = "\n".join(PROMPT.sub("", line) for line in lines)
    for wrong, right in repairs:
        assert wrong in text, "%r is not in %s" % (wrong, name)
        text = text.replace(wrong, right)
    return textwrap.dedent(text)


def play(text, **names):
    """Runs a listing with these names; returns all names there are then.

    What its last expression came to is `_`, as at the prompt.
    """
    tree = ast.parse(text)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "listing", "exec"), names)
    if last is not None:
        names["_"] = eval(compile(ast.Expression(last.value), "listing", "eval"), names)
    return names


def of_2013(db):
    """The database with the methods that the articles call.

    PyMongo 3.13 has them all. PyMongo 4 has no `update`, `insert`, `remove` and `ensure_index`, so
    that its collections get them from here: each is one call of the method that came after it.
    """
    return db if PYMONGO_3 else _Namespace(db)


class _Namespace:
    """A database or a collection of PyMongo 4; `stats.daily` is reached by its attributes."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        return _Collection(value) if isinstance(value, Collection) else value


class _Collection(_Namespace):
    def update(self, query, update, upsert=False, multi=False, **concern):
        collection = self._with(concern)
        write = collection.update_many if multi else collection.update_one
        return _reply(write(query, update, upsert=upsert))

    def insert(self, documents, continue_on_error=False, **concern):
        collection = self._with(concern)
        if not isinstance(documents, list):
            return collection.insert_one(documents).inserted_id
        try:
            return collection.insert_many(documents, ordered=not continue_on_error).inserted_ids
        except BulkWriteError as error:
            # 2013 knew one error: the last.
            last = error.details["writeErrors"][-1]
            kind = DuplicateKeyError if last["code"] == 11000 else WriteError
            raise kind(last["errmsg"], last["code"], last) from None

    def remove(self, query, **concern):
        return _reply(self._with(concern).delete_many(query))

    def ensure_index(self, keys):
        return self._inner.create_index(keys)

    def _with(self, concern):
        assert set(concern) <= set(CONCERNS), concern
        if not concern:
            return self._inner
        return self._inner.with_options(write_concern=WriteConcern(**concern))


def _reply(result):
    return result.raw_result if result.acknowledged else None

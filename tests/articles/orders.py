"""Mimicking Transactional Behavior: orders with their lines inside (C-1, C-2)."""

import random
import threading

from listing import of_2013, play, printed
from programs import shop
from support import ArticleTest

SYNTAX = ("total update", "total_update")


class TooOften(Exception):
    pass


class Bounded:
    """Orders that let `update` be called so often and no more, and others act before a call."""

    def __init__(self, orders, calls, meanwhile=()):
        self.orders, self.calls, self.meanwhile = orders, calls, dict(meanwhile)
        self.called = 0

    def update(self, *args, **kwargs):
        self.called += 1
        if self.called > self.calls:
            raise TooOften(self.called)
        self.meanwhile.get(self.called, lambda: None)()
        return self.orders.update(*args, **kwargs)


class Names:
    def __init__(self, **names):
        self.__dict__.update(names)


class Removing(ArticleTest):
    def setUp(self):
        super().setUp()
        self.then = of_2013(self.db)
        self.db.orders.insert_many([{"_id": "11223"}, {"_id": "1123"}])
        self.db.order_items.insert_many([{"order_id": "11223", "sku": str(n)} for n in range(3)])

    def left(self):
        return (self.db.orders.count_documents({"_id": "11223"}),
                self.db.order_items.count_documents({"order_id": "11223"}))

    def test_c1_the_order_first_leaves_items_without_one(self):
        # The order that goes is another one: 1123 instead of 11223.
        first, second = printed("C-1-order-first").splitlines()
        play(first, db=self.then)
        self.assertEqual(self.left(), (1, 3))
        play(first.replace("1123", "11223"), db=self.then)
        self.assertEqual(self.left(), (0, 3))
        play(second, db=self.then)
        self.assertEqual(self.left(), (0, 0))

    def test_c1_the_items_first(self):
        # `order id` is a field that no item has: nothing is removed, and nobody is told.
        first = printed("C-1-items-first").splitlines()[0]
        self.assertEqual(play(first, db=self.then)["_"]["n"], 0)
        self.assertEqual(self.left(), (1, 3))
        play(first.replace("order id", "order_id"), db=self.then)
        self.assertEqual(self.left(), (1, 0))

    def test_c1_embedded_items_go_with_their_order(self):
        self.db.orders.update_one({"_id": "1123"}, {"$set": {"items": [{"sku": "123", "qty": 2}]}})
        reply = play(printed("C-1-embedded"), db=self.then)["_"]
        self.assertEqual(reply["n"], 1)
        self.assertEqual(self.db.orders.count_documents({"items.sku": "123"}), 0)


class OrderTest(ArticleTest):
    def setUp(self):
        super().setUp()
        self.db.orders.insert_one({"_id": "11223", "total": 50094, "items": [
            {"sku": "123", "price": 5511, "qty": 2}, {"sku": "456", "price": 39072, "qty": 1}]})

    def order(self):
        return self.db.orders.find_one({"_id": "11223"})

    def qty(self, sku):
        return [line["qty"] for line in self.order()["items"] if line["sku"] == sku]

    def of_lines(self):
        return sum(line["price"] * line["qty"] for line in self.order()["items"])


class Printed(OrderTest):
    def increase_qty(self, *args, calls=4, meanwhile=()):
        self.orders = Bounded(of_2013(self.db).orders, calls, meanwhile)
        names = play(printed("C-2", SYNTAX), db=Names(orders=self.orders))
        names["increase_qty"](*args)

    def test_c2_as_printed(self):
        with self.assertRaises(SyntaxError):
            play(printed("C-2"))

    def test_c2_a_line_that_is_there(self):
        self.increase_qty("11223", "456", 39072, 1)
        self.assertEqual((self.qty("456"), self.qty("123"), self.orders.called), ([2], [2], 1))
        self.assertEqual(self.order()["total"], self.of_lines())

    def test_c2_a_new_line_adds_the_price_of_another_one(self):
        self.increase_qty("11223", "789", 100, 3)
        self.assertEqual((self.qty("789"), self.orders.called), ([3], 2))
        self.assertAlmostEqual(self.order()["total"], 50094 + 110.22)
        self.assertNotEqual(self.order()["total"], self.of_lines())

    def test_c2_no_such_order_is_tried_for_ever(self):
        with self.assertRaises(TooOften):
            self.increase_qty("no such order", "123", 5511, 1, calls=1_000)
        self.assertEqual(self.orders.called, 1_001)

    def test_c2_the_line_comes_between_both_attempts(self):
        line = {"sku": "789", "price": 100, "qty": 1}
        push = lambda: self.db.orders.update_one(
            {"_id": "11223"}, {"$push": {"items": line}, "$inc": {"total": 100}})
        self.increase_qty("11223", "789", 100, 3, meanwhile={2: push})
        self.assertEqual((self.qty("789"), self.orders.called), ([4], 3))
        self.assertEqual(self.order()["total"], self.of_lines())

    def test_c2_the_position_is_that_of_the_first_match(self):
        self.db.orders.update_one({"_id": "11223"},
                                  {"$push": {"items": {"sku": "123", "price": 1, "qty": 7}}})
        self.increase_qty("11223", "123", 5511, 1)
        self.assertEqual(self.qty("123"), [3, 7])
        # Without a condition on the array there is no position.
        self.refused(2, self.db.orders.update_one, {"_id": "11223"}, {"$inc": {"items.$.qty": 1}})


class Corrected(OrderTest):
    def test_c2_lines_that_are_there_and_new_ones(self):
        for sku, price, qty in (("123", 5511, 1), ("789", 100, 3), ("789", 100, 2), ("0", 1, 1)):
            shop.increase_qty(self.db, "11223", sku, price, qty)
        self.assertEqual((self.qty("123"), self.qty("789"), self.qty("0")), ([3], [5], [1]))
        self.assertEqual(self.order()["total"], 50094 + 5511 + 500 + 1)

    def test_c2_no_such_order(self):
        with self.assertRaises(shop.NoSuchOrder):
            shop.increase_qty(self.db, "no such order", "123", 1, 1)
        self.assertEqual(self.db.orders.count_documents({}), 1)

    def test_c2_many_at_once_while_lines_are_removed(self):
        prices = {"123": 5511, "456": 39072, "7": 7, "8": 8}
        errors = []

        def work(seed):
            chance = random.Random(seed)
            try:
                for _ in range(60):
                    sku = chance.choice(list(prices))
                    if chance.random() < 0.25:
                        shop.remove_line(self.db, "11223", sku)
                    else:
                        shop.increase_qty(self.db, "11223", sku, prices[sku], 1, tries=1_000)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        skus = [line["sku"] for line in self.order()["items"]]
        self.assertEqual(len(skus), len(set(skus)))
        self.assertEqual(self.order()["total"], self.of_lines())

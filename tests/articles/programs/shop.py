"""Orders whose lines are inside of them, with their total."""


class NoSuchOrder(Exception):
    pass


class TooManyRivals(Exception):
    pass


def increase_qty(db, order_id, sku, price, qty, tries=5):
    """Orders `qty` more of an article, be it on the order already or not.

    Others may add or take away that line between two of our steps: then we begin again.
    """
    total = price * qty
    for _ in range(tries):
        on_it = db.orders.update_one(
            {"_id": order_id, "items.sku": sku},
            {"$inc": {"total": total, "items.$.qty": qty}})
        if on_it.matched_count:
            return
        added = db.orders.update_one(
            {"_id": order_id, "items.sku": {"$ne": sku}},
            {"$inc": {"total": total},
             "$push": {"items": {"sku": sku, "qty": qty, "price": price}}})
        if added.matched_count:
            return
        if not db.orders.count_documents({"_id": order_id}, limit=1):
            raise NoSuchOrder(order_id)
    raise TooManyRivals(order_id)


def remove_line(db, order_id, sku):
    """Takes a line off an order, and its price off the total, unless it changes meanwhile."""
    order = db.orders.find_one({"_id": order_id, "items.sku": sku}, {"items.$": 1})
    if order is None:
        return False
    [line] = order["items"]
    removed = db.orders.update_one(
        {"_id": order_id, "items": line},
        {"$inc": {"total": -line["price"] * line["qty"]}, "$pull": {"items": line}})
    return bool(removed.matched_count)

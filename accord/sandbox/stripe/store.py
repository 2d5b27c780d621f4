"""The sandbox Stripe's memory: every object of one mode, in the order in which lists show them."""

import hashlib
import heapq
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any

import msgspec

from accord.sandbox.forms import words
from accord.sandbox.stripe.errors import no_such

Obj = dict[str, Any]
"""One API object as JSON, with its `id` and `object`."""

Place = tuple[int, int, str]
"""Where a row stands in its list: created, serial number, id."""

SHELVES: dict[str, str] = {
    "customer": "customers",
    "payment_intent": "payment_intents",
    "charge": "charges",
    "refund": "refunds",
    "dispute": "disputes",
    "balance_transaction": "balance_transactions",
    "product": "products",
    "price": "prices",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "invoice_payment": "invoice_payments",
    "credit_note": "credit_notes",
    "tax_rate": "tax_rates",
    "tax_id": "tax_ids",
    "payout": "payouts",
    "event": "events",
}
"""The value of `object` to the name of its list."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Shelf:
    """All objects of one kind. Rows are changed through the store only, so that their encoded form stays true."""

    def __init__(self) -> None:
        self.rows: dict[str, Obj] = {}
        self.order: list[Place] = []
        self.places: dict[str, Place] = {}
        self.born: dict[str, float] = {}
        self._encoded: dict[str, bytes] = {}

    def add(self, row: Obj, serial: int, born: float) -> None:
        key = row["id"]
        place = (row["created"], serial, key)
        self.rows[key] = row
        self.places[key] = place
        self.born[key] = born
        if not self.order or self.order[-1] < place:
            self.order.append(place)
        else:
            insort(self.order, place)

    def remove(self, key: str) -> None:
        place = self.places.pop(key)
        del self.order[bisect_left(self.order, place)]
        del self.rows[key], self.born[key]
        self._encoded.pop(key, None)

    def encoded(self, key: str) -> bytes:
        """The object as JSON; encoded once per change."""
        body = self._encoded.get(key)
        if body is None:
            body = self._encoded[key] = msgspec.json.encode(self.rows[key])
        return body

    def touched(self, key: str) -> None:
        self._encoded.pop(key, None)


class Store:
    """One mode's objects with what belongs to them and is never shown: test cards, due times, payout contents."""

    def __init__(self, livemode: bool, seed: int, now: Callable[[], float]) -> None:
        self.livemode = livemode
        self.seed = seed
        self.now = now
        self.account = "acct_" + self._code("account")[:16]
        self.shelves: dict[str, Shelf] = {name: Shelf() for name in SHELVES.values()}
        self.deleted: dict[str, str] = {}  # id -> object, of what a GET still answers
        self.cards: dict[str, str] = {}  # payment method id -> name of the test card
        self.paid_by: dict[str, str] = {}  # balance transaction id -> payout id
        self.lines: dict[str, list[Obj]] = {}  # invoice or credit note id -> every line
        self.ties: dict[str, str] = {}  # invoice id -> id of the invoice payment that came with it
        self.vat_ids: dict[str, list[Obj]] = {}  # customer id -> tax ids
        self.bills: dict[str, str] = {}  # payment intent id -> invoice id
        self.dunning: dict[str, str] = {}  # subscription id -> status after the last failed try
        self.timers: list[tuple[int, int, str, str]] = []  # due, serial, what, object id
        self.serial = 0
        self.version = 0  # grows with every change
        self.request: tuple[str | None, str | None] = (None, None)  # request id, idempotency key
        self.events_from = 0  # events older than this are not even made (the seed's early months)

    def time(self) -> int:
        """Now in whole Unix seconds, the resolution of `created`."""
        return int(self.now())

    def _code(self, what: str) -> str:
        number = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=18, key=str(self.seed).encode()).digest())
        digits = []
        for _ in range(24):
            number, digit = divmod(number, 62)
            digits.append(_DIGITS[digit])
        return "".join(digits)

    def new_id(self, prefix: str) -> str:
        """An id never given before; the same seed gives the same ids in the same order."""
        self.serial += 1
        return f"{prefix}_{self._code(f'{self.livemode}{self.serial}')}"

    def request_id(self, number: str) -> str:
        return f"req_{self._code(f'request {number}')[:14]}"

    def add(self, row: Obj) -> Obj:
        self.serial += 1
        self.version += 1
        self.shelves[SHELVES[row["object"]]].add(row, self.serial, self.now())
        return row

    def find(self, what: str, key: str) -> Obj | None:
        return self.shelves[SHELVES[what]].rows.get(key)

    def get(self, what: str, key: str, param: str = "id", status: int = 404) -> Obj:
        """The object; raises Stripe's resource_missing."""
        row = self.find(what, key)
        if row is None:
            raise no_such(what, key, param, status=status)
        return row

    def amend(self, row: Obj, **changes: Any) -> Obj:
        """Set fields; what they were before, of those that differ, as `previous_attributes` shows it."""
        before = _difference(row, changes)
        if before:
            row.update(changes)
            self.version += 1
            self.shelves[SHELVES[row["object"]]].touched(row["id"])
        return before

    def remove(self, row: Obj, *, remembered: bool) -> Obj:
        """Take an object out of its list; its stub. A remembered one still answers to a GET."""
        key, what = row["id"], row["object"]
        self.version += 1
        self.shelves[SHELVES[what]].remove(key)
        if remembered:
            self.deleted[key] = what
        return {"id": key, "object": what, "deleted": True}

    def at(self, due: int, what: str, key: str) -> None:
        """Have the timer `what` run for an object once the clock reaches `due`."""
        self.serial += 1
        heapq.heappush(self.timers, (due, self.serial, what, key))

    def dump(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        kept = words("account deleted cards paid_by lines ties vat_ids bills dunning timers serial version")
        return {name: getattr(self, name) for name in kept} | {
            "shelves": {
                name: [
                    [row, shelf.places[key][1], shelf.born[key]]
                    for _, _, key in shelf.order
                    for row in [shelf.rows[key]]
                ]
                for name, shelf in self.shelves.items()
            }
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        for name, value in dumped.items():
            if name == "timers":
                self.timers = [(due, serial, what, key) for due, serial, what, key in value]
            elif name == "shelves":
                for shelf, rows in value.items():
                    for row, serial, born in rows:
                        self.shelves[shelf].add(row, serial, born)
            else:
                setattr(self, name, value)


def _difference(old: Obj, new: Obj) -> Obj:
    """The old values of what differs, group by group."""
    before: Obj = {}
    for name, value in new.items():
        was = old.get(name)
        if was == value:
            continue
        if isinstance(was, dict) and isinstance(value, dict):
            inner = _difference(was, value) | {gone: was[gone] for gone in was if gone not in value}
            before[name] = inner | {added: None for added in value if added not in was}
        else:
            before[name] = was
    return before

"""List pages: newest first, by cursor, within `created` bounds (docs.stripe.com/api/pagination)."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from accord.sandbox.forms import words
from accord.sandbox.stripe import events
from accord.sandbox.stripe.errors import bad_param, no_such
from accord.sandbox.stripe.filters import FILTERS, Keep, bounds, chosen
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import SHELVES, Obj, Store

PAGING = frozenset(words("created ending_before expand limit starting_after"))
_OBJECT = {shelf: what for what, shelf in SHELVES.items()}


class View(NamedTuple):
    """How lists misbehave just now: rows that show up `lag` seconds late, the first page for ever, no end."""

    lag: float = 0.0
    repeat: bool = False
    endless: bool = False


HONEST = View()


class Window(NamedTuple):
    """What a page is asked for."""

    limit: int
    after: str | None
    before: str | None


def window(p: Params) -> Window:
    limit = p.whole("limit")
    limit = 10 if limit is None else limit
    if not 1 <= limit <= 100:
        raise bad_param("limit", "Invalid limit: must be between 1 and 100.", "parameter_invalid_integer")
    after, before = p.text("starting_after"), p.text("ending_before")
    if after and before:
        raise bad_param("ending_before", "You may only specify one of these parameters: ending_before, starting_after.")
    return Window(limit, after, before)


def page(store: Store, shelf: str, p: Params, view: View = HONEST) -> tuple[list[str], bool]:
    """The ids of one page, newest first, and whether there are more in the direction of travel."""
    p.only(PAGING | FILTERS[shelf].keys())
    asked = window(p)
    rows = store.shelves[shelf]
    low, high = _bounds(store, shelf, p)
    if view.repeat:
        asked = asked._replace(after=None, before=None)
    if asked.after:
        high = min(high, _place(store, shelf, asked.after, "starting_after"))
    if asked.before:
        low = max(low, _place(store, shelf, asked.before, "ending_before") + 1)
    steps = range(low, high) if asked.before else range(high - 1, low - 1, -1)
    keeps = chosen(store, shelf, p)
    if view.lag:
        latest = store.now() - view.lag
        keeps.append(lambda row: rows.born[row["id"]] <= latest)
    keys = [rows.order[step][2] for step in steps] if not keeps else _kept(store, shelf, steps, keeps)
    found = list(islice(keys, asked.limit + 1))
    more = len(found) > asked.limit
    found = found[: asked.limit]
    return (found[::-1] if asked.before else found), more or view.endless


def _kept(store: Store, shelf: str, steps: range, keeps: list[Keep]) -> Iterator[str]:
    rows = store.shelves[shelf]
    for step in steps:
        key = rows.order[step][2]
        row = rows.rows[key]
        if all(keep(row) for keep in keeps):
            yield key


def _bounds(store: Store, shelf: str, p: Params) -> tuple[int, int]:
    """The stretch of the list that `created` leaves, as positions [low, high); events live for 30 days."""
    order = store.shelves[shelf].order
    low, high = 0, len(order)
    wanted = bounds(p, "created")
    if shelf == "events":
        wanted.append(("gte", store.time() - events.RETENTION))
    for word, moment in wanted:
        edge = moment + (word in ("gt", "lte"))
        at = bisect_left(order, (edge, 0, ""))
        if word in ("gt", "gte"):
            low = max(low, at)
        else:
            high = min(high, at)
    return low, high


def _place(store: Store, shelf: str, key: str, param: str) -> int:
    place = store.shelves[shelf].places.get(key)
    if place is None:
        raise no_such(_OBJECT[shelf], key, param, status=400)
    return bisect_left(store.shelves[shelf].order, place)


def envelope(rows: list[bytes], more: bool, url: str) -> bytes:
    """The list object around rows that are JSON already."""
    more_text = b"true" if more else b"false"
    head = b'{"object":"list","data":['
    return head + b",".join(rows) + b'],"has_more":' + more_text + b',"url":' + msgspec.json.encode(url) + b"}"


def encoded(store: Store, shelf: str, p: Params, url: str, view: View = HONEST) -> bytes:
    """One page as JSON."""
    keys, more = page(store, shelf, p, view)
    rows = store.shelves[shelf]
    return envelope([rows.encoded(key) for key in keys], more, url)


def of_rows(rows: list[Obj], p: Params, url: str, known: frozenset[str] = frozenset()) -> bytes:
    """One page of a list that lives inside another object, first row first."""
    p.only(known | {"ending_before", "expand", "limit", "starting_after"})
    asked = window(p)
    keys = [row["id"] for row in rows]
    for cursor, param in ((asked.after, "starting_after"), (asked.before, "ending_before")):
        if cursor and cursor not in keys:
            raise no_such("item", cursor, param, status=400)
    if asked.before:
        rest = rows[: keys.index(asked.before)]
        part, more = rest[-asked.limit :], len(rest) > asked.limit
    else:
        rest = rows[keys.index(asked.after) + 1 :] if asked.after else rows
        part, more = rest[: asked.limit], len(rest) > asked.limit
    return envelope([msgspec.json.encode(row) for row in part], more, url)

"""Events: a frozen copy of an object at each change, kept for 30 days (docs.stripe.com/api/events)."""

import msgspec

from accord.sandbox.stripe.store import SHELVES, Obj, Store

API_VERSION = "2026-10-28.endive"
RETENTION = 30 * 86_400


def emit(store: Store, kind: str, row: Obj, previous: Obj | None = None) -> None:
    """Record that `row` changed; `previous` are the earlier values of the fields that differ.

    The copy is taken now and never rendered again, whatever version a reader asks for.
    """
    created = store.time()
    if created < store.events_from:
        return
    shelf = store.shelves[SHELVES[row["object"]]]
    snapshot = shelf.encoded(row["id"]) if row["id"] in shelf.rows else msgspec.json.encode(row)
    data: Obj = {"object": msgspec.Raw(snapshot)}
    if previous:
        data["previous_attributes"] = previous
    request, key = store.request
    store.add(
        {
            "id": store.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": created,
            "data": data,
            "livemode": store.livemode,
            "pending_webhooks": 0,
            "request": {"id": request, "idempotency_key": key},
            "type": kind,
        }
    )


def changed(store: Store, kind: str, row: Obj, previous: Obj) -> None:
    """`emit`, if anything did change."""
    if previous:
        emit(store, kind, row, previous)

"""Where a booking system keeps bookings, people and outbox: Accord's own tables, or the user's by a mapping.

docs/bookings.md describes both.
"""

from typing import Any

import msgspec

from accord.bookings import Booking, Status, wall
from accord.errors import Misconfigured
from accord.kinds import Kind
from accord.systems.sql_tables import Layout, TableMapping

LAYOUT = Layout(name="bookings", tables={Kind.BOOKING: "bookings"}, views={})

Statuses = dict[Status, list[str]]


class BookingTable(TableMapping, frozen=True, forbid_unknown_fields=True):
    """The table of the bookings, and what of it is not in a column of its own."""

    zone: str | None = None  # of all wall times, where no column says it
    statuses: Statuses = msgspec.field(default_factory=lambda: {status: [status.value] for status in Status})
    """The texts of the column for either status; the first of each is the one that is written."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tables that a booking system has for each of these."""

    booking: BookingTable
    person: TableMapping
    outbox: TableMapping | None = None


OWN = Mapping(
    BookingTable(
        "bookings",
        {field: field for field in Booking.fields() if field not in ("key", "deleted")}
        | {"key": "id", "updated": "updated_at", "created": "created_at", "start": "starts_at", "end": "ends_at"},
    ),
    TableMapping("people", {"person": "person", "account": "account", "calendar": "calendar"}),
    TableMapping("booking_outbox", {"id": "id", "key": "booking", "at": "at"}),
)
"""Accord's own tables, as sqlite.sql and postgresql.sql beside this make them."""

_FIELDS = {
    "booking": (Booking.fields(), ("key", "updated", "person", "start", "end", "title")),
    "person": (["person", "account", "calendar"], ("person", "account", "calendar")),
    "outbox": (["id", "key", "at"], ("id", "key", "at")),
}
"""What a mapping of each may name, and what it must."""


def parse_mapping(raw: object) -> Mapping:
    """Read a mapping from plain data. Raises Misconfigured with what is wrong."""
    try:
        mapping = msgspec.convert(raw, Mapping)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"the bookings mapping is malformed: {error}; see docs/bookings.md") from None
    for name, (known, needed) in _FIELDS.items():
        table: TableMapping | None = getattr(mapping, name)
        if table is not None:
            _require_sense(name, table, known, needed)
    _require_times(mapping.booking)
    _require_statuses(mapping.booking.statuses)
    return mapping


def plain(mapping: Mapping) -> dict[str, Any]:
    """The mapping as plain data, as `parse_mapping` takes it."""
    found: dict[str, Any] = msgspec.to_builtins(mapping)
    return found


def _require_sense(name: str, table: TableMapping, known: list[str], needed: tuple[str, ...]) -> None:
    what = f"the bookings mapping of {name}"
    unknown = sorted(table.columns.keys() - {*known})
    if unknown:
        raise Misconfigured(f"{what} names {unknown[0]}; its fields are {', '.join(known)}")
    lacking = [field for field in needed if field not in table.columns]
    if lacking:
        raise Misconfigured(f"{what} must say in which column {lacking[0]} is")


def _require_times(table: BookingTable) -> None:
    if ("zone" in table.columns) == (table.zone is not None):
        raise Misconfigured(
            "the bookings mapping of booking must say either in which column the zone of a booking is, or beside the "
            "columns the one zone of all of them, such as Europe/Bucharest"
        )
    if table.zone is not None:
        try:
            wall(0, table.zone)
        except ValueError:
            raise Misconfigured(
                f"the bookings mapping of booking names the zone {table.zone}, which is not known; IANA zones are "
                "written like Europe/Bucharest"
            ) from None


def _require_statuses(statuses: Statuses) -> None:
    texts = [text for some in statuses.values() for text in some]
    if len(texts) != len({*texts}) or not statuses.get(Status.BOOKED):
        raise Misconfigured(
            'the bookings mapping must give each text of the status once, and some for "booked": '
            '"statuses": {"booked": ["confirmed"], "cancelled": ["cancelled", "no-show"]}'
        )

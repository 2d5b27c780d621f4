"""Pages of a list of events, and where it goes on. Pure."""

import logging

import msgspec

from accord.calendars import Event, TokenGone
from accord.errors import Refused
from accord.systems.answers import UNREADABLE
from accord.systems.google import translate
from accord.systems.google.shapes import Id, Page

_LONGEST_TOKEN = 4_000  # characters, which still fit into an address

_log = logging.getLogger("accord.google")


class Place(msgspec.Struct, array_like=True):
    """Where a list goes on: since when, and behind which of its pages."""

    since: str | None
    page: str | None = None


def read(calendar: str, page: Page) -> tuple[list[Event], list[str]]:
    """The events of a page, and the ids of those that are deleted. Raises Refused for one of ours that is no event."""
    events, gone = [], []
    for raw in page.items or ():
        try:
            row = msgspec.json.decode(raw, type=Id)
        except UNREADABLE:
            raise Refused("Google's list has an event without an id; did its API change?") from None
        try:
            event = translate.read(calendar, raw)
        except Refused as error:
            if row.extendedProperties and translate.NAME in (row.extendedProperties.private or {}):
                raise
            _log.warning("an event that is not one of ours is left out: %s", error)
            continue
        if event is None:
            gone.append(row.id)
        else:
            events.append(event)
    return events, gone


def place(at: str | None) -> Place:
    """Where to go on. Raises TokenGone for what was never given out."""
    if at is None:
        return Place(None)
    try:
        return msgspec.json.decode(at, type=Place)
    except UNREADABLE:
        raise TokenGone from None


def kept(place: Place) -> str:
    if max(len(place.since or ""), len(place.page or "")) > _LONGEST_TOKEN:
        raise Refused(f"Google gave a token of more than {_LONGEST_TOKEN:,} characters, which no address can carry")
    return msgspec.json.encode(place).decode()

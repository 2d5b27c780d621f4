"""How events are asked for, and what the answers show."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from accord.calendars import Event
from accord.errors import AccordError, Refused
from accord.http import Response
from accord.systems.answers import decoded
from accord.systems.microsoft import shapes, translate
from accord.systems.microsoft.errors import NotFound
from accord.systems.microsoft.graph import Ask, users

LISTED = 500
"""Events of a list at once."""


def event_path(calendar: str, id: str) -> str:
    """The path of an event, without what is asked of it."""
    return f"{users(calendar)}/events/{quote(id, safe='')}"


def one_params() -> list[tuple[str, str]]:
    """What is asked of an event: our fields and the mark."""
    return [("$select", translate.SELECT), ("$expand", translate.EXPAND)]


def list_path(calendar: str) -> str:
    """The path of a calendar's own list, which has nothing that was deleted.

    A filter of the mailbox's is said to be applied to the whole mailbox (Get singleValueLegacyExtendedProperty).
    """
    return f"{users(calendar)}/calendar/events"


def named_params(name: str) -> list[tuple[str, str]]:
    """What is asked for all events of a booking's name, and of those that differ from it by capitals alone."""
    value = name.replace("'", "''")
    return _filtered(f"eq '{value}'")


def ours_params() -> list[tuple[str, str]]:
    """What is asked for all events of ours."""
    return [*_filtered("ne null"), ("$top", str(LISTED))]


def ask_one(calendar: str, id: str) -> Ask:
    """The same as a part of a batch: an event by its id, wherever in the mailbox it is."""
    return _ask(event_path(calendar, id), one_params())


def ask_named(calendar: str, name: str) -> Ask:
    """And the events of a booking's name."""
    return _ask(list_path(calendar), named_params(name))


def read(calendar: str, item: shapes.Item) -> Event:
    """The event that was asked for with its mark. Raises Refused."""
    try:
        return translate.event(calendar, item, translate.mark_of(item))
    except translate.Unsound as error:
        raise Refused(f"event {item.id} can not be read: {error}") from None


def events_of(calendar: str, page: shapes.Page) -> list[Event]:
    """The events of a list. Raises Refused for one that can not be read."""
    found: Sequence[shapes.Item] = [decoded(bytes(raw), shapes.Item, "Microsoft", "an event") for raw in page.value]
    return [read(calendar, item) for item in found]


def listed(calendar: str, answer: Response) -> list[Event]:
    """The events of an answer that is a list."""
    return events_of(calendar, decoded(answer.body, shapes.Page, "Microsoft", "a list of events"))


class Look:
    """One event as it is now. Neither `gone` nor with an item is one of other people's that can not be read."""

    def __init__(self, calendar: str, id: str) -> None:
        self.calendar = calendar
        self.id = id
        self.item: shapes.Item | None = None
        self.gone = False

    def ask(self) -> Ask:
        return ask_one(self.calendar, self.id)

    def hear(self, answer: Response, fault: Exception | None) -> bool:
        if fault is None:
            try:
                self.item = decoded(answer.body, shapes.Item, "Microsoft", "an event")
            except Refused:
                if translate.NAME_PROPERTY.encode() in answer.body:
                    raise
        elif isinstance(fault, NotFound):
            self.gone = True
        else:
            raise fault
        return True

    def doubt(self) -> None:
        """Looking changes nothing."""

    def fail(self, error: AccordError) -> None:
        raise error


def _ask(path: str, params: Sequence[tuple[str, str]]) -> Ask:
    return Ask("GET", f"{path}?{urlencode(params, quote_via=quote)}")


def _filtered(value: str) -> list[tuple[str, str]]:
    prop = f"ep/id eq '{translate.NAME_PROPERTY}' and ep/value {value}"
    return [("$filter", f"singleValueExtendedProperties/Any(ep: {prop})"), *one_params()]

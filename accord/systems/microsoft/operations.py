"""What is asked for each operation on an event, and what the answers come to.

A write that is refused because things are not as was thought is followed by a look at how they are.
"""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from accord.calendars import Create, Delete, Differs, Done, Event, NotDone, Operation, Outcome, Update, Wanted
from accord.errors import AccordError, Refused, TryLater
from accord.http import Response
from accord.systems.answers import decoded
from accord.systems.microsoft import shapes, translate
from accord.systems.microsoft.errors import Duplicate, NotFound
from accord.systems.microsoft.graph import Ask, users

_REFUSALS = 3  # of a write whose etag is right, which are known to happen


def event_path(calendar: str, id: str) -> str:
    """The path of an event, without what is asked of it."""
    return f"{users(calendar)}/events/{quote(id, safe='')}"


def one_params() -> list[tuple[str, str]]:
    """What is asked of an event: our fields and the mark."""
    return [("$select", translate.SELECT), ("$expand", translate.EXPAND)]


def named_params(name: str) -> list[tuple[str, str]]:
    """What is asked for all events of a booking's name."""
    value = name.replace("'", "''")
    prop = f"ep/id eq '{translate.NAME_PROPERTY}' and ep/value eq '{value}'"
    return [("$filter", f"singleValueExtendedProperties/Any(ep: {prop})"), *one_params()]


def read(calendar: str, item: shapes.Item) -> Event:
    """The event that was asked for with its mark. Raises Refused."""
    try:
        return translate.event(calendar, item, translate.mark_of(item))
    except translate.Unsound as error:
        raise Refused(f"event {item.id} can not be read: {error}") from None


class Look:
    """One event as it is now. Neither `gone` nor with an item is one of other people's that can not be read."""

    def __init__(self, calendar: str, id: str) -> None:
        self.calendar = calendar
        self.id = id
        self.item: shapes.Item | None = None
        self.gone = False

    def ask(self) -> Ask:
        return Ask("GET", _with(event_path(self.calendar, self.id), one_params()))

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


class Write:
    """An operation, and what came of it."""

    def __init__(self, operation: Operation) -> None:
        self.calendar = operation.calendar
        self.outcome: Outcome | None = None
        self._looks = False

    def ask(self) -> Ask:
        return self._look() if self._looks else self._act()

    def doubt(self) -> None:
        self._looks = True

    def fail(self, error: AccordError) -> None:
        self.outcome = NotDone(error)

    def hear(self, answer: Response, fault: Exception | None) -> bool:
        looked, self._looks = self._looks, False
        try:
            self.outcome = self._seen(answer, fault) if looked else self._done(answer, fault)
        except Refused as error:
            self.outcome = NotDone(error)
        return self.outcome is not None

    def _act(self) -> Ask:
        """The request that writes."""
        raise NotImplementedError

    def _look(self) -> Ask:
        """The request that shows how things are."""
        raise NotImplementedError

    def _done(self, answer: Response, fault: Exception | None) -> Outcome | None:
        """What writing came to; None where something else is to be asked. Raises Refused."""
        raise NotImplementedError

    def _seen(self, answer: Response, fault: Exception | None) -> Outcome | None:
        """What looking came to."""
        raise NotImplementedError


class Making(Write):
    """Making an event: where it may be there already, it is looked for.

    What `transactionId` prevents is not said to be prevented for ever, so it is not relied on where there is doubt.
    """

    def __init__(self, operation: Create) -> None:
        super().__init__(operation)
        self._wanted = operation.wanted
        self._fields = translate.fields(operation.wanted)
        self._fields["transactionId"] = translate.transaction(operation.calendar, operation.wanted.mark)
        self._id: str | None = None  # that Microsoft told
        self._known = False  # that it was made: if it is not found, it was deleted since

    def _act(self) -> Ask:
        return Ask("POST", f"{users(self.calendar)}/events", self._fields)

    def _look(self) -> Ask:
        if self._id is not None:
            return Ask("GET", _with(event_path(self.calendar, self._id), one_params()))
        return Ask("GET", _with(f"{users(self.calendar)}/events", named_params(self._wanted.mark.name)))

    def _done(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if isinstance(fault, Duplicate):
            self._id = fault.id
        elif fault is not None:
            raise fault
        else:  # a repeat may be answered like this, too, maybe with what became of the event
            item = decoded(answer.body, shapes.Item, "Microsoft", "a new event")
            event = _marked(self.calendar, item, self._wanted)
            if translate.shows(event, self._wanted):
                return Done(event)
            self._id = item.id
        self._known = self._looks = True
        return None

    def _seen(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if isinstance(fault, NotFound) and self._id is not None:
            return Differs(None)
        if fault is not None:
            raise fault
        if self._id is not None:
            events = [read(self.calendar, decoded(answer.body, shapes.Item, "Microsoft", "an event"))]
        else:
            events = events_of(self.calendar, decoded(answer.body, shapes.Page, "Microsoft", "a list of events"))
        mine = [one for one in events if one.mark is not None and one.mark[:2] == self._wanted.mark[:2]]
        for event in mine:
            if event.span is not None:
                return Done(event) if translate.shows(event, self._wanted) else Differs(event)
        return Differs(None) if self._known or mine else None


class Rewriting(Write):
    """What is written of an event that is there, if it is still as its etag knows it."""

    def __init__(self, operation: Update | Delete) -> None:
        super().__init__(operation)
        self._etag = operation.etag
        self._refusals = 0
        self._path = event_path(operation.calendar, operation.id)

    def _look(self) -> Ask:
        return Ask("GET", _with(self._path, one_params()))

    def _done(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if isinstance(fault, NotFound):
            return self._gone()
        if answer.status == 412:
            self._looks = True
            self._refusals += 1
            return None
        if fault is not None:
            raise fault
        return self._written(answer)

    def _seen(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if isinstance(fault, NotFound):
            return self._gone()
        if fault is not None:
            raise fault
        event = read(self.calendar, decoded(answer.body, shapes.Item, "Microsoft", "an event"))
        if event.span is None:
            return self._gone()
        if event.etag != self._etag:
            return self._changed(event)
        if self._refusals >= _REFUSALS:
            raise TryLater("Microsoft says that the event was changed, and shows it unchanged")
        return None

    def _written(self, answer: Response) -> Outcome:
        raise NotImplementedError

    def _gone(self) -> Outcome:
        raise NotImplementedError

    def _changed(self, event: Event) -> Outcome:
        raise NotImplementedError


class Changing(Rewriting):
    """Changing our fields of an event, and no others."""

    def __init__(self, operation: Update) -> None:
        super().__init__(operation)
        self._wanted = operation.wanted
        self._fields = translate.fields(operation.wanted)

    def _act(self) -> Ask:
        return Ask("PATCH", self._path, self._fields, self._etag)

    def _written(self, answer: Response) -> Outcome:
        return Done(_marked(self.calendar, decoded(answer.body, shapes.Item, "Microsoft", "an event"), self._wanted))

    def _gone(self) -> Outcome:
        return Differs(None)

    def _changed(self, event: Event) -> Outcome:
        """What was written before, and not heard of, is met again as what it is."""
        return Done(event) if translate.shows(event, self._wanted) else Differs(event)


class Deleting(Rewriting):
    """Deleting an event."""

    def _act(self) -> Ask:
        return Ask("DELETE", self._path, None, self._etag)

    def _written(self, answer: Response) -> Outcome:
        return Done(None)

    def _gone(self) -> Outcome:
        return Done(None)

    def _changed(self, event: Event) -> Outcome:
        return Differs(event)


def write_of(operation: Operation) -> Write:
    """The job that an operation is. One that can not be written at all is settled before it is asked."""
    try:
        match operation:
            case Create():
                return Making(operation)
            case Update():
                return Changing(operation)
            case Delete():
                return Deleting(operation)
    except ValueError as error:
        spoilt = Write(operation)
        spoilt.fail(Refused(f"no event can show the booking: {error}"))
        return spoilt


def events_of(calendar: str, page: shapes.Page) -> list[Event]:
    """The events of a list. Raises Refused for one that can not be read."""
    found: Sequence[shapes.Item] = [decoded(bytes(raw), shapes.Item, "Microsoft", "an event") for raw in page.value]
    return [read(calendar, item) for item in found]


def _marked(calendar: str, item: shapes.Item, wanted: Wanted) -> Event:
    """An event just written, whose answer leaves out its mark."""
    try:
        return translate.event(calendar, item, wanted.mark)
    except translate.Unsound as error:
        raise Refused(f"event {item.id} can not be read: {error}") from None


def _with(path: str, params: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(params, quote_via=quote)}"

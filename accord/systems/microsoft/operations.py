"""What is asked for each operation on an event, and what the answers come to.

A write that is refused because things are not as was thought is followed by a look at how they are.
"""

import msgspec

from accord.calendars import Create, Delete, Differs, Done, Event, NotDone, Operation, Outcome, Update, Wanted
from accord.errors import AccordError, Refused, TryLater
from accord.http import Response
from accord.systems.answers import decoded
from accord.systems.microsoft import shapes, translate
from accord.systems.microsoft.errors import Duplicate, NotFound, Undeletable
from accord.systems.microsoft.graph import Ask, users
from accord.systems.microsoft.reading import ask_named, ask_one, event_path, listed, read

_REFUSALS = 3  # of a write whose etag is right, which are known to happen
_MADE = 201


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
        self._known = False  # that it was made: if it is not found, it was deleted since

    def _act(self) -> Ask:
        return Ask("POST", f"{users(self.calendar)}/events", self._fields)

    def _look(self) -> Ask:
        return ask_named(self.calendar, self._wanted.mark.name)

    def _done(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if fault is None:  # a repeat may be answered like this, too, maybe with what became of the event
            item = decoded(answer.body, shapes.Item, "Microsoft", "a new event")
            event = _marked(self.calendar, item, self._wanted)
            # Of one that was made just now, the place is what was written, however Microsoft spells it.
            place = self._wanted.place if answer.status == _MADE else event.place
            if translate.shows(msgspec.structs.replace(event, place=place), self._wanted):
                return Done(event)
        elif not isinstance(fault, Duplicate):
            raise fault
        self._known = self._looks = True
        return None

    def _seen(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if fault is not None:
            raise fault
        events = listed(self.calendar, answer)
        mine = [one for one in events if one.mark is not None and one.mark[:2] == self._wanted.mark[:2]]
        for event in mine:
            if event.span is not None:
                return Done(event) if translate.shows(event, self._wanted) else Differs(event)
        return Differs(None) if self._known or mine else None


class Rewriting(Write):
    """What is written of an event that is there, if it is still as its etag knows it.

    An event that is found by its id may have been deleted, and is there only if its calendar lists it, too.
    """

    def __init__(self, operation: Update | Delete) -> None:
        super().__init__(operation)
        self._id = operation.id
        self._etag = operation.etag
        self._refusals = 0
        self._refusal: Exception | None = None
        self._path = event_path(operation.calendar, operation.id)
        self._name: str | None = None  # by which it is looked for in the calendar

    def _look(self) -> Ask:
        return ask_one(self.calendar, self._id) if self._name is None else ask_named(self.calendar, self._name)

    def _done(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if isinstance(fault, NotFound):
            return self._gone()
        if answer.status == 412 or isinstance(fault, Undeletable):
            self._looks = True
            self._refusals += 1
            self._refusal = fault
            return None
        if fault is not None:
            raise fault
        return self._written(answer)

    def _seen(self, answer: Response, fault: Exception | None) -> Outcome | None:
        if isinstance(fault, NotFound):
            return self._gone()
        if fault is not None:
            raise fault
        if self._name is not None:
            self._name = None
            event = next((one for one in listed(self.calendar, answer) if one.id == self._id), None)
        else:
            event = read(self.calendar, decoded(answer.body, shapes.Item, "Microsoft", "an event"))
            if event.span is not None and event.mark is not None:
                self._looks, self._name = True, event.mark.name
                return None
        if event is None or event.span is None:
            return self._gone()
        if event.etag != self._etag:
            return self._changed(event)
        if self._refusals >= _REFUSALS:
            if isinstance(self._refusal, Undeletable):
                raise self._refusal
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


def _marked(calendar: str, item: shapes.Item, wanted: Wanted) -> Event:
    """An event just written, whose answer leaves out its mark."""
    try:
        return translate.event(calendar, item, wanted.mark)
    except translate.Unsound as error:
        raise Refused(f"event {item.id} can not be read: {error}") from None

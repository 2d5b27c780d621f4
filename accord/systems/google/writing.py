"""Making, mending and deleting events: many calls in a request, several requests at once, each answered for itself."""

import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlencode

from accord.calendars import Create, Delete, Differs, Done, Event, NotDone, Operation, Outcome, Update
from accord.clock import Clock
from accord.errors import AccordError, LeftAlone, Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.ports import FanOut
from accord.systems.answers import must_be_json
from accord.systems.google import translate
from accord.systems.google.batch import CONTENT_TYPE, Call, packed, unpacked
from accord.systems.google.errors import Changed, Gone, Nobody, NotFound, Taken
from accord.systems.google.people import BATCH, CALL, People, Person
from accord.systems.google.shapes import FIELDS, PATH

_BATCH_PATH = "/batch/calendar/v3"
_MIXED = {"Accept": "multipart/mixed"}
_SILENT = {"sendUpdates": "none"}  # nobody gets mail from Google because of us
_QUIET = {**_SILENT, "maxAttendees": "1", "fields": FIELDS}

_MOST = 50  # calls in a request: Google takes 1,000, and then throttles within the request
_MOST_BYTES = 500_000
_WIDTH = 4  # requests at once
_LONGEST_WAIT = 60.0  # seconds between two tries
_TRIES = 5  # of a call, until it is given back to the caller
_PATCH = 3  # calls that a PATCH counts for (developers.google.com/calendar/api/guides/performance)

Classify = Callable[[Response], Exception | None]
Get = Callable[[str, str], Event | None]


class _Asked(NamedTuple):
    """An operation on its way: where it stands among all of them, and the call that it is."""

    place: int
    operation: Operation
    call: Call

    @property
    def cost(self) -> int:
        return _PATCH if self.call.method == "PATCH" else 1


class Writing:
    """Does operations. Each may be repeated: its id is given, or it names the etag that it was decided on."""

    def __init__(self, people: People, get: Get, classify: Classify, clock: Clock, fan_out: FanOut) -> None:
        self._people = people
        self._get = get
        self._classify = classify
        self._clock = clock
        self._fan_out = fan_out

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Do all of these; what came of each, in their order. Raises Misconfigured where none of them can be done."""
        outcomes: dict[int, Outcome] = {}
        asked: dict[Person, list[_Asked]] = defaultdict(list)
        for place, operation in enumerate(operations):
            try:
                asked[self._people.of(operation.calendar)].append(_Asked(place, operation, _call(operation)))
            except Refused as error:
                outcomes[place] = NotDone(error)
        loads = deque((person, load) for person, mine in asked.items() for load in _loads(mine, person.budget.most))

        def do_next() -> bool:
            try:
                person, load = loads.popleft()
            except IndexError:
                return False
            outcomes.update(self._do(person, load))
            return True

        self._fan_out.repeat(do_next, lambda: _WIDTH)
        return [outcomes[place] for place in range(len(operations))]

    def _do(self, person: Person, load: list[_Asked]) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        tries = 0
        while True:
            fault = self._try(person, load, outcomes)
            load = [asked for asked in load if asked.place not in outcomes]
            if fault is None:
                return outcomes
            tries += 1
            if isinstance(fault, NotAccepted) and tries > 1:
                raise fault
            if tries == _TRIES or isinstance(fault, LeftAlone | Refused) or _far(fault):
                return outcomes | {asked.place: NotDone(fault) for asked in load}
            seconds = max(after(fault), 0.5 * 2.0 ** (tries - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            if isinstance(fault, Throttled):
                person.budget.pause(CALL, seconds)
            else:
                self._clock.sleep(seconds)

    def _try(self, person: Person, load: list[_Asked], outcomes: dict[int, Outcome]) -> AccordError | None:
        """Send what is left once, and note what came of each; why some are to be sent again, None where none is."""
        try:
            person.budget.take_all(sum(asked.cost for asked in load))
            body = packed((asked.place, asked.call) for asked in load)
            answer = person.transport.post(_BATCH_PATH, body, content_type=CONTENT_TYPE, endpoint=BATCH, headers=_MIXED)
        except NotAccepted as error:
            return error  # the next one is sent with a new token
        except (TryLater, Nobody) as error:
            return error
        except Refused as error:
            raise Misconfigured(f"{error}; to a batch of calls, so none of them was heard") from None
        answers = unpacked(answer)
        fault: AccordError | None = None
        for asked in load:
            given = answers.get(asked.place)
            try:
                if given is None:
                    raise TryLater("Google's answer to a batch of calls is cut off")
                outcomes[asked.place] = self._outcome(asked.operation, given)
            except NotAccepted as error:
                person.tokens.refused()
                fault = error
            except TryLater as error:
                if _far(error):
                    outcomes[asked.place] = NotDone(error)
                else:
                    fault = error
            except Refused as error:
                outcomes[asked.place] = NotDone(error)
        return fault

    def _outcome(self, operation: Operation, answer: Response) -> Outcome:
        """What one call came to. Raises TryLater where it is to be made again."""
        fault = self._classify(answer)
        if isinstance(operation, Delete):
            return self._deleted(operation, fault)
        if fault is None:
            must_be_json(answer.body, "Google's answer for an event")
            return Done(translate.read(operation.calendar, answer.body))
        if isinstance(operation, Create):
            if not isinstance(fault, Taken):
                raise fault
            return self._compared(operation, translate.id_of(operation.wanted.mark, operation.calendar))
        if not isinstance(fault, Changed | Gone | NotFound):
            raise fault
        return self._compared(operation, operation.id)

    def _deleted(self, operation: Delete, fault: Exception | None) -> Outcome:
        if fault is None or isinstance(fault, Gone):
            return Done(None)
        if not isinstance(fault, Changed | NotFound):
            raise fault
        now = self._get(operation.calendar, operation.id)
        return Done(None) if now is None else Differs(now)

    def _compared(self, operation: Create | Update, id: str) -> Outcome:
        """What a write came to that was refused, as if it were not the first: perhaps an earlier one did it all."""
        now = self._get(operation.calendar, id)
        return Done(now) if now is not None and _done(operation, now) else Differs(now)


def _done(operation: Create | Update, now: Event) -> bool:
    """Whether an event is as this write would have it: written under its rev, by whichever request, and not changed."""
    return now.mark == operation.wanted.mark and translate.shows(now, operation.wanted)


def _call(operation: Operation) -> Call:
    """The call that does it. Raises Refused for what no event can be."""
    events = f"{PATH}/calendars/{quote(operation.calendar, safe='')}/events"
    asked = "?" + urlencode(_QUIET)
    match operation:
        case Create(calendar, wanted):
            body = translate.written(wanted, translate.id_of(wanted.mark, calendar))
            return Call("POST", events + asked, {}, body)
        case Update(_, id, etag, wanted):
            body = translate.written(wanted)
            return Call("PATCH", f"{events}/{quote(id, safe='')}{asked}", translate.matches(etag), body)
        case Delete(_, id, etag):
            return Call("DELETE", f"{events}/{quote(id, safe='')}?{urlencode(_SILENT)}", translate.matches(etag), b"")


def _loads(asked: Sequence[_Asked], most: int) -> Iterator[list[_Asked]]:
    """As many calls at once as one request takes."""
    load: list[_Asked] = []
    size = cost = 0
    for one in asked:
        size, cost = size + len(one.call.body), cost + one.cost
        if load and (len(load) == _MOST or size > _MOST_BYTES or cost > most):
            yield load
            load, size, cost = [], len(one.call.body), one.cost
        load.append(one)
    if load:
        yield load


def after(fault: AccordError) -> float:
    """The seconds that Google asks to be given."""
    return (fault.after if isinstance(fault, TryLater) else None) or 0.0


def _far(fault: AccordError) -> bool:
    """Whether it is longer until the next try than anybody should wait for it here."""
    return after(fault) > _LONGEST_WAIT

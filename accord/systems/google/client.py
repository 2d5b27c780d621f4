"""The calendars of a Google account, or of a domain's people (developers.google.com/calendar/api/v3/reference)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from accord.budget import Breaker, Unlimited
from accord.calendars import Busy, Changes, Event, Operation, Outcome, TokenGone
from accord.clock import Clock
from accord.errors import AccordError, LeftAlone, Refused, TryLater
from accord.http import NotAccepted, Transport
from accord.ports import FanOut, Threads
from accord.quota import SharedQuota
from accord.systems.answers import decoded, must_be_json
from accord.systems.google import free_busy, listing, translate
from accord.systems.google.credentials import Credentials
from accord.systems.google.errors import Gone, NotFound, Unfit, classify, classify_token
from accord.systems.google.listing import Place
from accord.systems.google.people import CALL, People, Person, PersonsBudget
from accord.systems.google.shapes import FIELDS, PATH, FreeBusy, Page
from accord.systems.google.tokens import Tokens
from accord.systems.google.writing import Writing, after

_PAGE = 1_000  # events of a list at once; with what is asked of each, far below what one answer may have
_BUSY_AT_ONCE = 50  # calendars in one question, the most that Google takes
_WIDTH = 4  # questions at once
_TRIES = 3  # of a question
_LONGEST_WAIT = 10.0  # seconds between two tries of it

_LISTED = {
    "maxResults": str(_PAGE),
    "maxAttendees": "1",
    "fields": f"nextPageToken,nextSyncToken,items({FIELDS})",
}
"""How events are listed. A token goes on from a list that was asked for in just this way."""

T = TypeVar("T")


def connect(
    *,
    base_url: str,
    token_url: str,
    credentials: Callable[[], Credentials],
    delegated: bool,
    quota: SharedQuota,
    breaker: Breaker,
    clock: Clock,
    connection: str = "main",
    client: httpx.Client | None = None,
    fan_out: FanOut | None = None,
) -> "Google":
    """A client; `base_url` is https://www.googleapis.com, `token_url` https://oauth2.googleapis.com/token.

    `credentials` is asked each time a token is, so that a changed one is taken up. `delegated`: they are a service
    account's, and a calendar is reached in the name of the person that it is called by. `connection` is its name, for
    what a person is told. `client` sends in place of sockets: a sandbox that runs in this process.
    """
    transport = partial(Transport, breaker=breaker, clock=clock, client=client)
    at = urlsplit(token_url)
    asking = transport(
        base_url=f"{at.scheme}://{at.netloc}",
        authorize=dict,
        classify=partial(classify_token, connection=connection),
        budget=Unlimited(),
    )

    def person(name: str) -> Person:
        tokens = Tokens(asking, at.path, token_url, credentials, clock)
        budget = PersonsBudget(name, quota)
        api = transport(
            base_url=base_url.rstrip("/"),
            authorize=partial(tokens.headers, name),
            stale=tokens.stale,
            classify=partial(classify, connection=connection),
            budget=budget,
        )
        return Person(budget, tokens, api)

    people = People(delegated, person)
    return Google(people, asking, partial(classify, connection=connection), clock, fan_out or Threads())


class Google:
    """Google as `accord.calendars.Calendars` asks for it. A calendar is called by its mail address, or `primary`."""

    def __init__(
        self,
        people: People,
        asking: Transport,
        judge: Callable[[Any], Exception | None],
        clock: Clock,
        fan_out: FanOut,
    ) -> None:
        self._people = people
        self._asking = asking
        self._clock = clock
        self._fan_out = fan_out
        self._writing = Writing(people, self.get, judge, clock, fan_out)

    def changes(self, calendar: str, at: str | None) -> Changes:
        """A page of what changed since `at`, of everything from None on; raises TokenGone.

        Series are listed as series, not by their occurrences, which have no end.
        """
        place = listing.place(at)
        asked = dict(_LISTED)
        if place.since is not None:
            asked["syncToken"] = place.since
        if place.page is not None:
            asked["pageToken"] = place.page
        try:
            page = self._ask(calendar, "/events", list(asked.items()), Page)
        except Gone as error:
            if at is None:
                raise Refused(f"{error}; has the calendar been deleted?") from None
            raise TokenGone from None
        except Unfit:
            if at is None:
                raise
            raise TokenGone from None  # a token that Google can not read is worth no more than one that it forgot
        events, gone = listing.read(calendar, page)
        if page.nextPageToken is not None:
            if page.nextPageToken == place.page:
                raise Refused("Google's list of events goes round: a page leads to itself")
            return Changes(events, gone, listing.kept(Place(place.since, page.nextPageToken)), more=True)
        if page.nextSyncToken is None:
            raise Refused("Google's list of events ends without a token to go on from; did its API change?")
        return Changes(events, gone, listing.kept(Place(page.nextSyncToken)), more=False)

    def get(self, calendar: str, id: str) -> Event | None:
        """One event as it is now; None where it is gone, deleted or cancelled."""
        asked = [("maxAttendees", "1"), ("fields", FIELDS)]
        try:
            body = self._body(calendar, f"/events/{quote(id, safe='')}", asked)
        except Gone:
            return None
        except NotFound:
            # Of the event, or of the calendar? It says the same of both.
            self.look(calendar)
            return None
        must_be_json(body, "Google's answer for an event")
        return translate.read(calendar, body)

    def find(self, calendar: str, name: str) -> list[Event]:
        """The events that carry this booking's name: one, unless something went wrong."""
        asked = [*_LISTED.items(), ("privateExtendedProperty", f"{translate.NAME}={name}")]
        found: list[Event] = []
        page = self._ask(calendar, "/events", asked, Page)
        while True:
            found += listing.read(calendar, page)[0]
            if page.nextPageToken is None:
                return found
            here = page.nextPageToken
            page = self._ask(calendar, "/events", [*asked, ("pageToken", here)], Page)
            if page.nextPageToken == here:
                raise Refused("Google's list of events goes round: a page leads to itself")

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Do all of these, several at once within the account's rates; what came of each, in their order.

        Raises Misconfigured where none of them can be done.
        """
        return self._writing.apply(operations)

    def busy(self, calendars: Collection[str], start: int, end: int) -> Mapping[str, Busy]:
        """When each calendar is taken between two seconds, events of other people's and series included.

        What keeps one person's calendar from being asked about makes that one unknown; where it keeps all of them from
        it, it is raised.
        """
        asked: dict[Person, list[str]] = {}
        for calendar in dict.fromkeys(calendars):
            asked.setdefault(self._people.of(calendar), []).append(calendar)
        questions = [
            (person, mine[first : first + _BUSY_AT_ONCE])
            for person, mine in asked.items()
            for first in range(0, len(mine), _BUSY_AT_ONCE)
        ]
        faults: list[AccordError] = []

        def answer(question: tuple[Person, list[str]]) -> dict[str, Busy]:
            person, mine = question
            try:
                return free_busy.read(self._free_busy(person, mine, start, end), mine)
            except AccordError as error:
                faults.append(error)
                return {calendar: Busy((), str(error)) for calendar in mine}

        told = self._fan_out.map(answer, questions, _WIDTH)
        if faults and len(faults) == len(questions):
            raise faults[0]
        return {calendar: busy for part in told for calendar, busy in part.items()}

    def look(self, calendar: str) -> str:
        """What this account is to the calendar, such as owner or reader. Raises Refused where it may not even read."""
        asked = [("maxResults", "1"), ("fields", "accessRole")]
        return self._ask(calendar, "/events", asked, Page).accessRole or "nothing known"

    def close(self) -> None:
        """Give the connections back."""
        self._people.close()
        self._asking.close()

    def _free_busy(self, person: Person, calendars: Sequence[str], start: int, end: int) -> FreeBusy:
        """A question that has to be sent as a POST, and is repeated as a GET is."""
        asked, tries = free_busy.question(calendars, start, end), 0
        while True:
            try:
                answer = person.transport.post(
                    f"{PATH}/freeBusy", asked, content_type="application/json", endpoint=CALL
                )
            except (TryLater, NotAccepted) as error:
                tries += 1
                if tries == _TRIES or isinstance(error, LeftAlone) or after(error) > _LONGEST_WAIT:
                    raise
                self._clock.sleep(after(error) or tries)
            else:
                return decoded(answer.body, FreeBusy, "Google", "when people are taken")

    def _ask(self, calendar: str, path: str, params: Sequence[tuple[str, str]], shape: type[T]) -> T:
        return decoded(self._body(calendar, path, params), shape, "Google", "a list of events")

    def _body(self, calendar: str, path: str, params: Sequence[tuple[str, str]]) -> bytes:
        whole = f"{PATH}/calendars/{quote(calendar, safe='')}{path}"
        return self._people.of(calendar).transport.get(whole, params, endpoint=CALL).body

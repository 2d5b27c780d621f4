"""The calendars of one Microsoft 365 tenant, through Microsoft Graph v1.0 (learn.microsoft.com/graph)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

import httpx

from accord.addresses import Addresses
from accord.budget import LedgerBreaker
from accord.calendars import Busy, Changes, Event, NotDone, Operation, Outcome, TokenGone
from accord.errors import TryLater
from accord.http import Transport
from accord.ledger.engine import Ledger
from accord.ports import FanOut, Threads
from accord.systems.microsoft import limits, schedule, shapes
from accord.systems.microsoft.batches import Batches
from accord.systems.microsoft.errors import NotFound, classify, classify_token
from accord.systems.microsoft.graph import Graph, users
from accord.systems.microsoft.listening import Listening
from accord.systems.microsoft.operations import write_of
from accord.systems.microsoft.reading import event_path, events_of, list_path, named_params, one_params, read
from accord.systems.microsoft.tokens import PREFER, Credentials, Tokens

BASE_URL = "https://graph.microsoft.com/v1.0"
LOGIN_URL = "https://login.microsoftonline.com"


def connect(
    account: str,
    credentials: Callable[[], Credentials],
    keep: Callable[[str], None],
    ledger: Ledger,
    *,
    base_url: str = BASE_URL,
    login_url: str = LOGIN_URL,
    parallel: int = limits.PARALLEL,
    requests: int = limits.REQUESTS,
    client: httpx.Client | None = None,
    fan_out: FanOut | None = None,
) -> "MicrosoftCalendars":
    """A client for one tenant; `account` is the connection's name, such as microsoft/main.

    `credentials` is asked each time a token is, so that a changed secret is taken up; `keep` saves a new refresh token.
    `client` sends in place of sockets: a sandbox that runs in this process.
    """
    base_url = base_url.rstrip("/")
    connection = account.partition("/")[2] or account
    clock = ledger.clock
    budget = limits.budget(account, ledger, requests)
    transport = partial(Transport, budget=budget, clock=clock, client=client)
    resource = "{0.scheme}://{0.netloc}".format(urlsplit(base_url))
    tokens = Tokens(
        transport(
            base_url=login_url.rstrip("/"),
            authorize=dict,
            classify=partial(classify_token, connection=connection),
            breaker=LedgerBreaker(f"{account} login", ledger, clock),
        ),
        credentials,
        keep,
        ledger,
        account=account,
        resource=resource,
    )
    api = transport(
        base_url=base_url,
        authorize=tokens.headers,
        stale=tokens.stale,
        classify=partial(classify, connection=connection),
        breaker=LedgerBreaker(account, ledger, clock),
    )
    graph = Graph(api, Addresses(base_url), budget, limits.Turns(account, ledger, parallel), clock, PREFER)
    return MicrosoftCalendars(graph, tokens, connection, fan_out or Threads())


class MicrosoftCalendars:
    """The calendars that one app registration reaches, each called by its owner's address: `Calendars`.

    A person's main calendar is what is read and written. Immutable ids are asked for everywhere: the others change
    where an event is moved.
    """

    def __init__(self, graph: Graph, tokens: Tokens, connection: str, fan_out: FanOut) -> None:
        self._graph = graph
        self._tokens = tokens
        self._batches = Batches(graph, fan_out, connection)
        self._listening = Listening(graph, self._batches)

    def changes(self, calendar: str, at: str | None) -> Changes:
        """A page of what changed since `at`, from 30 days back to 400 ahead; from None on, of all events of ours too.

        Raises TokenGone, also about monthly.
        """
        return self._listening.changes(calendar, at)

    def get(self, calendar: str, id: str) -> Event | None:
        """One event as it is now; None where it is gone, deleted or cancelled.

        Its id is the same wherever in the mailbox it is, also in Deleted Items (learn.microsoft.com/graph,
        outlook-immutable-id). So one of ours is there only if the calendar lists it.
        """
        try:
            item = self._graph.get(calendar, event_path(calendar, id), one_params(), shapes.Item)
        except (NotFound, TokenGone):
            return None
        event = read(calendar, item)
        if event.mark is None:
            return None if event.span is None else event
        return next((one for one in self.find(calendar, event.mark.name) if one.id == id), None)

    def find(self, calendar: str, name: str) -> list[Event]:
        """The events that carry this booking's name: one, unless something went wrong."""
        pages = self._graph.pages(calendar, list_path(calendar), named_params(name))
        events = [event for page in pages for event in events_of(calendar, page) if event.span is not None]
        return [event for event in events if event.mark is not None and event.mark.name == name]

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Do all of these, several at once within the account's rates; what came of each, in their order.

        Each may be done again at any time: what was done before is met as what it is.
        """
        writes = [write_of(operation) for operation in operations]
        self._batches.run([write for write in writes if write.outcome is None])
        return [write.outcome or NotDone(TryLater("it was not come to")) for write in writes]

    def busy(self, calendars: Collection[str], start: int, end: int) -> Mapping[str, Busy]:
        """When each calendar is taken between two seconds, events of other people's and series included."""
        return schedule.busy(self._graph, list(calendars), start, end)

    def sign_in(self) -> None:
        """Have a token given, to see whether that works."""
        self._tokens.headers()

    def look_at(self, calendar: str | None) -> shapes.Calendar:
        """What Microsoft tells of a person's main calendar; without an address, that of the account that signed in."""
        if calendar is None:
            return self._graph.get("me", "/me/calendar", (), shapes.Calendar)
        return self._graph.get(calendar, f"{users(calendar)}/calendar", (), shapes.Calendar)

    def close(self) -> None:
        """Give the connections back."""
        self._graph.close()
        self._tokens.close()

"""Microsoft Graph as it is asked about one mailbox at a time: single requests, and many in one ($batch)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from accord.addresses import Addresses
from accord.budget import SharedBudget
from accord.clock import Clock
from accord.errors import NotSent, Refused, TryLater
from accord.http import NotAccepted, Response, Transport
from accord.systems.answers import decoded
from accord.systems.microsoft import shapes
from accord.systems.microsoft.limits import Turns, name_of

MOST = 20
"""Requests in a $batch."""

T = TypeVar("T")

_CALLED: dict[type[Any], str] = {shapes.Page: "a list of events", shapes.Calendar: "a calendar"}
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


class Ask(NamedTuple):
    """One request of a $batch; `path` is below the version, such as /users/…"""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    etag: str | None = None


def users(calendar: str) -> str:
    """The path of a mailbox. Application permissions reach no other one."""
    return f"/users/{quote(calendar, safe='@')}"


class Graph:
    """One tenant's mailboxes. Methods raise TryLater, Refused and Misconfigured, and TokenGone for a dead token."""

    def __init__(
        self, transport: Transport, addresses: Addresses, budget: SharedBudget, turns: Turns, clock: Clock, prefer: str
    ) -> None:
        self._transport = transport
        self._addresses = addresses
        self._budget = budget
        self._turns = turns
        self._prefer = prefer
        self.clock = clock

    @property
    def parallel(self) -> int:
        """How many requests one mailbox takes at a time."""
        return self._turns.parallel

    def get(self, calendar: str, path: str, params: Sequence[tuple[str, str]], shape: type[T]) -> T:
        """The answer to a GET of a path below the version, or of a link that Microsoft gave."""
        with self._turns.taken(calendar):
            body = self._transport.get(path, params, endpoint=name_of(calendar)).body
        return decoded(body, shape, "Microsoft", _CALLED.get(shape, "an event"))

    def pages(self, calendar: str, path: str, params: Sequence[tuple[str, str]]) -> Iterator[shapes.Page]:
        """All pages of a list. Raises Refused where it goes round, or leads away from Microsoft."""
        page = self.get(calendar, path, params, shapes.Page)
        seen: set[str] = set()
        while True:
            yield page
            if page.next is None:
                return
            if page.next in seen:
                raise Refused("Microsoft's list of events goes round; it would never end")
            seen.add(page.next)
            page = self.get(calendar, self.own(page.next), (), shapes.Page)

    def post(self, calendar: str, path: str, body: Mapping[str, Any], shape: type[T]) -> T:
        """The answer to a POST that changes nothing."""
        with self._turns.taken(calendar):
            return decoded(self._post(calendar, path, body).body, shape, "Microsoft", path.rpartition("/")[2])

    def own(self, link: str) -> str:
        """A link that leads to Microsoft and below its address. Raises Refused for any other."""
        self._addresses.url(link)
        return link

    def turn(self, calendar: str) -> AbstractContextManager[None]:
        """Hold one of a mailbox's turns. Raises NotSent where none becomes free for long."""
        return self._turns.taken(calendar)

    def batch(self, calendar: str, asks: Sequence[Ask]) -> list[Response | None]:
        """What each of up to `MOST` requests to one mailbox was answered, None where nothing was. Sent within a `turn`.

        Each waits for the one before it, and is not done where that one fails. Microsoft takes batches that are wholly
        sequential or not at all (microsoft-graph-docs issue 16280). Of the latter it is documented to run four parts at
        a time, and was reported to throttle what goes beyond (issue 8760).
        """
        requests = [self._request(number, ask) for number, ask in enumerate(asks)]
        try:  # the parts count one by one; the first by the POST itself
            self._budget.take(name_of(calendar), len(asks) - 1)
        except TryLater as error:
            raise NotSent(str(error), error.after) from None
        answer = self._post(calendar, "/$batch", {"requests": requests})
        found = {one.id: one for one in decoded(answer.body, shapes.Batch, "Microsoft", "$batch").responses}
        return [_response(found.get(str(number))) for number in range(len(asks))]

    def pause(self, calendar: str, seconds: float) -> None:
        """Send nothing to this mailbox for so long."""
        self._budget.pause(name_of(calendar), seconds)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def _post(self, calendar: str, path: str, body: Mapping[str, Any]) -> Response:
        sent = _encode(body)
        try:
            return self._transport.post(path, sent, content_type=_JSON, endpoint=name_of(calendar))
        except NotAccepted:  # nothing was done, and the next request asks for a new token
            return self._transport.post(path, sent, content_type=_JSON, endpoint=name_of(calendar))

    def _request(self, number: int, ask: Ask) -> dict[str, Any]:
        request: dict[str, Any] = {"id": str(number), "method": ask.method, "url": ask.path}
        headers = {"Prefer": self._prefer}
        if ask.body is not None:
            request["body"] = ask.body
            headers["Content-Type"] = _JSON
        if ask.etag is not None:
            headers["If-Match"] = ask.etag
        if number:
            request["dependsOn"] = [str(number - 1)]
        return request | {"headers": headers}


def _response(item: shapes.BatchItem | None) -> Response | None:
    if item is None:
        return None
    headers = {name.lower(): value for name, value in (item.headers or {}).items()}
    return Response(item.status, headers, bytes(item.body))

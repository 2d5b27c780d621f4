"""How Accord asks outside systems: within time, size and rate limits, with errors that it can act upon."""

import email.utils
import logging
import random
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import httpx

from accord.addresses import Addresses, host_of, shown
from accord.budget import Breaker, Budget
from accord.clock import Clock, Until
from accord.errors import AccordError, LeftAlone, Misconfigured, NotSent, Redirected, Refused, TryLater
from accord.ledger.budgets import LONGEST_PAUSE
from accord.wire import Response, Wire

__all__ = ["NotAccepted", "Response", "Throttled", "Transport", "date_of", "retry_after"]

_LEAST_TRY = 1.0  # seconds that must be left for another try to be worth it
_THROTTLES = 5  # of one request in a row, until it is given back to the caller

# In the form that goes on the wire, so that it is not made anew for every request.
_Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

_log = logging.getLogger("accord.http")


class Throttled(TryLater):
    """The system wants fewer requests: to this endpoint, or from the whole account."""

    def __init__(self, why: str, scope: Literal["endpoint", "account"], after: float | None = None) -> None:
        super().__init__(why, after)
        self.scope: Literal["endpoint", "account"] = scope


class NotAccepted(Misconfigured):
    """The credential was refused, as a system without a 401 says it; a GET or PUT is tried again with a new one."""


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: whole or decimal seconds, or a date (RFC 9110 §10.2.3).

    At most 15 min; None where it is malformed, negative or a date that has passed. Microsoft Graph's
    throttling page shows the decimal form.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), LONGEST_PAUSE)
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(seconds, LONGEST_PAUSE) if seconds >= 0 else None


def date_of(answer: Response) -> int | None:
    """What an answer's Date header tells of the system's clock, in Unix seconds."""
    try:
        return int(email.utils.parsedate_to_datetime(answer.headers.get("date", "")).timestamp())
    except (ValueError, OverflowError):
        return None


class Transport:
    """Requests to one account of one system; several threads may use it at once.

    `authorize` gives the headers that prove who asks: it is called before the first request, anew after a 401 or a
    NotAccepted, and once `stale` says that what it gave is about to end; by one thread at a time. `classify` is the
    system's own table: None for an answer that the caller can use, else the error to raise; a TryLater from it is
    tried again within the deadline, a Throttled first pauses the budget. `rest` says of any answer for how
    many seconds the account is to be left alone before it throttles. Links to hosts outside `allowed_hosts`
    (base_url's own host, if None) are refused.
    """

    def __init__(
        self,
        *,
        base_url: str,
        authorize: Callable[[], Mapping[str, str]],
        classify: Callable[[Response], Exception | None],
        budget: Budget,
        breaker: Breaker,
        clock: Clock,
        rest: Callable[[Response], float] | None = None,
        allowed_hosts: frozenset[str] | None = None,
        client: httpx.Client | None = None,
        stale: Callable[[], bool] = lambda: False,
    ) -> None:
        self._addresses = Addresses(base_url, allowed_hosts)
        self._authorize = authorize
        self._stale = stale
        self._classify = classify
        self._rest = rest
        self._budget = budget
        self._breaker = breaker
        self._clock = clock
        self._wire = Wire(self._addresses.secure, clock, client)
        self._lock = threading.Lock()
        self._headers: _Headers | None = None
        self._turn = 0  # how often the credential was loaded anew

    def get(
        self, path: str, params: Sequence[tuple[str, str]] = (), *, endpoint: str, deadline: float = 30.0
    ) -> Response:
        """The answer to one GET of a path below base_url, or of a link that the system gave.

        `deadline` bounds, in seconds, connecting, headers, body and short retries together; waiting for the
        budget (at most 30 s at a time) comes on top. `endpoint` names the rate's bucket. Raises TryLater,
        Refused or Misconfigured, or what `classify` made of the answer.
        """
        return self._repeat("GET", self._addresses.url(path, params), (), None, endpoint, deadline)

    def put(
        self, path: str, params: Sequence[tuple[str, str]], body: bytes, headers: Mapping[str, str], *, endpoint: str
    ) -> Response:
        """The answer to one PUT, repeated as a GET is: for systems where a repeat, even a late one, changes nothing."""
        more = tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())
        return self._repeat("PUT", self._addresses.url(path, params), more, body, endpoint, 30.0)

    def _repeat(
        self, method: str, url: httpx.URL, more: _Headers, body: bytes | None, endpoint: str, deadline: float
    ) -> Response:
        ends = self._clock.monotonic() + deadline
        renewed, tries, throttles = False, 0, 0
        fault: Exception | None = None
        while True:
            try:
                self._breaker.check()
            except LeftAlone:
                if fault is None:
                    raise
                raise fault from None  # this request's own, which is to be told
            asked = self._clock.monotonic()
            self._budget.take(endpoint)
            ends += self._clock.monotonic() - asked
            turn, headers = self._credential()
            answer = self._send(method, url, (*headers, *more), body, ends, again=tries > 0)
            if isinstance(answer, Response):
                if self._rest is not None and (seconds := self._rest(answer)) > 0:
                    self._budget.pause(None, seconds)
                judged = self._judge(answer)
                if not renewed and (answer.status == 401 or isinstance(judged, NotAccepted)):
                    self._renew(turn)
                    renewed = True
                    continue
                if (fault := judged) is None:
                    return answer
            else:
                fault = answer
            if isinstance(fault, Throttled):
                throttles += 1
                self._pause(fault, endpoint, throttles)
                continue
            if not isinstance(fault, TryLater):
                raise fault
            tries += 1
            wait = max(fault.after or 0.0, _backoff(tries))
            if self._clock.monotonic() + wait + _LEAST_TRY > ends:
                raise fault
            _log.warning("%s %s: %s; trying again in %.1f s", method, shown(url), fault, wait)
            self._clock.sleep(wait)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str,
        endpoint: str,
        deadline: float = 30.0,
        headers: Mapping[str, str] | None = None,
        until: Until | None = None,
    ) -> Response:
        """The answer to one POST, which is sent once: where no answer comes, it may have been heard all the same.

        Raises as `get` does; here TryLater is for a caller who knows whether to send it again: it may have been heard,
        unless it is NotSent. After `until` nothing is sent.
        """
        url = self._addresses.url(path)
        try:
            self._breaker.check()
            self._budget.take(endpoint)
            turn, credential = self._credential()
        except TryLater as error:
            raise error if isinstance(error, NotSent) else NotSent(str(error), error.after) from None
        more = {"Content-Type": content_type, **(headers or {})}
        sent = (*credential, *((name.encode("ascii"), value.encode("ascii")) for name, value in more.items()))
        if until is not None and (left := until.left(self._clock)) < deadline:
            if left <= 0:
                raise NotSent(f"{self._addresses.host}: it became too late to send it")
            deadline = left
        answer = self._send("POST", url, sent, body, self._clock.monotonic() + deadline, again=False)
        if isinstance(answer, Response):
            judged = self._judge(answer)
            if self._rest is not None and (seconds := self._rest(answer)) > 0:
                self._budget.pause(None, seconds)
            if answer.status == 401 or isinstance(judged, NotAccepted):
                self._forget(turn)
            if judged is None:
                return answer
            fault: Exception = judged
        else:  # what can not be read tells nothing of what was done
            fault = TryLater(str(answer)) if isinstance(answer, Refused) else answer
        if isinstance(fault, Throttled):
            self._pause(fault, endpoint, throttles=1)
        raise fault

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _credential(self) -> tuple[int, _Headers]:
        with self._lock:
            if self._headers is not None and self._stale():
                self._headers = None
                self._turn += 1
            if self._headers is None:
                self._headers = self._load()
            return self._turn, self._headers

    def _renew(self, turn: int) -> None:
        """Load the credential anew, unless another thread has done so since `turn`."""
        with self._lock:
            if self._turn == turn:
                self._headers = self._load()
                self._turn += 1

    def _forget(self, turn: int) -> None:
        with self._lock:
            if self._turn == turn:
                self._headers = None  # the next request loads it anew
                self._turn += 1

    def _load(self) -> _Headers:
        given = self._authorize()
        # Checked here because the HTTP library's own complaint quotes the header.
        if not all(re.fullmatch(r"[!-~]([ -~]*[!-~])?", value) for value in given.values()):
            raise Misconfigured(
                f"the credential for {self._addresses.host} is empty or holds a character that no HTTP header can "
                "carry, such as a line break from copying; enter it again"
            )
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "accord", **given}
        return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in sent.items())

    def _send(
        self, method: str, url: httpx.URL, headers: _Headers, body: bytes | None, ends: float, again: bool
    ) -> Response | AccordError:
        began = self._clock.monotonic()
        answer: Response | AccordError
        try:
            answer = self._wire.send(method, url, headers, body, ends)
        except AccordError as error:
            answer = error
        status, number = 0, ""
        if isinstance(answer, Response):
            status = answer.status
            number = answer.headers.get("request-id") or answer.headers.get("x-request-id", "")
        if 0 < status < 500 or isinstance(answer, Refused):
            self._breaker.succeeded()
        else:
            self._breaker.failed(again)
        if _log.isEnabledFor(logging.DEBUG):
            elapsed = (self._clock.monotonic() - began) * 1000
            _log.debug("%s %s %s %s %.0f ms", method, shown(url), status or "no answer", _printable(number), elapsed)
        return answer

    def _judge(self, answer: Response) -> Exception | None:
        if 300 <= answer.status < 400:
            return Redirected(self._addresses.host, host_of(where := answer.headers.get("location", "")), where)
        fault = self._classify(answer)
        said = f"{self._addresses.host} answered {answer.status}"
        # No table may take these for success: their bodies are no data.
        if fault is None and answer.status == 429:
            fault = Throttled(said, "endpoint")
        if fault is None and answer.status >= 500:
            fault = TryLater(said)
        if isinstance(fault, TryLater) and fault.after is None:
            fault.after = retry_after(answer.headers.get("retry-after", ""), self._clock.now())
        return fault

    def _pause(self, fault: Throttled, endpoint: str, throttles: int) -> None:
        # Growing on top of Retry-After: some systems answer every throttled request with "1".
        seconds = min(max(fault.after or 0.0, _backoff(throttles)), LONGEST_PAUSE)
        self._budget.pause(None if fault.scope == "account" else endpoint, seconds)
        fault.after = seconds
        if throttles == _THROTTLES:
            raise fault
        _log.warning("%s throttles %s; pausing for %.1f s", self._addresses.host, endpoint, seconds)


def _backoff(tries: int) -> float:
    return min(0.5 * 2.0 ** (tries - 1), 8.0) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _printable(number: str) -> str:
    return number if re.fullmatch(r"[\w.:=+/-]{1,100}", number, re.ASCII) else "-"

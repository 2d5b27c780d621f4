"""SmartBill as a source: series, payment status and PDFs. There is no list of invoices."""

import base64
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

import httpx
import msgspec

from accord.budget import LedgerBreaker, SharedBudget
from accord.clock import Clock
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response, Transport, date_of
from accord.invoicing import Terms
from accord.ledger.engine import Ledger
from accord.systems.answers import UNREADABLE
from accord.systems.smartbill import errors, shapes
from accord.systems.smartbill.errors import NoPaper, NoPdf, NotFound
from accord.systems.smartbill.issue import SmartBillIssuer

BASE_URL = "https://ws.smartbill.ro/SBORO/api"

# SmartBill blocks a token for ten minutes after 30 calls in 10 s. Over any 10 s our budget lets rate · 11.5 + 1
# requests through: with this rate 20, which leaves 10 to other programs that use the same token.
PER_SECOND = 19 / 11.5

INVOICES = "f"

_WINDOW = 10.0  # seconds, of SmartBill's rate
_SPARE = 5  # calls that must be left in the window, for those that are under way

_EMAIL = re.compile(r"[^@:\s]+@[^@:\s]+")

T = TypeVar("T")


class Series(NamedTuple):
    """A series of invoices, the number that comes next, and how many digits are printed where that is known."""

    name: str
    next_number: int
    width: int | None


def headers(email_: str, token: str) -> dict[str, str]:
    """What every request carries. Raises Misconfigured where the two can not be a login."""
    if not _EMAIL.fullmatch(email_) or not token.strip():
        raise Misconfigured("SmartBill needs the e-mail of the account and the token from its page Integrari, API")
    login = base64.b64encode(f"{email_}:{token.strip()}".encode()).decode()
    return {"Authorization": f"Basic {login}"}


def connect(
    name: str,
    cif: str,
    authorize: Callable[[], Mapping[str, str]],
    ledger: Ledger,
    *,
    block: str = "SmartBillAccount",
    base_url: str = BASE_URL,
    per_second: float = PER_SECOND,
    client: httpx.Client | None = None,
) -> "SmartBill":
    """A client for one company; `name` is the connection's, such as "smartbill/main", and `authorize` gives `headers`.

    All workers share one budget per name. `client` sends in place of the network: a sandbox in this process.
    """
    clock = ledger.clock
    budget = SharedBudget(name, per_endpoint=None, in_all=per_second, ledger=ledger, clock=clock)
    breaker = LedgerBreaker(name, ledger, clock)

    def transport(
        login: Callable[[], Mapping[str, str]], classify: Callable[[Response, str], Exception | None]
    ) -> Transport:
        return Transport(
            base_url=base_url,
            authorize=login,
            classify=lambda response: classify(response, block),
            budget=budget,
            breaker=breaker,
            clock=clock,
            rest=partial(rest, clock=clock),
            client=client,
        )

    papers = transport(lambda: {**authorize(), "Accept": "application/octet-stream"}, errors.classify_paper)
    return SmartBill(transport(authorize, errors.classify), papers, cif)


def rest(response: Response, clock: Clock) -> float:
    """For how many seconds to leave the account alone, so that the rest of the window is others'; mostly 0.

    SmartBill tells when the window ends in Unix seconds, which are set against its own clock where that is told.
    """
    left = response.headers.get("x-ratelimit-remaining", "")
    if not re.fullmatch(r"[0-9]{1,6}", left) or int(left) > _SPARE:
        return 0.0
    ends = response.headers.get("x-ratelimit-reset", "")
    now = date_of(response) or clock.now()
    seconds = int(ends) - now if re.fullmatch(r"[0-9]{1,12}", ends) else 0.0
    return seconds if 0 < seconds < _WINDOW else _WINDOW


class SmartBill:
    """One company at SmartBill. Methods that ask raise TryLater, Refused and Misconfigured."""

    def __init__(self, transport: Transport, papers: Transport, cif: str) -> None:
        """`papers` asks for PDFs: by another Accept header, and with 502 as `NoPaper`."""
        self._transport = transport
        self._papers = papers
        self._cif = cif
        self.date: int | None = None
        """SmartBill's own clock, Unix seconds, as its latest answer told."""

    def series(self) -> list[Series]:
        """All series of invoices with their counters, in one call."""
        shown = self._ask("/series", {"type": INVOICES}, shapes.SeriesList).list
        return [_series(one) for one in shown if one.type == INVOICES]

    def status(self, series: str, number: str) -> shapes.Status | None:
        """What an invoice comes to and what is paid of it; None where there is none of this number as written."""
        try:
            return self._ask("/invoice/paymentstatus", _named(series, number), shapes.Status)
        except NotFound:
            return None

    def pdf(self, series: str, number: str) -> bytes | None:
        """An invoice's PDF; None where there is no such invoice.

        SmartBill answers 502 for a missing one and when it is out of order alike: its payment status settles which.
        Raises NoPdf where the invoice is there and its PDF can not be had now.
        """
        named = _named(series, number)
        try:
            for _ in range(2):
                try:
                    return self._paper(named)
                except NoPaper:
                    if self.status(series, number) is None:
                        return None
        except NotFound:
            return None
        raise NoPdf("SmartBill knows the invoice, but gives no PDF of it for now")

    def issuer(self, account: str, terms: Terms, clock: Clock) -> SmartBillIssuer:
        """The company as an issuer of invoices, on the same connections; `account` as in `Action`."""
        return SmartBillIssuer(account, self._transport, self._papers, self._cif, terms, clock)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()
        self._papers.close()

    def _get(self, transport: Transport, path: str, given: Mapping[str, str]) -> bytes:
        answer = transport.get(path, [("cif", self._cif), *given.items()], endpoint=path)
        self.date = date_of(answer) or self.date
        return answer.body

    def _paper(self, named: Mapping[str, str]) -> bytes:
        body = self._get(self._papers, "/invoice/pdf", named)
        if body.startswith(b"%PDF-"):
            return body
        if text := errors.error_text(body):
            raise errors.refused(text)
        raise NoPdf("SmartBill gave something else than a PDF")

    def _ask(self, path: str, given: Mapping[str, str], shape: type[T]) -> T:
        body = self._get(self._transport, path, given)
        if text := errors.error_text(body):
            raise errors.refused(text)
        try:
            return msgspec.json.decode(errors.unwrapped(body), type=shape)
        except msgspec.ValidationError:
            raise Refused(f"SmartBill's answer to GET {path} is not what it should be; did its API change?") from None
        except UNREADABLE:
            raise TryLater(f"SmartBill's answer to GET {path} is no JSON; was it a proxy's page?") from None


def _named(series: str, number: str) -> dict[str, str]:
    # In lower case: some endpoints do not understand seriesName.
    return {"seriesname": series, "number": number}


def _series(shown: shapes.Series) -> Series:
    text = str(shown.next_number).strip()
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise Refused("SmartBill's counter of a series is no number; did its API change?")
    return Series(shown.name, int(text), len(text) if text.startswith("0") else None)

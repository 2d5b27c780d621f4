"""Oblio as a source of invoices: the list by pages, single ones by id, their PDFs (oblio.eu/api)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

import httpx
import msgspec

from accord.budget import Breaker, Budget
from accord.clock import Clock
from accord.documents import Party
from accord.errors import Misconfigured, Refused
from accord.http import Transport, date_of
from accord.invoicing import Terms
from accord.ports import Parsed
from accord.systems.answers import UNREADABLE, must_be_json
from accord.systems.oblio import parse, shapes
from accord.systems.oblio.errors import classify, classify_file, classify_token
from accord.systems.oblio.issue import OblioIssuer
from accord.systems.oblio.parse import PAGE, Item, Page
from accord.systems.oblio.rates import READ
from accord.systems.oblio.tokens import Credentials, Tokens

_EVERYTHING = {
    "draft": "-1",
    "canceled": "-1",
    "collected": "-1",
    "withProducts": "1",
    "withCollects": "1",
    "withEinvoiceStatus": "1",
    # Neither the order nor the size of a page is documented for a call that names none.
    "orderBy": "id",
    "orderDir": "DESC",
    "limitPerPage": str(PAGE),
}

_ALL: Mapping[str, str] = {}

_linked = msgspec.json.Decoder(shapes.Linked).decode

T = TypeVar("T")


class Series(NamedTuple):
    """A row of numbers, and the number that its next document gets, with leading zeros."""

    type: str
    name: str
    next: str
    start: str | None = None

    @property
    def given(self) -> int:
        """How many numbers it has given out; 0 where Oblio's texts do not tell."""
        if not (self.next.isdecimal() and (self.start or "").isdecimal()):
            return 0
        return max(0, int(self.next) - int(self.start or 0))


def connect(
    *,
    base_url: str,
    cif: str,
    credentials: Callable[[], Credentials],
    budget: Budget,
    breaker: Breaker,
    clock: Clock,
    connection: str = "main",
    client: httpx.Client | None = None,
) -> "Oblio":
    """A client for one company of an account; `base_url` is https://www.oblio.eu/api.

    `credentials` is asked for the e-mail and the secret each time a token is, so that a changed secret is taken up.
    `connection` is its name, for what a person is told. `client` sends in place of sockets: a sandbox that runs in this
    process.
    """
    base_url = base_url.rstrip("/")
    transport = partial(Transport, budget=budget, breaker=breaker, clock=clock, client=client)
    tokens = Tokens(
        transport(base_url=base_url, authorize=dict, classify=partial(classify_token, connection=connection)),
        credentials,
        clock,
    )
    api = transport(
        base_url=base_url,
        authorize=tokens.headers,
        stale=tokens.stale,
        classify=partial(classify, connection=connection),
    )
    # Links to PDFs lead to the same host, outside the API, and need no token.
    files = transport(
        base_url=base_url.removesuffix("/api"), authorize=lambda: {"Accept": "application/pdf"}, classify=classify_file
    )
    return Oblio(api, files, tokens, cif)


class Oblio:
    """One company's invoices. Methods that ask raise TryLater, Refused and Misconfigured."""

    def __init__(self, api: Transport, files: Transport, tokens: Tokens, cif: str) -> None:
        self._api = api
        self._files = files
        self._tokens = tokens
        self._cif = cif
        self._issuer: Party | None = None
        self.date: int | None = None
        """Oblio's own clock, Unix seconds, as its latest answer told."""

    def page(self, offset: int, only: Mapping[str, str] = _ALL) -> Page:
        """A page of all invoices, or of those that pass Oblio's filters `only`, newest first.

        `offset` is a multiple of PAGE. Behind the end it is empty.
        """
        page = self._listed({**only, "offset": str(offset)})
        if any(later >= earlier for earlier, later in pairwise(page.ids)):
            raise Refused("Oblio's list of invoices is not in the order asked for; did its API change?")
        return page

    def fetch(self, key: str) -> Item | None:
        """One invoice as it is now; None where Oblio does not know it."""
        if not (key.isascii() and key.isdigit()):
            raise Refused("the key of this invoice is none that Oblio gives out")
        page = self._listed({"offset": "0", "id": key})
        if not page.items:
            return None
        if [item.key for item in page.items] != [key]:
            raise Refused("Oblio gave other invoices than the one that it was asked for")
        return page.items[0]

    def pdf(self, item: Item | Parsed) -> bytes:
        """The PDF behind an item's link. Raises Refused where there is none, or where what is there is no PDF."""
        try:
            link = _linked(item.raw).link
        except UNREADABLE:
            raise Refused(f"invoice {item.key} has no link to a PDF") from None
        body = self._files.get(link, endpoint="file").body
        if not body.startswith(b"%PDF-"):
            raise Refused(f"what the link of invoice {item.key} leads to is no PDF")
        return body

    def company(self) -> Party:
        """Whose invoices these are; asked for once. Raises Misconfigured where the account has no such company."""
        if self._issuer is None:
            found = self._rows("/nomenclature/companies", (), shapes.Companies).data
            mine = [one for one in found if digits(one.cif) == digits(self._cif)]
            if not mine:
                raise Misconfigured(
                    f"the Oblio account has no company with the CIF {self._cif}, or no longer; its companies are "
                    + (", ".join(f"{one.company} ({one.cif})" for one in found) or "none")
                )
            self._issuer = Party(name=mine[0].company or None, vat_id=mine[0].cif)
        return self._issuer

    def series(self) -> Sequence[Series]:
        """The company's rows of numbers."""
        rows = self._rows("/nomenclature/series", [("cif", self._cif)], shapes.SeriesList).data
        return [Series(one.type, one.name, one.next, one.start) for one in rows]

    def issuer(self, account: str, terms: Terms) -> OblioIssuer:
        """The company as an issuer of invoices, on the same connections; `account` as in `Action`."""
        return OblioIssuer(account, self._api, self._cif, terms, close=self.close)

    def close(self) -> None:
        """Give the connections back."""
        for part in (self._api, self._files, self._tokens):
            part.close()

    def _listed(self, params: Mapping[str, str]) -> Page:
        issuer = self.company()
        asked = {"cif": self._cif, **_EVERYTHING, **params}
        answer = self._api.get("/docs/invoice/list", list(asked.items()), endpoint=READ)
        self.date = date_of(answer) or self.date
        return parse.read(answer.body, issuer)

    def _rows(self, path: str, params: Sequence[tuple[str, str]], shape: type[T]) -> T:
        body = self._api.get(path, params, endpoint=READ).body
        try:
            return msgspec.json.decode(body, type=shape)
        except UNREADABLE:
            must_be_json(body, f"Oblio's answer for {path}")
            raise Refused(f"Oblio's answer to GET {path} is not what it was; did its API change?") from None


def digits(cif: str) -> str:
    """What a number is compared by: it is written with and without RO."""
    return cif.strip().upper().removeprefix("RO").strip()

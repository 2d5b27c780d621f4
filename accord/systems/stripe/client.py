"""Stripe as a source: lists in windows, single objects, and events (docs.stripe.com/api)."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from accord.errors import Misconfigured, Refused
from accord.http import Response, Transport, date_of
from accord.ports import CursorGone, Discovery, Event, Owner, Page, Parsed, Place
from accord.records import Kind, Record
from accord.systems.answers import UNREADABLE, must_be_json
from accord.systems.stripe import events, frames, parse
from accord.systems.stripe.errors import Forbidden, NotFound, NotPermitted, request_id
from accord.systems.stripe.translate import tombstone

API_VERSION = "2026-10-28.endive"
FOUNDED = 1_262_304_000  # 2010-01-01: nothing at Stripe is older than Stripe
PAGE = 100  # objects, the most that a list gives at once

EVENT = "event"
PATHS = {
    Kind.CUSTOMER: "/v1/customers",
    Kind.SUBSCRIPTION: "/v1/subscriptions",
    Kind.INVOICE: "/v1/invoices",
    Kind.INTENT: "/v1/payment_intents",
    Kind.PAYMENT: "/v1/charges",
    Kind.REFUND: "/v1/refunds",
    Kind.DISPUTE: "/v1/disputes",
    Kind.LEG: "/v1/balance_transactions",
}

_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")

Mode = Literal["test", "live"]

_heads = msgspec.json.Decoder(frames.Heads).decode
_elements = msgspec.json.Decoder(frames.Elements).decode
_head = msgspec.json.Decoder(frames.Head).decode
_account = msgspec.json.Decoder(frames.Account).decode


class Account(NamedTuple):
    """Whose key it is; `livemode` where the answer tells, which Stripe's own does not."""

    id: str
    created: int | None
    livemode: bool | None


def headers(api_key: str) -> dict[str, str]:
    """What every request carries: the key, and the version of the API that the shapes are of."""
    return {"Authorization": f"Bearer {api_key}", "Stripe-Version": API_VERSION}


def check_mode(api_key: str, mode: Mode) -> None:
    """Raise Misconfigured unless the key is a secret or restricted key of this mode (docs.stripe.com/keys)."""
    begins = api_key[:8]
    if begins in (f"sk_{mode}_", f"rk_{mode}_"):
        return
    if begins in ("sk_test_", "rk_test_", "sk_live_", "rk_live_"):
        wrong = f"is a key of {begins[3:7]} mode, but mode is {mode}"
    elif begins.startswith("pk_"):
        wrong = "is a publishable key, which may not read anything"
    elif begins.startswith("whsec_"):
        wrong = "is the signing secret of a webhook"
    elif begins.startswith("sk_org_"):
        wrong = "is a key of an organization; take one of the account itself"
    else:
        wrong = "is no Stripe key"
    fit = f"sk_{mode}_ or rk_{mode}_"
    raise Misconfigured(f"the API key {wrong}; take one from Stripe's dashboard that begins with {fit}")


class Stripe:
    """One Stripe account, read in one mode. Methods that ask raise TryLater, Refused and Misconfigured."""

    # Events are listed for 30 days (docs.stripe.com/api/events), of which one is spared; none tells of a new balance
    # transaction. Customers and drafts of invoices can be deleted, objects of the other kinds can not.
    discovery = Discovery(
        events=29 * 86_400, newest=frozenset({Kind.LEG}), listed=frozenset(PATHS) - {Kind.CUSTOMER, Kind.INVOICE}
    )

    def __init__(self, transport: Transport, mode: Mode, admit: Callable[[Owner], None] | None = None) -> None:
        """`admit` is told whose key it is before anything is read with it, and raises where it is the wrong one's."""
        self._transport = transport
        self._mode = mode
        self._admit = admit
        self._admitted = admit is None
        self._refused: Misconfigured | None = None
        self._keys = 0  # how often the key was changed
        self._gate = threading.Lock()
        self.live = mode == "live"
        """Whether what is read must be of live mode."""
        self.date: int | None = None
        """Stripe's own clock, Unix seconds, as its latest answer told."""

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A list page: what was created in [lo, hi), newest first, behind the object `after`.

        Elements without an id are on the page but are no place. Raises CursorGone where the object `after` was
        deleted, and Refused where the list would never end.
        """
        # Without a status, subscriptions that were cancelled are left out.
        more = [("status", "all")] if stream == Kind.SUBSCRIPTION else []
        return self.listed(_path(stream), stream, lo, hi, after, more)

    def listed(
        self, path: str, what: str, lo: int | None, hi: int | None, after: str | None, more: Sequence[tuple[str, str]]
    ) -> Page:
        """As `page`, of any list whose objects say when they were created; `what` names them in errors."""
        params = [("limit", str(PAGE)), *more]
        params += [("created[gte]", str(lo))] if lo is not None else []
        params += [("created[lt]", str(hi))] if hi is not None else []
        params += [("starting_after", after)] if after is not None else []
        try:
            response = self.get(path, params)
        except NotFound as error:
            if after is not None and error.param in (None, "starting_after"):
                raise CursorGone(f"the last {what} object read before is no longer on Stripe's list") from None
            raise
        has_more, heads, count = _places(response.body, path, what)
        if any(head.id == after for head in heads):
            raise Refused(f"Stripe's list of {what} objects repeats a page; it would never end")
        if has_more and not heads:
            raise Refused(f"Stripe's list of {what} objects says has_more for ever, without an object to go on from")
        last = Place(heads[-1].id, heads[-1].created) if heads else None
        return Page(response.body, count, has_more, last, date_of(response), request_id(response))

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One object as it is now; None where Stripe does not know it.

        A leg is never None: Stripe keeps balance transactions for ever, so one that is missing is Refused.
        """
        try:
            return self.one(PATHS[Kind(kind)], kind, key)
        except NotFound as error:
            if error.status != 404:
                raise
            if kind == Kind.LEG:
                raise Refused(f"{error}: balance transactions are never deleted; is it the same account?") from None
            return None

    def one(self, path: str, what: str, key: str, more: Sequence[tuple[str, str]] = ()) -> bytes:
        """One object as it is now, by its id. Raises NotFound where Stripe does not know it."""
        if not _KEY.fullmatch(key):
            raise Refused(f"the key of this {what} record is none that Stripe gives out")
        body = self.get(path, more, key=key).body
        must_be_json(body, f"Stripe's answer for {what}")
        name = parse.name_of(body)
        if name != key and not name.startswith("sha256:"):
            raise Refused(f"Stripe gave another object than the {what} record that it was asked for")
        return body

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The elements of a list page, or a single object, in order; those that cannot be read say why.

        Raises Misconfigured, before it gives out anything, where one of them is of the other mode.
        """
        return iter(parse.read(Kind(kind), body, self.live))

    def events(self, body: bytes) -> list[Event]:
        """The events on a page of the stream "event", with the records to look at again."""
        return events.read(body, self.live)

    def tombstone(self, kind: str, key: str) -> Record:
        """The record of an object that Stripe no longer knows. Raises Refused for a leg, which never goes."""
        if kind == Kind.LEG:
            raise Refused("a balance transaction cannot be deleted")
        return tombstone(Kind(kind), key)

    def account(self) -> Account:
        """Whose key it is. Raises Misconfigured where the key is not valid, or of the other mode."""
        body = self._ask("/v1/account").body
        try:
            found = _account(body)
        except UNREADABLE:
            must_be_json(body, "Stripe's answer for account")
            raise Refused("Stripe's answer to GET /v1/account is not an account") from None
        parse.require(self.live, found.livemode)
        return Account(found.id, found.created, found.livemode)

    def owner(self) -> Owner:
        """Whose key it is; the account is None where a restricted key may not ask for it."""
        try:
            return Owner(self.account().id, self._mode)
        except NotPermitted:
            return Owner(None, self._mode)

    def readmit(self) -> None:
        """The key was changed: look whose it is before anything more is taken from it."""
        self._keys += 1
        self._refused = None
        self._admitted = self._admit is None

    def began(self) -> int:
        """No object of the account is older than this second; its own age where Stripe tells."""
        try:
            return self.account().created or FOUNDED
        except NotPermitted:
            return FOUNDED

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), key: str | None = None) -> Response:
        """The answer at `path`, or below it at `key`, once it is sure whose key asks; a rate counts by the path."""
        self._require_admission()
        answer = self._ask(path, params, key)
        self._require_admission()  # the key may have been changed for this very request
        return answer

    def _require_admission(self) -> None:
        if self._admitted or self._admit is None:
            return
        with self._gate:
            if self._refused is not None:
                raise self._refused
            while not self._admitted:
                keys = self._keys
                try:
                    self._admit(self.owner())
                except Misconfigured as error:
                    self._refused = error  # for every stream that would ask with the same key
                    raise
                self._admitted = keys == self._keys  # or else the key was changed while we looked

    def _ask(self, path: str, params: Sequence[tuple[str, str]] = (), key: str | None = None) -> Response:
        address = path if key is None else f"{path}/{key}"
        try:
            answer = self._transport.get(address, params, endpoint=path)
            self.date = date_of(answer) or self.date
            return answer
        except Forbidden as error:
            raise NotPermitted(
                f"{error}. Give the key the permission to read {path}, in Stripe's dashboard under API keys"
            ) from None


def _path(stream: str) -> str:
    return "/v1/events" if stream == EVENT else PATHS[Kind(stream)]


def _places(body: bytes, path: str, what: str) -> tuple[bool, Sequence[frames.Head], int]:
    """Whether more follows, the places on a page, and how many elements it holds."""
    try:
        page = _heads(body)
        return page.has_more, page.data, len(page.data)
    except UNREADABLE:
        pass
    must_be_json(body, f"Stripe's answer for {what}")
    try:
        elements = _elements(body)
    except UNREADABLE:
        raise Refused(f"Stripe's answer to GET {path} is not a list page; did its API change?") from None
    heads = []
    for raw in elements.data:
        try:
            heads.append(_head(raw))
        except UNREADABLE:
            continue
    return elements.has_more, heads, len(elements.data)

"""Invoices and credit notes with what Stripe tells elsewhere: more lines, tax rates, the account's time zone."""

from typing import Annotated

import msgspec
from msgspec import Meta

from accord.errors import Refused
from accord.systems.answers import UNREADABLE, Shape
from accord.systems.stripe import invoice_shapes as shapes
from accord.systems.stripe.client import Stripe
from accord.systems.stripe.errors import NotFound, NotPermitted

_Plain = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$")]  # it becomes part of a path


class _Rows(Shape, gc=False):
    """The list of an object's lines, unread."""

    data: list[msgspec.Raw]
    has_more: bool


class _Object(Shape, gc=False):
    id: _Plain
    object: str
    lines: _Rows


class _Row(Shape, gc=False):
    id: _Plain
    taxes: list[shapes.Tax] | None = None


class _Dashboard(Shape, gc=False):
    timezone: str | None = None


class _Settings(Shape, gc=False):
    dashboard: _Dashboard | None = None


class _Account(Shape, gc=False):
    settings: _Settings | None = None


_object = msgspec.json.Decoder(_Object).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_rows = msgspec.json.Decoder(_Rows).decode
_row = msgspec.json.Decoder(_Row).decode
_account = msgspec.json.Decoder(_Account).decode
_rate = msgspec.json.Decoder(shapes.TaxRate).decode


class Completion:
    """Asks for what an object does not tell by itself, and for what holds for many of them once."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe
        self._rates: dict[str, msgspec.Raw | None] = {}
        self._zone: tuple[str | None] | None = None

    def completed(self, path: str, raw: bytes) -> bytes:
        """The object, whose list is at `path`, with all of its lines and with `shapes.Besides`.

        One that can not be read stays as it is.
        """
        try:
            read = _object(raw)
            lines = self._all_lines(path, read) if read.lines.has_more else read.lines
            taxes = [tax for row in lines.data for tax in _row(row).taxes or ()]
        except UNREADABLE:
            return raw
        named = sorted({tax.tax_rate_details.tax_rate for tax in taxes if tax.tax_rate_details})
        rates = {key: rate for key, rate in zip(named, map(self._tax_rate, named), strict=True) if rate is not None}
        besides = {"time_zone": self._time_zone(), "tax_rates": rates}
        return msgspec.json.encode({**_members(raw), "lines": lines, "besides": besides})

    def _all_lines(self, path: str, read: _Object) -> _Rows:
        """All of an object's lines, of which it shows the first ten itself; fewer where it was deleted meanwhile."""
        rows, more, met = list(read.lines.data), True, {_row(one).id for one in read.lines.data}
        while more and rows:
            params = [("limit", "100"), ("starting_after", _row(rows[-1]).id)]
            try:
                page = _rows(self._stripe.get(path, params, key=f"{read.id}/lines").body)
            except NotFound:
                break
            fresh = {_row(one).id for one in page.data}
            if not fresh or fresh & met:
                break  # it would never end
            rows, more, met = rows + page.data, page.has_more, met | fresh
        return _Rows(rows, more)

    def _tax_rate(self, key: str) -> msgspec.Raw | None:
        """A rate of the account; None where there is none, or it can not be read."""
        if key not in self._rates:
            try:
                body = self._stripe.one("/v1/tax_rates", "tax rate", key)
                _rate(body)
                self._rates[key] = msgspec.Raw(body)
            except (NotFound, *UNREADABLE):
                self._rates[key] = None
        return self._rates[key]

    def _time_zone(self) -> str | None:
        """The account's; None where the key may not ask."""
        if self._zone is None:
            try:
                settings = _account(self._stripe.get("/v1/account").body).settings
            except NotPermitted:
                settings = None
            except UNREADABLE:
                raise Refused("Stripe's answer to GET /v1/account is not an account; did its API change?") from None
            self._zone = (settings.dashboard.timezone if settings and settings.dashboard else None,)
        return self._zone[0]

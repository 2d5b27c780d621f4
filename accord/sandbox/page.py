"""The sandbox's front page: what runs, where, with which keys, what is in it, and how to make it misbehave."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from accord.sandbox.faults import MEANINGS
from accord.sandbox.stripe import admin
from accord.sandbox.stripe.cards import CARDS
from accord.sandbox.stripe.events import API_VERSION
from accord.sandbox.stripe.keys import EXPIRED, KEYS, PUBLISHABLE, SHOPS
from accord.sandbox.stripe.money import exponent
from accord.sandbox.stripe.service import Stripe
from accord.sandbox.stripe.shop import PRICES

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("accord.sandbox").joinpath("page.html").read_text(encoding="utf-8")
)


def _units(amount: int, currency: str) -> str:
    digits = exponent(currency)
    sign, whole = ("−" if amount < 0 else ""), abs(amount)
    return f"{sign}{whole // 10**digits:,}.{whole % 10**digits:0{digits}}" if digits else f"{sign}{whole:,}"


def render(stripe: Stripe, base: str, others: Sequence[str]) -> str:
    """The page as HTML; `base` is the address it was asked at, `others` what the other providers say of themselves."""
    modes: list[dict[str, Any]] = []
    for mode in SHOPS:
        facts = admin.truth(stripe, {"mode": mode}, "")
        sums = [
            {"currency": code.upper(), "count": line["count"]}
            | {part: _units(line[part], code) for part in ("amount", "fee", "net")}
            for code, line in facts["balance_transactions"].items()
        ]
        title = "second account" if mode == "second" else f"{mode} mode"
        modes.append(
            {"name": mode, "title": title, "counts": facts["counts"], "sums": sums, "account": facts["account"]}
        )
    return _TEMPLATE.render(
        base=base,
        others=[Markup(part) for part in others],  # noqa: S704 - from templates of ours, which escape
        version=API_VERSION,
        modes=modes,
        keys=KEYS,
        expired=EXPIRED,
        publishable=PUBLISHABLE,
        cards=CARDS,
        prices=PRICES,
        meanings=MEANINGS,
        faults=stripe.faults.on(),
        limit=stripe.limits.per_endpoint,
    )

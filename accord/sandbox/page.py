"""The sandbox's front page: what runs, where, with which keys, what is in it, and how to make it misbehave."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from accord.sandbox.faults import MEANINGS
from accord.sandbox.html import template, units
from accord.sandbox.stripe import admin
from accord.sandbox.stripe.cards import CARDS
from accord.sandbox.stripe.events import API_VERSION
from accord.sandbox.stripe.keys import EXPIRED, KEYS, PUBLISHABLE, SHOPS
from accord.sandbox.stripe.money import exponent
from accord.sandbox.stripe.service import Stripe
from accord.sandbox.stripe.shop import PRICES

_TEMPLATE = template("accord.sandbox")


def render(stripe: Stripe, base: str, others: Sequence[str]) -> str:
    """The page as HTML; `base` is the address it was asked at, `others` what the other providers say of themselves."""
    modes: list[dict[str, Any]] = []
    for mode in SHOPS:
        facts = admin.truth(stripe, {"mode": mode}, "")
        sums = [
            {"currency": code.upper(), "count": line["count"]}
            | {part: units(line[part], exponent(code)) for part in ("amount", "fee", "net")}
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

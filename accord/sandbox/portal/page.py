"""What the sandbox's front page says of the portal."""

from accord.sandbox.html import template
from accord.sandbox.portal import admin
from accord.sandbox.portal.service import READER, TOKEN, Portal

_TEMPLATE = template("accord.sandbox.portal")


def render(portal: Portal, base: str) -> str:
    """The part of the page as HTML; `base` is the address it was asked at."""
    return _TEMPLATE.render(
        base=base,
        tokens={TOKEN: "reads and writes", READER: "reads only"},
        truth=admin.truth(portal, {}, ""),
        database=portal.database,
        limit=portal.limits.per_second,
        faults=portal.faults.on(),
    )

"""What the sandbox's front page says of the portal."""

from importlib.resources import files

from jinja2 import Environment

from accord.sandbox.portal import admin
from accord.sandbox.portal.service import READER, TOKEN, Portal

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("accord.sandbox.portal").joinpath("page.html").read_text(encoding="utf-8")
)


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

"""What the sandbox's front page says of the booking system."""

from importlib.resources import files

from jinja2 import Environment

from accord.sandbox.bookings import admin
from accord.sandbox.bookings.service import Bookings

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("accord.sandbox.bookings").joinpath("front.html").read_text(encoding="utf-8")
)


def render(system: Bookings, base: str) -> str:
    """The part of the page as HTML; `base` is the address it was asked at."""
    counts = admin.truth(system, {}, "")["people"]
    return _TEMPLATE.render(base=base, database=system.store.path, people=system.store.people(), counts=counts)

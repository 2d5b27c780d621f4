"""What the sandbox's front page says of Oblio."""

from importlib.resources import files

from jinja2 import Environment

from accord.sandbox.oblio import admin
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("accord.sandbox.oblio").joinpath("page.html").read_text(encoding="utf-8")
)


def render(oblio: Oblio, base: str) -> str:
    """The part of the page as HTML; `base` is the address it was asked at."""
    return _TEMPLATE.render(
        base=base,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        cif=CIF,
        settings=oblio.settings,
        companies=admin.truth(oblio, {}, "")["companies"],
        faults=oblio.faults.on(),
    )

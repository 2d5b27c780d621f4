"""What the sandbox's front page says of Oblio."""

from accord.sandbox.html import template
from accord.sandbox.oblio import admin
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET

_TEMPLATE = template("accord.sandbox.oblio")


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

"""What the sandbox's front page says of SmartBill."""

from importlib.resources import files

import msgspec
from jinja2 import Environment

from accord.sandbox.smartbill import admin
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, NO_RIGHTS, TOKEN, SmartBill

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("accord.sandbox.smartbill").joinpath("page.html").read_text(encoding="utf-8")
)


def render(smartbill: SmartBill, base: str) -> str:
    """The part of the page as HTML; `base` is the address it was asked at."""
    return _TEMPLATE.render(
        base=base,
        cif=CIF,
        email=EMAIL,
        token=TOKEN,
        tokens={TOKEN: "everything", NO_RIGHTS: "reads everything, issues nothing"},
        truth=admin.truth(smartbill, {}, ""),
        behaviour=msgspec.to_builtins(smartbill.behaviour),
        limit=smartbill.limits.most,
        faults=smartbill.faults.on(),
    )

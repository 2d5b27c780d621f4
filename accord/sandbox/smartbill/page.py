"""What the sandbox's front page says of SmartBill."""

import msgspec

from accord.sandbox.html import template
from accord.sandbox.smartbill import admin
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, NO_RIGHTS, TOKEN, SmartBill

_TEMPLATE = template("accord.sandbox.smartbill")


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

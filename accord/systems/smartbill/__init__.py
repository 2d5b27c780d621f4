"""SmartBill: invoices, read number by number, since it has no list of them."""

from accord.systems.smartbill.client import BASE_URL, PER_SECOND, Series, SmartBill, connect, headers
from accord.systems.smartbill.errors import Blocked, NotFound, NotPermitted, classify
from accord.systems.smartbill.source import Invoices

__all__ = [
    "BASE_URL",
    "PER_SECOND",
    "Blocked",
    "Invoices",
    "NotFound",
    "NotPermitted",
    "Series",
    "SmartBill",
    "classify",
    "connect",
    "headers",
]

"""Stripe: payments and what belongs to them, invoices and credit notes, read through its public API."""

from accord.systems.stripe.client import API_VERSION, PATHS, Account, Mode, Stripe, check_mode, headers
from accord.systems.stripe.errors import NotPermitted, classify
from accord.systems.stripe.invoices import Invoices

__all__ = [
    "API_VERSION",
    "PATHS",
    "Account",
    "Invoices",
    "Mode",
    "NotPermitted",
    "Stripe",
    "check_mode",
    "classify",
    "headers",
]

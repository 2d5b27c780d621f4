"""Stripe: payments and what belongs to them, read through its public API."""

from accord.systems.stripe.client import API_VERSION, PATHS, Account, Mode, Stripe, check_mode, headers
from accord.systems.stripe.errors import NotPermitted, classify

__all__ = ["API_VERSION", "PATHS", "Account", "Mode", "NotPermitted", "Stripe", "check_mode", "classify", "headers"]

"""Oblio: invoices read through its public API (oblio.eu/api)."""

from accord.systems.oblio.client import Oblio, connect
from accord.systems.oblio.errors import classify
from accord.systems.oblio.parse import Item, Page
from accord.systems.oblio.rates import Rates
from accord.systems.oblio.walk import Walk

__all__ = ["Item", "Oblio", "Page", "Rates", "Walk", "classify", "connect"]

"""Oblio: invoices read through its public API (oblio.eu/api)."""

from accord.systems.oblio.client import Oblio, Series, connect
from accord.systems.oblio.known import Known
from accord.systems.oblio.rates import Rates
from accord.systems.oblio.source import Invoices
from accord.systems.oblio.tokens import Credentials

__all__ = ["Credentials", "Invoices", "Known", "Oblio", "Rates", "Series", "connect"]

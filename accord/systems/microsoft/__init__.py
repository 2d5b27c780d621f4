"""Microsoft 365: calendars through Microsoft Graph (learn.microsoft.com/graph)."""

from accord.systems.microsoft.client import BASE_URL, LOGIN_URL, MicrosoftCalendars, connect
from accord.systems.microsoft.limits import PARALLEL, REQUESTS
from accord.systems.microsoft.tokens import Credentials

__all__ = ["BASE_URL", "LOGIN_URL", "PARALLEL", "REQUESTS", "Credentials", "MicrosoftCalendars", "connect"]

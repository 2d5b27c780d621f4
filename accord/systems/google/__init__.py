"""Google Calendar: events that stand for bookings, and when people are taken (developers.google.com/calendar)."""

from accord.systems.google.client import Google, connect
from accord.systems.google.credentials import Credentials, RefreshToken, ServiceAccount, parse_key

__all__ = ["Credentials", "Google", "RefreshToken", "ServiceAccount", "connect", "parse_key"]

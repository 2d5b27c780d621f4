"""Bookings in a system's own SQL database: read as records, and written where people move events in their calendars."""

from accord.systems.bookings.database import BookingTables
from accord.systems.bookings.mapping import Mapping, parse_mapping
from accord.systems.bookings.source import Bookings
from accord.systems.bookings.store import Store

__all__ = ["BookingTables", "Bookings", "Mapping", "Store", "parse_mapping"]

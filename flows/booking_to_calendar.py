"""Bookings into people's calendars, and back."""

from datetime import date
from typing import Any

from prefect import flow

from accord.plan import Mode
from flows.agree import ConnectionName, agree
from tasks.workflows import BOOKINGS


@flow(name="booking-to-calendar", description="Bookings into people's calendars, and back.")
def booking_to_calendar(
    connection: ConnectionName = "main",
    since: date | None = None,
    until: date | None = None,
    mode: Mode = Mode.CHANGES,
) -> Any:
    """Bring the bookings of one system and its people's calendars into agreement, and show when people are taken.

    Args:
        connection: Name of the bookings database block; its table of people says whose calendar is where.
        since: First day (UTC) of which bookings that were made then are read, on the first run or with mode "rescan";
            empty for all.
        until: Day (UTC) before which to stop, with mode "rescan"; empty for today.
        mode: "changes" reads what changed on either side since the last run, "nightly" and "rescan" all bookings
            besides.
    """
    return agree(BOOKINGS.route("bookings", connection).name, since, until, mode)

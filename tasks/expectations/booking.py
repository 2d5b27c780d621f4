"""What is expected of bookings.

Two bookings of one person at one time are not looked for: a booking is judged by itself, and whether two may stand
side by side is the booking system's to say.
"""

import re
from typing import Any

import pandas as pd

from accord.bookings import span
from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

LONGEST = 14 * 86_400  # seconds
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _ends_after_start(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(start: str | None, end: str | None, zone: str | None) -> bool:
        try:
            taken = span(start or "", end or "", zone or "")
        except ValueError:
            return False
        return taken.start < taken.end

    return v.each(sound, columns)


def _not_too_long(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(start: str | None, end: str | None, zone: str | None) -> bool:
        try:
            taken = span(start or "", end or "", zone or "")
        except ValueError:
            return True
        return taken.all_day or taken.end - taken.start <= LONGEST

    return v.each(sound, columns)


def _is_email(columns: pd.DataFrame) -> "pd.Series[Any]":
    return v.each(lambda email, _: email is None or _EMAIL.fullmatch(email) is not None, columns)


RULES = [
    Rule("booking.key", v.given("key"), "A booking has an id"),
    Rule("booking.once", v.unique("key"), "A booking comes once in a batch"),
    Rule("booking.given", v.all_given("person", "status"), "A booking has a person whose it is, and a status"),
    Rule("booking.title", v.all_given("title", "zone"), "A booking has a title, and a zone"),
    Rule("booking.times", v.holds(_ends_after_start, "start", "end", "zone"), "A booking ends after it starts"),
    Rule(
        "booking.length",
        v.holds(_not_too_long, "start", "end", "zone"),
        "A booking that is not of whole days takes 14 days at most",
        "warning",
    ),
    Rule("booking.email", v.holds(_is_email, "email", "key"), "The attendee's e-mail looks like one", "info"),
    Rule("booking.time", v.at_most("created", "latest"), "A booking was not made in the future", "warning"),
]

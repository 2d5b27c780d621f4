"""What the sandbox's front page says of Google Calendar."""

from accord.sandbox.google import admin
from accord.sandbox.google.service import Google
from accord.sandbox.google.tokens import CLIENT_ID, CLIENT_SECRET, OFFICE, REFRESH_TOKEN
from accord.sandbox.html import template

_TEMPLATE = template("accord.sandbox.google")


def render(google: Google, base: str) -> str:
    """The part of the page as HTML; `base` is the address it was asked at."""
    return _TEMPLATE.render(
        base=base,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        refresh_token=REFRESH_TOKEN,
        office=OFFICE,
        settings=google.settings,
        calendars=admin.truth(google, {}, "")["calendars"],
        faults=google.faults.on(),
    )

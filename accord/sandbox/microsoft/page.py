"""What the sandbox's front page says of Microsoft 365."""

from accord.sandbox.html import template
from accord.sandbox.microsoft import admin, tokens
from accord.sandbox.microsoft.service import Microsoft

_TEMPLATE = template("accord.sandbox.microsoft")


def render(microsoft: Microsoft, base: str) -> str:
    """The part of the page as HTML; `base` is the address it was asked at."""
    return _TEMPLATE.render(
        base=base,
        tenant=tokens.TENANT,
        client_id=tokens.CLIENT_ID,
        client_secret=tokens.CLIENT_SECRET,
        refresh_token=tokens.REFRESH_TOKEN,
        signed_in=tokens.SIGNED_IN,
        settings=microsoft.settings,
        people=admin.truth(microsoft, {}, "")["people"],
        faults=microsoft.faults.on(),
    )

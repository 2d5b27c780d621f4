"""`accord connect google`: consent or service account are tried out on a calendar before they are saved."""

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from accord import settings
from accord.errors import Misconfigured
from accord.ledger.engine import Ledger
from blocks import GoogleCalendarAccount
from deployments import server
from deployments.ask import secret
from deployments.connection import fitting, kept, nothing_saved, require_name
from tasks.workflows import find_block

FITS = {
    "base-url": "must be the address of Google's API, and begin with https://, or the token would travel in the clear",
    "token-url": "must be where Google gives tokens, and begin with https://, or the secret would travel in the clear",
    "per-minute": "is how many calls a minute Google allows in each person's name, 3 or more, such as 600",
}

_WEEK = 7 * 86_400
_WRITERS = ("owner", "writer")


def connect(name: str, given: dict[str, Any], key_file: Path | None, calendar: str | None, as_json: bool) -> int:
    """Ask for the secrets, try them out and save the account; a saved one keeps the fields that are not given."""
    require_name(name)
    ledger = settings.current_ledger()
    with server.opened():
        saved = find_block(GoogleCalendarAccount, name)
        fields = kept(saved) | given | _asked(saved, given, key_file)
        account = fitting(GoogleCalendarAccount, fields, FITS)
        if calendar is None and account.service_account is not None:
            raise Misconfigured("a service account is tried out on somebody's calendar; name one, by --calendar")
        with nothing_saved():
            role = try_out(account, name, ledger, calendar or "primary")
        account.save(name, overwrite=True)
    if as_json:
        kind = "refresh token" if account.service_account is None else "service account"
        shown = {"connection": name, "kind": kind, "calendar": calendar or "primary", "role": role}
        print(json.dumps(shown | {"saved": True, "rotated": saved is not None}, indent=2))
        return 0
    print(f"{calendar or 'primary'}: read and written as {role}, and known when it is taken")
    again = f"what google/{name} is reached with is saved anew; runs take it up at once"
    print(again if saved else f"saved as GoogleCalendarAccount/{name}")
    return 0


def _asked(saved: GoogleCalendarAccount | None, given: dict[str, Any], key_file: Path | None) -> dict[str, Any]:
    """The secrets: of a key file, or asked for; none where a saved service account stays what it is."""
    if key_file is not None:
        if "client_id" in given:
            raise Misconfigured("--client-id goes with a refresh token and --key-file with a service account; take one")
        try:
            key = key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(f"the key file {key_file} can not be read") from None
        none = dict.fromkeys(("client_id", "client_secret", "refresh_token"))
        return none | {"service_account": SecretStr(key)}
    if "client_id" not in given and saved is not None and saved.service_account is not None:
        return {}
    if "client_id" not in given and saved is None:
        raise Misconfigured("a new account needs --client-id, or --key-file of a service account")
    return {
        "client_secret": SecretStr(secret("secret of the OAuth client")),
        "refresh_token": SecretStr(secret("refresh token")),
        "service_account": None,
    }


def try_out(account: GoogleCalendarAccount, name: str, ledger: Ledger, calendar: str) -> str:
    """What the account may do with this calendar. Raises where its events may not be written or its times not read."""
    client = account.connect(f"google/{name}", ledger)
    try:
        role = client.look(calendar)
        now = int(ledger.clock.now())
        unknown = client.busy([calendar], now, now + _WEEK)[calendar].unknown
    finally:
        client.close()
    if role not in _WRITERS:
        raise Misconfigured(
            f"events of {calendar} may be read, not written; have it shared with the right to make changes"
        )
    if unknown is not None:
        raise Misconfigured(f"when {calendar} is taken is not told: {unknown}")
    return role

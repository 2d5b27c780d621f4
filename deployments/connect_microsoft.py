"""`accord connect microsoft`: the app registration and its secret are tested at Microsoft before they are saved."""

import json
from typing import Any

from pydantic import SecretStr

from accord import settings
from accord.errors import Misconfigured
from accord.ledger.engine import Ledger
from blocks import MicrosoftCalendarAccount
from deployments import server
from deployments.ask import secret
from deployments.connection import fitting, kept, nothing_saved, require_name
from tasks.workflows import find_block

FITS = {
    "base-url": "must be the address of Microsoft Graph, with its version, and begin with https://",
    "login-url": "must be the address of Microsoft's login, and begin with https://, or the secret would travel in the "
    "clear",
    "tenant": "is the Directory (tenant) ID of the app registration's page, or a domain of the tenant",
    "client-id": "is the Application (client) ID of the app registration's page",
}

_WEEK = 7 * 86_400


def connect(name: str, given: dict[str, Any], calendar: str | None, delegated: bool | None, as_json: bool) -> int:
    """Ask for the secret, test it and save the connection; a saved one keeps the fields that are not given.

    `calendar` is somebody's address, whose calendar is tried. `delegated` asks for a refresh token as well; where it is
    False the app's own rights count, and where it is None whatever is saved.
    """
    require_name(name)
    ledger = settings.current_ledger()
    with server.opened():
        saved = find_block(MicrosoftCalendarAccount, name)
        fields = kept(saved, "secret") | given
        if missing := [f"--{one.replace('_', '-')}" for one in ("tenant", "client_id") if one not in fields]:
            raise Misconfigured(f"a new connection needs {' and '.join(missing)}")
        fields["secret"] = SecretStr(secret("Microsoft client secret"))
        if delegated:
            fields["refresh_token"] = SecretStr(secret("refresh token of the account that signed in"))
        elif delegated is False:
            fields["refresh_token"] = None
        account = fitting(MicrosoftCalendarAccount, fields, FITS)
        with nothing_saved():
            tried = try_out(account, name, ledger, calendar)
        account.save(name, overwrite=True)
    signed_in = account.refresh_token is not None
    notes = [] if tried else ["note: no calendar was tried; name one that is to be reached: --calendar ADDRESS"]
    if as_json:
        shown = {"connection": name, "tenant": account.tenant, "signed_in": signed_in, "calendar": tried}
        print(json.dumps(shown | {"saved": True, "rotated": saved is not None, "notes": notes}, indent=2))
        return 0
    print(f"tenant {account.tenant}, " + ("as the account that signed in" if signed_in else "by the app's own rights"))
    if tried:
        print(f"  {tried:<22}read and written, and known when it is taken")
    print(
        f"the new secret of {name} is saved; runs take it up at once"
        if saved
        else f"saved as MicrosoftCalendarAccount/{name}"
    )
    print("\n".join(notes), end="\n" if notes else "")
    return 0


def try_out(account: MicrosoftCalendarAccount, name: str, ledger: Ledger, calendar: str | None) -> str | None:
    """Have a token given and, where one is named, a calendar shown and told when it is taken; which one that is.

    Without a name that of the account that signed in. Raises where that fails, or where events may not be written.
    """
    calendars = account.connect(f"microsoft/{name}", ledger)
    try:
        if calendar is None and account.refresh_token is None:
            calendars.sign_in()
            return None
        found = calendars.look_at(calendar)
        if not found.canEdit:
            raise Misconfigured("events of this calendar may be read, not written; give the app Calendars.ReadWrite")
        if calendar is None:
            return found.name
        now = int(ledger.clock.now())
        if (unknown := calendars.busy([calendar], now, now + _WEEK)[calendar].unknown) is not None:
            raise Misconfigured(f"when this calendar is taken is not told: {unknown}")
        return calendar
    finally:
        calendars.close()

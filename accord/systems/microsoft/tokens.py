"""The token that proves who asks, for an hour or so: the app's own, or one on behalf of an account that signed in.

In the second case each token is given for a refresh token, and comes with a new one that is to be kept in its place.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

from accord.errors import Superseded, TryLater
from accord.http import Transport
from accord.ledger import leases
from accord.ledger.engine import Ledger
from accord.systems.answers import decoded, seconds
from accord.systems.microsoft import shapes

# Bodies are not used, and are shorter as text. The pages are a delta's; other lists are asked for theirs. Deltas were
# seen to go round where a series has more dates in the window than a page (msgraph-sdk-dotnet issue 3070), and this is
# more than a daily one has.
PREFER = 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text", odata.maxpagesize=500'

_USED = 0.9  # of a token's life, after which a new one is asked for
_LOOK_AGAIN = 0.2  # seconds
_PATIENCE = 40.0  # seconds; longer than a request for a token may take


class Credentials(NamedTuple):
    """What a token is given for; `refresh_token` where an account signed in."""

    tenant: str
    client_id: str
    client_secret: str
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return "<Credentials>"


class Tokens:
    """Tokens one after the other. A transport calls `headers` from one thread at a time, so that each is given once.

    `credentials` gives what is saved by now, `keep` saves a new refresh token in the place of the one before, as one
    step. Of all workers one at a time exchanges a refresh token, under a lease in the ledger.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Callable[[], Credentials],
        keep: Callable[[str], None],
        ledger: Ledger,
        *,
        account: str,
        resource: str,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._keep = keep
        self._ledger = ledger
        self._lease = f"{account} refresh token"
        self._resource = resource
        self._ends: float | None = None

    def headers(self) -> dict[str, str]:
        """A new token, as the header that carries it. Raises what the transport raises, and Refused."""
        given = self._credentials()
        if given.refresh_token is None:
            token = self._ask(given, grant_type="client_credentials", scope=f"{self._resource}/.default")
        else:
            with self._alone():
                token = self._refresh(self._credentials())
        return {"Authorization": f"Bearer {token.access_token}", "Prefer": PREFER}

    def stale(self) -> bool:
        """Whether nine tenths of the token's life are over; never where its life was not told."""
        return self._ends is not None and self._ledger.clock.monotonic() >= self._ends

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _refresh(self, given: Credentials) -> shapes.Token:
        held = given.refresh_token or ""
        scope = f"{self._resource}/Calendars.ReadWrite offline_access"
        token = self._ask(given, grant_type="refresh_token", refresh_token=held, scope=scope)
        if token.refresh_token and token.refresh_token != held:
            self._keep(token.refresh_token)  # before anything is done with what came with it
        return token

    def _ask(self, given: Credentials, **form: str) -> shapes.Token:
        path = f"/{given.tenant}/oauth2/v2.0/token"
        form |= {"client_id": given.client_id, "client_secret": given.client_secret}
        asked = self._ledger.clock.monotonic()
        content_type = "application/x-www-form-urlencoded"
        body = self._transport.post(path, urlencode(form).encode(), content_type=content_type, endpoint="token").body
        token = decoded(body, shapes.Token, "Microsoft", "a token")
        lasts = seconds(token.expires_in)
        self._ends = None if lasts is None else asked + _USED * lasts
        return token

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lease on the refresh token. Raises TryLater where another worker does not give it back."""
        ledger, owner = self._ledger, uuid4().hex
        ends = ledger.clock.monotonic() + _PATIENCE
        while (token := ledger.write(lambda c: leases.acquire(c, self._lease, owner, ledger.now(c)))) is None:
            if ledger.clock.monotonic() > ends:
                raise TryLater("another worker renews the access to Microsoft", _PATIENCE)
            ledger.clock.sleep(_LOOK_AGAIN)
        held = token
        try:
            yield
        finally:
            with suppress(Superseded):
                ledger.write(lambda c: leases.release(c, self._lease, held))

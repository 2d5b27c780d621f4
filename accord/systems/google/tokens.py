"""The token that proves in whose name Google is asked: given for an hour."""

from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from accord.clock import Clock
from accord.errors import Refused
from accord.http import Transport
from accord.systems.answers import UNREADABLE, must_be_json
from accord.systems.google.credentials import Credentials
from accord.systems.google.shapes import Token

_USED = 0.9  # of a token's life, after which a new one is asked for

_decode = msgspec.json.Decoder(Token).decode


class Tokens:
    """One person's tokens, one after the other.

    A transport calls `headers` from one thread at a time, so that each is given once.
    """

    def __init__(
        self, transport: Transport, path: str, audience: str, credentials: Callable[[], Credentials], clock: Clock
    ) -> None:
        self._transport = transport
        self._path = path
        self._audience = audience
        self._credentials = credentials
        self._clock = clock
        self._ends: float | None = None

    def headers(self, person: str) -> dict[str, str]:
        """A new token, as the header that carries it. Raises what the transport raises, and Refused."""
        form = self._credentials().form(person, self._audience, self._clock.now())
        asked = self._clock.monotonic()
        body = self._transport.post(
            self._path,
            urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            endpoint="token",
        ).body
        try:
            token = _decode(body)
        except UNREADABLE:
            must_be_json(body, "Google's answer for a token")
            raise Refused("Google's answer to a call for a token is none; did its API change?") from None
        lasts = token.expires_in
        self._ends = asked + _USED * lasts if lasts is not None and lasts > 0 else None
        return {"Authorization": f"Bearer {token.access_token}"}

    def refused(self) -> None:
        """Have the next request get a new one: a call within a batch was told that this one is not accepted."""
        self._ends = float("-inf")

    def stale(self) -> bool:
        """Whether nine tenths of the token's life are over; never where its life was not told."""
        return self._ends is not None and self._clock.monotonic() >= self._ends

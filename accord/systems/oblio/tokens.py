"""The token that proves who asks: given for the account's e-mail and secret, for an hour."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from accord.clock import Clock
from accord.errors import NoToken
from accord.http import Transport
from accord.systems.answers import UNREADABLE, must_be_json, seconds
from accord.systems.oblio.shapes import Token

_USED = 0.9  # of a token's life, after which a new one is asked for

_decode = msgspec.json.Decoder(Token).decode


class Credentials(NamedTuple):
    """What a token is given for: the account's e-mail and its secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return "<Credentials>"


class Tokens:
    """Tokens one after the other. A transport calls `headers` from one thread at a time, so that each is given once."""

    def __init__(self, transport: Transport, credentials: Callable[[], Credentials], clock: Clock) -> None:
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._ends: float | None = None

    def headers(self) -> dict[str, str]:
        """A new token, as the header that carries it. Raises what the transport raises, and NoToken."""
        given = self._credentials()
        form = {"grant_type": "client_credentials", **given._asdict()}
        asked = self._clock.monotonic()
        body = self._transport.post(
            "/authorize/token",
            urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            endpoint="token",
        ).body
        try:
            token = _decode(body)
        except UNREADABLE:
            must_be_json(body, "Oblio's answer for a token")
            raise NoToken("Oblio's answer to POST /authorize/token is no token; did its API change?") from None
        lasts = seconds(token.expires_in)
        self._ends = None if lasts is None else asked + _USED * lasts
        return {"Authorization": f"Bearer {token.access_token}"}

    def stale(self) -> bool:
        """Whether nine tenths of the token's life are over; never where its life was not told."""
        return self._ends is not None and self._clock.monotonic() >= self._ends

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

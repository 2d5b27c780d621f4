"""Who may ask: one account with its secret, and the tokens that it was given for an hour each."""

import hashlib
from typing import Any

from accord.sandbox.oblio.errors import OblioError, missing, unauthorized

CLIENT_ID = "contact@moara.example.test"
CLIENT_SECRET = "sandbox-oblio-secret"  # noqa: S105 - it opens nothing but the sandbox
LASTS = 3_600


class Tokens:
    """The tokens in use, each with the second it ends at."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ends: dict[str, float] = {}
        self._given = 0

    def give(self, params: dict[str, Any], now: float) -> dict[str, str]:
        """A token for id and secret; numbers in the answer are texts, as all of Oblio's are."""
        for field in ("client_id", "client_secret"):
            if not params.get(field):
                raise missing(field)
        if params.get("grant_type", "client_credentials") != "client_credentials":
            raise OblioError("Unsupported grant type")
        if (params["client_id"], params["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            raise OblioError("The client credentials are invalid", 401)
        self._given += 1
        token = hashlib.sha1(f"{self._seed} {now} {self._given}".encode()).hexdigest()  # noqa: S324
        self._ends = {text: ends for text, ends in self._ends.items() if ends > now} | {token: now + LASTS}
        return {
            "access_token": token,
            "expires_in": str(LASTS),
            "token_type": "Bearer",
            "scope": "",
            "request_time": str(int(now)),
        }

    def check(self, authorization: str | None, now: float) -> str:
        """The token of a request; raises Oblio's 401."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or self._ends.get(token.strip(), 0.0) <= now:
            raise unauthorized()
        return token.strip()

    def revoke(self) -> int:
        """End all tokens now; how many there were."""
        count = len(self._ends)
        self._ends.clear()
        return count

    def dump(self) -> dict[str, Any]:
        return {"ends": self._ends, "given": self._given}

    def load(self, dumped: dict[str, Any]) -> None:
        self._ends, self._given = dumped["ends"], dumped["given"]

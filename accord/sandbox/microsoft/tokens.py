"""Who may ask: an app registration with its secret, and an account that signed in, whose refresh tokens rotate."""

import hashlib
from typing import Any

from accord.sandbox.microsoft.errors import LoginError, unauthorized

TENANT = "accord.test"
CLIENT_ID = "11111111-2222-4333-8444-555555555555"
CLIENT_SECRET = "sandbox-microsoft-secret"  # noqa: S105 - it opens nothing but the sandbox
EXPIRED_SECRET = "sandbox-microsoft-expired"  # noqa: S105
REFRESH_TOKEN = "sandbox-refresh-0"  # noqa: S105
SIGNED_IN = "carmen@accord.test"
LASTS = 3_599

_FAULTS = {
    65001: (400, "invalid_grant", "The user or administrator has not consented to use the application."),
    50173: (400, "invalid_grant", "The provided grant has expired due to it being revoked."),
    700082: (400, "invalid_grant", "The refresh token has expired due to inactivity."),
    700084: (400, "invalid_grant", "The refresh token was issued to a single page app (SPA)."),
    50076: (400, "interaction_required", "You must use multi-factor authentication."),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional Access policies."),
    70011: (400, "invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
}


class Tokens:
    """The access tokens in use, and the refresh tokens: each is good for one exchange once a newer one was used."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ends: dict[str, float] = {}
        self._of: dict[str, str] = {}  # access token -> who signed in; the app itself is ""
        self._given = 0
        self._refresh = [REFRESH_TOKEN]  # the last is the newest; one older still works, until the newest was used
        self.fault = 0  # the AADSTS number that is answered instead

    def give(self, tenant: str, form: dict[str, Any], now: float) -> dict[str, Any]:
        """A token; raises LoginError."""
        if tenant.lower() != TENANT:
            raise LoginError(400, "invalid_request", 90002, f"Tenant '{tenant[:60]}' not found.")
        if form.get("client_id") != CLIENT_ID:
            raise LoginError(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if form.get("client_secret") == EXPIRED_SECRET:
            raise LoginError(401, "invalid_client", 7000222, "The provided client secret keys are expired.")
        if form.get("client_secret") != CLIENT_SECRET:
            raise LoginError(401, "invalid_client", 7000215, "Invalid client secret provided.")
        if self.fault:
            status, error, message = _FAULTS.get(self.fault, (400, "invalid_grant", "No."))
            raise LoginError(status, error, self.fault, message)
        match form.get("grant_type"):
            case "client_credentials":
                return self._token("", now)
            case "refresh_token":
                return self._exchange(str(form.get("refresh_token", "")), now)
        raise LoginError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")

    def _exchange(self, given: str, now: float) -> dict[str, Any]:
        if given not in self._refresh:
            raise LoginError(400, "invalid_grant", 70008, "The provided refresh token has expired or was revoked.")
        self._refresh = [given, f"sandbox-refresh-{self._given + 1}"]
        return self._token(SIGNED_IN, now) | {"refresh_token": self._refresh[-1]}

    def _token(self, who: str, now: float) -> dict[str, Any]:
        self._given += 1
        token = hashlib.sha1(f"graph {self._seed} {now} {self._given}".encode()).hexdigest()  # noqa: S324
        self._ends = {text: ends for text, ends in self._ends.items() if ends > now} | {token: now + LASTS}
        self._of = {text: self._of[text] for text in self._ends if text in self._of} | {token: who}
        return {"token_type": "Bearer", "expires_in": LASTS, "ext_expires_in": LASTS, "access_token": token}

    def check(self, authorization: str | None, now: float) -> str:
        """Who asks: the account that signed in, "" for the app itself; raises Graph's 401."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or self._ends.get(token.strip(), 0.0) <= now:
            raise unauthorized()
        return self._of[token.strip()]

    def revoke(self) -> int:
        """End all access tokens now; how many there were."""
        count = len(self._ends)
        self._ends.clear()
        return count

    def dump(self) -> dict[str, Any]:
        return {"ends": self._ends, "of": self._of, "given": self._given, "refresh": self._refresh}

    def load(self, dumped: dict[str, Any]) -> None:
        self._ends, self._of = dumped["ends"], dumped["of"]
        self._given, self._refresh = dumped["given"], dumped["refresh"]

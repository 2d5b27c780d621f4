"""Who may ask: one OAuth client with a consent, and a service account that acts for people; tokens of an hour each."""

import base64
import binascii
import hashlib
from typing import Any

import msgspec

from accord.sandbox.google.errors import GoogleError, GrantError
from accord.sandbox.google.limits import Settings

CLIENT_ID = "sandbox-client.apps.googleusercontent.example"
CLIENT_SECRET = "sandbox-google-secret"  # noqa: S105 - it opens nothing but the sandbox
REFRESH_TOKEN = "sandbox-google-refresh"  # noqa: S105
OFFICE = "office@accord.test"
"""Who gave the consent: an account that the people's calendars are shared with."""
SERVICE_ACCOUNT = "accord@sandbox-project.iam.gserviceaccount.example"
LASTS = 3_599
SCOPES = frozenset(
    f"https://www.googleapis.com/auth/{scope}" for scope in ("calendar", "calendar.events", "calendar.freebusy")
)

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_LIFE = 3_600
_SKEW = 300


class Given(msgspec.Struct):
    """A token in use: whose, for what, until when."""

    user: str
    scopes: list[str]
    ends: float


class Tokens:
    """The tokens in use, and the service account's key, which is made when it is first asked for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._in_use: dict[str, Given] = {}
        self._count = 0
        self.key = ""  # as PEM

    def give(self, form: dict[str, Any], settings: Settings, people: set[str], now: float) -> dict[str, Any]:
        """A token for a refresh token or an assertion; raises GrantError."""
        grant = form.get("grant_type")
        if grant == "refresh_token":
            user, scopes = self._consented(form, settings), sorted(SCOPES)
        elif grant == _JWT:
            user, scopes = self._asserted(str(form.get("assertion", "")), settings, people, now)
        else:
            raise GrantError("unsupported_grant_type", "Invalid grant_type")
        self._count += 1
        token = "ya29." + hashlib.sha256(f"{self._seed} {now} {self._count}".encode()).hexdigest()
        self._in_use = {text: given for text, given in self._in_use.items() if given.ends > now}
        self._in_use[token] = Given(user, scopes, now + LASTS)
        return {"access_token": token, "expires_in": LASTS, "scope": " ".join(scopes), "token_type": "Bearer"}

    def check(self, authorization: str | None, now: float) -> Given:
        """Whose token a request has; raises Google's 401."""
        scheme, _, token = (authorization or "").partition(" ")
        given = self._in_use.get(token.strip())
        if scheme.lower() != "bearer" or given is None or given.ends <= now:
            raise GoogleError(401, "Invalid Credentials")
        return given

    def revoke(self) -> int:
        """End all tokens now; how many there were."""
        count = len(self._in_use)
        self._in_use.clear()
        return count

    def key_file(self, token_uri: str) -> dict[str, str]:
        """The service account's key as Google's console gives it."""
        if not self.key:
            # Imported here, since most who start the sandbox never ask for it.
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric import rsa

            made = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
            plain = serialization.NoEncryption()
            pem = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
            self.key = pem.decode()
        return {
            "type": "service_account",
            "project_id": "sandbox-project",
            "private_key_id": self._key_id(),
            "private_key": self.key,
            "client_email": SERVICE_ACCOUNT,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
        }

    def _key_id(self) -> str:
        return hashlib.sha1(self.key.encode()).hexdigest()  # noqa: S324

    def _consented(self, form: dict[str, Any], settings: Settings) -> str:
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            raise GrantError("invalid_client", "The OAuth client was not found.", 401)
        if not settings.consent or form.get("refresh_token") != REFRESH_TOKEN:
            raise GrantError("invalid_grant", "Token has been expired or revoked.")
        return OFFICE

    def _asserted(self, assertion: str, settings: Settings, people: set[str], now: float) -> tuple[str, list[str]]:
        claims = self._verified(assertion)
        issued, ends = claims.get("iat"), claims.get("exp")
        if not (isinstance(issued, int) and isinstance(ends, int)):
            raise GrantError("invalid_grant", "Invalid JWT: iat and exp are required.")
        if issued > now + _SKEW or ends < now or ends > issued + _LONGEST_LIFE:
            raise GrantError("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).")
        if not str(claims.get("aud", "")).endswith("/token"):
            raise GrantError("invalid_grant", "Invalid JWT: Failed audience check.")
        scopes = str(claims.get("scope", "")).split()
        user = str(claims.get("sub", SERVICE_ACCOUNT))
        if user != SERVICE_ACCOUNT and (not settings.delegated or not scopes or not SCOPES.issuperset(scopes)):
            described = "Client is unauthorized to retrieve access tokens using this method."
            raise GrantError("unauthorized_client", described, 401)
        if user not in people | {SERVICE_ACCOUNT}:
            raise GrantError("invalid_grant", "Invalid email or User ID")
        return user, scopes

    def _verified(self, assertion: str) -> dict[str, Any]:
        """The claims of an assertion that this service account signed."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        try:
            head, claims, signature = (_unpacked(part) for part in assertion.split("."))
            told, said = (msgspec.json.decode(part, type=dict[str, Any]) for part in (head, claims))
        except (ValueError, msgspec.DecodeError):
            raise GrantError("invalid_grant", "Invalid JWT") from None
        if told.get("alg") != "RS256" or not self.key or told.get("kid") != self._key_id():
            raise GrantError("invalid_grant", "Invalid JWT Signature.")
        if said.get("iss") != SERVICE_ACCOUNT:
            raise GrantError("invalid_grant", "Invalid grant: account not found")
        private = serialization.load_pem_private_key(self.key.encode(), None)
        assert isinstance(private, rsa.RSAPrivateKey)  # noqa: S101 - as it was made above
        try:
            signed = assertion.rpartition(".")[0].encode()
            private.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise GrantError("invalid_grant", "Invalid JWT Signature.") from None
        return said

    def dump(self) -> dict[str, Any]:
        return {"in_use": msgspec.to_builtins(self._in_use), "count": self._count, "key": self.key}

    def load(self, dumped: dict[str, Any]) -> None:
        self._in_use = msgspec.convert(dumped["in_use"], dict[str, Given])
        self._count, self.key = dumped["count"], dumped["key"]


def _unpacked(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError(part) from None

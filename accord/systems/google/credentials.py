"""What Google gives tokens for: a person's consent (a refresh token), or a service account that acts for people."""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from accord.errors import Misconfigured

SCOPES = (
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.freebusy",
)
"""What is asked for: to read and write events, and to see when people are taken."""

_ASSERTION_LIFE = 3_600  # seconds, the most that Google takes


class RefreshToken(NamedTuple):
    """One person's consent, or that of an account with which calendars are shared."""

    client_id: str
    client_secret: str
    refresh_token: str

    def __repr__(self) -> str:
        return "<RefreshToken>"

    def form(self, person: str, audience: str, now: float) -> Mapping[str, str]:
        """What the token endpoint is asked with (developers.google.com/identity/protocols/oauth2/web-server)."""
        return {"grant_type": "refresh_token", **self._asdict()}


class ServiceAccount(NamedTuple):
    """A program's own account, to which the domain's administrator has delegated its people's calendars."""

    client_email: str
    key_id: str
    key: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return "<ServiceAccount>"

    def form(self, person: str, audience: str, now: float) -> Mapping[str, str]:
        """What the token endpoint is asked with, in the person's name (…/identity/protocols/oauth2/service-account)."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        claims = {
            "iss": self.client_email,
            "sub": person,
            "aud": audience,
            "scope": " ".join(SCOPES),
            "iat": int(now),
            "exp": int(now) + _ASSERTION_LIFE,
        }
        signed = f"{_text(head)}.{_text(claims)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        assertion = f"{signed}.{_base64(signature)}"
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


Credentials: TypeAlias = RefreshToken | ServiceAccount


def parse_key(text: str) -> ServiceAccount:
    """The account of a key file as Google's console gives it. Raises Misconfigured for what is no such file."""
    wrong = Misconfigured(
        "this is no key of a service account; in Google's console, under IAM, Service accounts, Keys, make one as JSON"
    )
    try:
        given = msgspec.json.decode(text, type=_KeyFile)
        key = serialization.load_pem_private_key(given.private_key.encode(), password=None)
    except (msgspec.MsgspecError, ValueError, TypeError):
        raise wrong from None
    if given.type != "service_account" or not isinstance(key, rsa.RSAPrivateKey):
        raise wrong
    return ServiceAccount(given.client_email, given.private_key_id, key)


class _KeyFile(msgspec.Struct):
    type: str
    client_email: str
    private_key: str
    private_key_id: str

    def __repr__(self) -> str:
        return "<KeyFile>"


def _text(part: Mapping[str, Any]) -> str:
    return _base64(msgspec.json.encode(part))


def _base64(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()

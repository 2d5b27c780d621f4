"""Encryption at rest for what the ledger keeps of other people's data."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accord.errors import Misconfigured

_NONCE = 12
_MARK = b"A1"


class BadKey(Misconfigured):
    """What was given is no key; what to do depends on whether there is a ledger already."""


class NoKey(Misconfigured):
    """None of the keys opens what was encrypted."""


def new_key() -> str:
    """A fresh 256-bit key as URL-safe base64, fit for ACCORD_LEDGER_KEY."""
    return base64.urlsafe_b64encode(AESGCM.generate_key(bit_length=256)).decode()


class Cipher:
    """AES-256-GCM under one or more keys: the first encrypts, all of them decrypt, so keys can be rotated.

    Raises BadKey where one is malformed, Misconfigured where none of them fits.
    """

    def __init__(self, keys: str) -> None:
        self._aeads = [AESGCM(_decode(part)) for part in keys.split(",") if part.strip()]
        if not self._aeads:
            raise BadKey("ACCORD_LEDGER_KEY is not set")

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypt `plain`; `about` (a table and key) must be given again to open it."""
        nonce = os.urandom(_NONCE)
        return _MARK + nonce + self._aeads[0].encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Decrypt what `seal` made for the same `about`."""
        return self._opened(sealed, about)[1]

    def renew(self, sealed: bytes, about: str) -> bytes | None:
        """The same encrypted with the first key; None where it is already."""
        number, plain = self._opened(sealed, about)
        return self.seal(plain, about) if number else None

    def _opened(self, sealed: bytes, about: str) -> tuple[int, bytes]:
        """Which of the keys opens it, and what it holds."""
        nonce, body = sealed[len(_MARK) : len(_MARK) + _NONCE], sealed[len(_MARK) + _NONCE :]
        for number, aead in enumerate(self._aeads):
            try:
                return number, aead.decrypt(nonce, body, about.encode())
            except (InvalidTag, ValueError):  # the latter where it is too short to be anything
                continue
        raise NoKey(
            f"the ledger's {about.split(':')[0]} cannot be decrypted with ACCORD_LEDGER_KEY; "
            "put the key that was in use when it was written behind the new one, separated by a comma"
        )


def _decode(part: str) -> bytes:
    try:
        key = base64.b64decode(part.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise BadKey("ACCORD_LEDGER_KEY is no key, which is 32 bytes in base64")
    return key

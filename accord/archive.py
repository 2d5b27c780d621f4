"""The archive of documents: each PDF once, for good, under a name made of its content."""

import datetime
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import ObjectStore, from_url

from accord.errors import Misconfigured, Refused, TryLater

T = TypeVar("T")

_TIMEOUT = "30s"
_RETRY = {"max_retries": 3, "retry_timeout": datetime.timedelta(seconds=30)}
_note = msgspec.json.Encoder(order="deterministic").encode


def open_archive(url: str, options: Mapping[str, str], setting: str) -> "Archive":
    """The archive at a URL: file:///absolute/folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.

    `options` are those of obstore for the kind of store: credentials, region, endpoint. `setting` names, in errors,
    where the URL was given. Raises Misconfigured for a URL or an option that no store knows.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in ("file", "s3", "gs", "az"):
        raise Misconfigured(
            f"{setting} must begin with file:///, s3://, gs:// or az://, such as file:///var/lib/accord/archive"
        )
    if scheme == "file" and not Path(rest).is_absolute():
        raise Misconfigured(f"{setting} must name an absolute folder, such as file:///var/lib/accord/archive")
    try:
        if scheme == "file":
            return Archive(from_url(url, mkdir=True), setting)
        http = options.get("endpoint", "").startswith("http://127.0.0.1:")
        client = {"timeout": _TIMEOUT, "allow_http": http}
        return Archive(from_url(url, config=dict(options), client_options=client, retry_config=_RETRY), setting)  # type: ignore[call-overload, arg-type, unused-ignore]
    except UnknownConfigurationKeyError:
        raise Misconfigured(
            f"{setting} has an option that a {scheme}:// store does not know; look at its options"
        ) from None
    except (BaseError, OSError, ValueError):
        # Without what it says: that may hold the credentials.
        raise Misconfigured(f"{setting} can not be opened as it is; look at its address and its options") from None


class Archive:
    """Files kept for good. Methods raise TryLater while the store is away, and Misconfigured where it refuses."""

    def __init__(self, store: ObjectStore, setting: str) -> None:
        self._store, self._setting = store, setting

    def keep(self, body: bytes, connection: str, key: str, about: Mapping[str, str | None]) -> str:
        """Keep a document's PDF, and beside it a note of what it is; the name by which it is read.

        What is there already is never written over: the same content has the same name, and is looked at instead.
        Raises Refused where the store holds something else under that name.
        """
        digest = hashlib.sha256(body).hexdigest()
        name = f"pdf/{digest[:2]}/{digest}.pdf"
        self._create(name, body)
        self.read(name)
        note = {"connection": connection, "key": key, "sha256": digest, "size": len(body), **about}
        # A person names a series of numbers as they like, and not every sign may stand in a name.
        self._create(f"documents/{connection}/{quote(key, safe='')}/{digest}.json", _note(note))
        return name

    def read(self, name: str) -> bytes:
        """What was kept under a name. Raises Refused where it is gone, or not what was kept."""
        digest = name.rpartition("/")[2].removesuffix(".pdf")
        try:
            body = self._reaching(lambda: bytes(self._store.get(name).bytes()))
        except FileNotFoundError:
            raise Refused(f"the archive has no {name} any more") from None
        if hashlib.sha256(body).hexdigest() != digest:
            raise Refused(f"the archive's {name} is not what was kept under that name; restore it from a backup")
        return body

    def check(self) -> None:
        """Look whether the archive can be written to and read."""
        self.keep(b"%PDF-\n", "accord", "check", {})

    def _create(self, name: str, body: bytes) -> None:
        try:
            self._reaching(lambda: self._store.put(name, body, mode="create"))
        except AlreadyExistsError:
            return
        except FileNotFoundError:
            raise Misconfigured(f"{self._setting} names a store that is not there; make the bucket first") from None

    def _reaching(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except (AlreadyExistsError, FileNotFoundError):
            raise
        except (PermissionDeniedError, UnauthenticatedError, PermissionError):
            raise Misconfigured(
                f"{self._setting}: the store refuses what Accord wants to do; it must read and create"
            ) from None
        except (BaseError, OSError) as error:
            raise TryLater(f"what {self._setting} names can not be reached ({type(error).__name__})") from None

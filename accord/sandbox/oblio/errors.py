"""Oblio's envelope, and its refusals. The texts of most are not documented; those here are made up."""

from typing import Any

import msgspec


def envelope(data: Any, message: str = "Success", status: int = 200) -> bytes:
    """What surrounds every answer; the rows of a list may be JSON already (msgspec.Raw)."""
    return msgspec.json.encode({"status": status, "statusMessage": message, "data": data})


class OblioError(Exception):
    """An answer that is an error, with the same status in the body."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    @property
    def body(self) -> bytes:
        return msgspec.json.encode({"status": self.status, "statusMessage": str(self)})


def unauthorized() -> OblioError:
    return OblioError("The access token provided is invalid", 401)


def missing(field: str) -> OblioError:
    return OblioError(f"Campul {field} este obligatoriu.")


def wrong(field: str) -> OblioError:
    return OblioError(f"Valoarea campului {field} nu este corecta.")


def no_such(what: str) -> OblioError:
    return OblioError(f"{what} nu a fost gasit.")

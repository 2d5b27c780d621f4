"""What the portal's error answers mean for the caller (openapi.yaml)."""

import re
from typing import Any

import msgspec

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response, Throttled
from accord.systems.answers import UNREADABLE, must_be_json


class NotTaken(Refused):
    """The portal does not take this one document; others it may."""


def headers(token: str) -> dict[str, str]:
    """The headers that prove who asks."""
    return {"Authorization": f"Bearer {token}"}


def classify(response: Response, block: str = "") -> Exception | None:
    """The error to raise for an answer, None for success; `block` names the block document that holds the token."""
    said = f"the portal answered {response.status}"
    where = f"of the Portal API account block {block}".rstrip()
    if 200 <= response.status < 300:
        return None
    match response.status:
        case 400 | 413 | 422:
            return NotTaken(f"the portal refuses it ({response.status}){_complaint(response.body)}")
        case 401:
            return Misconfigured(
                f"{said}: it accepts the token {where} not, or no longer; set a new one in the Prefect UI, under Blocks"
            )
        case 403:
            return Misconfigured(
                f"{said}: the token {where} may not read and write documents; have whoever runs the portal allow it"
            )
        case 404 | 405:
            return Misconfigured(f"{said}: there is no portal API at the base_url {where}; is that address right?")
        case 429:
            return Throttled(f"{said}: too many requests", "account")
        case 408 | 409 | 425:
            return TryLater(said)
    return TryLater(said) if response.status >= 500 else Refused(said)


def decoded(body: bytes, shape: Any, what: str) -> Any:
    """An answer to `what`. Raises TryLater for what is no JSON, and Misconfigured for JSON of another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE:
        pass
    must_be_json(body, f"the portal's answer to {what}")
    raise Misconfigured(
        f"the portal's answer to {what} is not what the API says; is base_url that of a portal with this API?"
    )


def _complaint(body: bytes) -> str:
    """What a problem names, as far as it can hold no value of the document: its type, and where."""
    try:
        problem = msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE:
        return ""
    errors = problem.get("errors")
    places = [one.get("pointer") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    told = [f" at {place}" for place in places[:5] if _plain(place, "/")]
    type_ = problem.get("type")
    return (f": {type_}" if type_ != "about:blank" and _plain(type_, ":/.#?=-") else "") + ",".join(told)


def _plain(text: object, signs: str) -> bool:
    return isinstance(text, str) and re.fullmatch(rf"[A-Za-z0-9_{re.escape(signs)}]{{1,100}}", text) is not None

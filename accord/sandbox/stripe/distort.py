"""Answers made wrong on purpose: the switches that spoil a body, an object in it, or the way it is sent."""

from typing import Any

import msgspec

from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import words
from accord.sandbox.wire import Answer, gzip_bomb

BEFORE = frozenset(("rate_limit", "unauthorized", "redirect", "drop_before"))
ROWS = frozenset(("unknown_enum", "missing_field", "wrong_type", "extra_fields"))
BODY = frozenset(words("drop_answer drop_midway truncated_json html_502 wrong_content_type big_body gzip_bomb drip"))
LISTS = frozenset(("lag", "has_more_forever", "repeat_page"))

_ELSEWHERE = "https://elsewhere.example.test/v1/charges"
_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BIG = 12_000_000


def refusal(fault: Fault) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of a switch that answers before any work; `drop_before` is not one of them."""
    headers: dict[str, str] = {"stripe-should-retry": fault.should_retry} if fault.should_retry else {}
    if fault.retry_after:
        headers["retry-after"] = fault.retry_after
    if fault.kind == "redirect":
        return 302, {}, headers | {"location": _ELSEWHERE}
    error: dict[str, Any] = {"type": "invalid_request_error"}
    if fault.kind == "unauthorized":
        return 401, {"error": error | {"message": "Invalid API Key provided: sk_test_********"}}, headers
    if fault.kind == "server_error":
        error = {"type": "api_error", "message": "An unknown error occurred"}
        return fault.status, {"error": error}, headers
    if fault.reason == "lock_timeout":
        error |= {
            "code": "lock_timeout",
            "message": "This object cannot be accessed right now; another request has it.",
        }
        return 429, {"error": error}, headers
    if fault.reason != "none":
        headers["stripe-rate-limited-reason"] = fault.reason
    error |= {"code": "rate_limit", "message": "Request rate limit exceeded."}
    return 429, {"error": error}, headers


def spoil_rows(faults: Faults, method: str, path: str, body: bytes) -> bytes:
    """Apply the switches that spoil objects; those that find no object to spoil are not used up."""
    for fault in faults.matching(ROWS, method, path):
        document = msgspec.json.decode(body)
        rows = document["data"] if document.get("object") == "list" else [document]
        if fault.kind == "extra_fields":
            hit = [_extra(row) for row in rows]
        else:
            hit = [_spoil(fault, row) for row in _picked(fault, rows)]
        if any(hit):
            faults.strike(fault)
            body = msgspec.json.encode(document)
    return body


def _picked(fault: Fault, rows: list[Any]) -> list[Any]:
    if fault.object:
        return [row for row in rows if row.get("id") == fault.object]
    return rows[fault.nth - 1 : fault.nth] if fault.nth > 0 else rows


def _extra(row: dict[str, Any]) -> bool:
    row["hologram"] = {"angle": 42, "layers": [1, 2, 3]}
    row["_preview_of_next_version"] = None
    return True


def _spoil(fault: Fault, row: dict[str, Any]) -> bool:
    usual = "status" if fault.kind == "unknown_enum" else "amount" if "amount" in row else "created"
    *outer, last = (fault.field or usual).split(".")
    for step in outer:
        row = row[step] if isinstance(row.get(step), dict) else {}
    if last not in row:
        return False
    if fault.kind == "unknown_enum":
        row[last] = fault.value or "quantum_entangled"
    elif fault.kind == "missing_field":
        del row[last]
    else:
        row[last] = fault.value or (["not", "what", "it", "was"] if isinstance(row[last], str) else str(row[last]))
    return True


def spoil_answer(fault: Fault, answer: Answer) -> Answer:
    """Apply one of the switches that spoil a whole answer."""
    headers = dict(answer.headers)
    match fault.kind:
        case "drop_answer":
            return answer._replace(manner="none")
        case "drop_midway":
            return answer._replace(manner="midway")
        case "drip":
            return answer._replace(manner="drip", pause=fault.seconds)
        case "truncated_json":
            return answer._replace(body=answer.body[: max(1, len(answer.body) * 2 // 3)])
        case "html_502":
            return Answer(502, {"content-type": "text/html"}, _PROXY_PAGE)
        case "wrong_content_type":
            return answer._replace(headers=headers | {"content-type": "text/html; charset=utf-8"})
        case "gzip_bomb":
            return answer._replace(headers=headers | {"content-encoding": "gzip"}, body=gzip_bomb())
        case _:
            padding = b',"padding":"' + b"x" * _BIG + b'"}'
            return answer._replace(body=answer.body.rstrip()[:-1] + padding)

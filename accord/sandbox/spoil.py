"""Answers made wrong on purpose, whichever provider gave them: an object in the body, or the whole of it."""

from typing import Any

import msgspec

from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import words
from accord.sandbox.wire import Answer, Ask, gzip_bomb

ROWS = frozenset(("unknown_enum", "missing_field", "null_field", "wrong_type", "extra_fields"))
BODY = frozenset(words("drop_answer drop_midway truncated_json html_502 wrong_content_type big_body gzip_bomb drip"))

_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BIG = 12_000_000


def spoil_rows(faults: Faults, method: str, path: str, body: bytes) -> bytes:
    """Apply the switches that spoil objects; those that find no object to spoil are not used up."""
    for fault in faults.matching(ROWS, method, path):
        document = msgspec.json.decode(body)
        lists = [rows for name in ("data", "value", "items") if isinstance(rows := document.get(name), list)]
        rows = lists[0] if lists else [document]
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
    usual = ("status", "type") if fault.kind == "unknown_enum" else ("amount", "created", "total")
    *outer, last = (fault.field or next((field for field in usual if field in row), usual[0])).split(".")
    for step in outer:
        row = row[step] if isinstance(row.get(step), dict) else {}
    if last not in row:
        return False
    if fault.kind == "unknown_enum":
        row[last] = fault.value or "quantum_entangled"
    elif fault.kind == "missing_field":
        del row[last]
    elif fault.kind == "null_field":
        row[last] = None
    else:
        row[last] = fault.value or (["not", "what", "it", "was"] if isinstance(row[last], str) else str(row[last]))
    return True


def spoil(faults: Faults, ask: Ask, answer: Answer, rows: bool = False) -> Answer:
    """The answer as the switches that this request meets would have it: its objects, where `rows` says that it may show
    any, and then the whole of it by the oldest. One that was dropped is left as it is.
    """
    if answer.manner != "whole":
        return answer
    if rows and answer.status == 200:
        answer = answer._replace(body=spoil_rows(faults, ask.method, ask.path, answer.body))
    fault = faults.first(BODY, ask.method, ask.path)
    return answer if fault is None else _spoilt(fault, answer)


def _spoilt(fault: Fault, answer: Answer) -> Answer:
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

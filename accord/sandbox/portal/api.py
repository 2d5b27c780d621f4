"""Every call of the portal's API: method and path to the function that answers."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from accord.sandbox.portal import shapes
from accord.sandbox.portal.store import Given, Store
from accord.sandbox.wire import Answer

API = "portal/1"
MOST, USUAL = 500, 100  # documents on a page

_JSON = {"content-type": "application/json"}
_PROBLEM = {"content-type": "application/problem+json"}


class Problem(Exception):
    """An answer that is an error (RFC 9457); `pointers` say where in the body."""

    def __init__(self, status: int, title: str, type_: str = "about:blank", pointers: tuple[str, ...] = ()) -> None:
        super().__init__(title)
        self.status, self.title, self.type, self.pointers = status, title, type_, pointers

    def answer(self, headers: Mapping[str, str] | None = None) -> Answer:
        body = {"type": self.type, "title": self.title, "status": self.status}
        errors = {"errors": [{"pointer": pointer} for pointer in self.pointers]} if self.pointers else {}
        return Answer(self.status, {**_PROBLEM, **(headers or {})}, msgspec.json.encode(body | errors))


class Call(NamedTuple):
    """One call, whose token was accepted, and may write or not. `forget` is the switch that breaks the rule on revs."""

    store: Store
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: bytes
    now: float
    forget: bool = False
    writes: bool = True

    @property
    def connection(self) -> str:
        return _given(self.params, "connection", shapes.Connection)

    @property
    def key(self) -> str:
        return _given(self.params, "key", shapes.Key)


def portal(call: Call) -> Answer:
    return _json(200, {"api": API, "id": call.store.id, "writes": call.writes})


def get_document(call: Call) -> Answer:
    kept = call.store.find(call.connection, call.key)
    if kept is None:
        raise Problem(404, "There is no such document", "/problems/no-such-document")
    tag = {"etag": f'"{kept.rev}"'}
    if call.headers.get("if-none-match") == tag["etag"]:
        return Answer(304, tag, b"")
    return _json(200, kept, tag)


def put_document(call: Call) -> Answer:
    """Answer a repeat as the first was answered, and keep what says what became of the document."""
    name = call.headers.get("idempotency-key", "")
    if not 1 <= len(name) <= 255:
        raise Problem(400, "The header Idempotency-Key is missing or too long", "/problems/no-key")
    request = hashlib.blake2b(repr((call.connection, call.key, call.body)).encode(), digest_size=16).hexdigest()
    given = call.store.given.get(name)
    if given is not None:
        if given.request != request:
            raise Problem(422, "The Idempotency-Key was used for another request", "/problems/key-reused")
        return Answer(given.status, given.headers, given.body)
    try:
        answer = _put(call)
    except Problem as problem:
        if problem.status not in (412, 422):
            raise
        answer = problem.answer()
    if not call.forget:
        call.store.remember(name, Given(request, answer.status, answer.headers, answer.body, call.now))
    return answer


def _put(call: Call) -> Answer:
    connection, key, put = call.connection, call.key, _body(call, shapes.Put)
    try:
        document = msgspec.convert(put.document, shapes.Document)
    except msgspec.ValidationError as error:
        pointer = _pointer(str(error))
        raise Problem(422, "The document is not one that can be shown", "/problems/unfit", (pointer,)) from None
    if document.key != key:
        raise Problem(422, "The key is not the one of the address", "/problems/other-key", ("/document/key",))
    before = call.store.find(connection, key)
    wanted = call.headers.get("if-match")
    if wanted is not None and (before is None or wanted not in ("*", f'"{before.rev}"')):
        raise Problem(412, "Another document is shown than If-Match names", "/problems/changed")
    if call.forget:
        return _json(200, {"rev": put.rev - 1, "applied": False}, {"etag": f'"{put.rev - 1}"'})
    applied = call.store.put(connection, key, put.rev, put.document)
    rev = put.rev if applied or before is None else before.rev
    return _json(201 if before is None else 200, {"rev": rev, "applied": applied}, {"etag": f'"{rev}"'})


def list_documents(call: Call) -> Answer:
    try:
        limit = int(str(call.params.get("limit", USUAL)))
    except ValueError:
        limit = 0
    if not 1 <= limit <= MOST:
        raise Problem(400, f"limit is a number from 1 to {MOST}", "/problems/parameter")
    rows, more = call.store.page(call.connection, str(call.params.get("after", "")), limit)
    return _json(200, {"documents": rows, "next": more})


def get_agreement(call: Call) -> Answer:
    shelf = call.store.shelf(call.connection)
    at = None if shelf.as_of is None else datetime.fromtimestamp(shelf.as_of, UTC)
    return _json(200, {"as_of": at, "highest_rev": shelf.highest_rev, "documents": len(shelf.documents)})


def put_agreement(call: Call) -> Answer:
    call.store.agree(call.connection, _body(call, shapes.AsOf).as_of.timestamp())
    return get_agreement(call)


CALLS: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("GET", "/portal"): portal,
    ("GET", "/document"): get_document,
    ("PUT", "/document"): put_document,
    ("GET", "/documents"): list_documents,
    ("GET", "/agreement"): get_agreement,
    ("PUT", "/agreement"): put_agreement,
}


def find(method: str, path: str) -> Callable[[Call], Answer]:
    """The call; raises Problem where the API has none such."""
    call = CALLS.get((method, path))
    if call is None:
        known = any(path == other for _, other in CALLS)
        raise Problem(405 if known else 404, "The API has no such call", "/problems/no-such-call")
    return call


def _json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {**_JSON, **(headers or {})}, msgspec.json.encode(body))


def _given(params: Mapping[str, Any], name: str, shape: Any) -> str:
    try:
        found: str = msgspec.convert(params.get(name), shape)
    except msgspec.ValidationError:
        raise Problem(400, f"The parameter {name} is missing or malformed", "/problems/parameter") from None
    return found


def _body(call: Call, shape: Any) -> Any:
    try:
        return msgspec.json.decode(call.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "The body is not what the API takes", "/problems/malformed") from None


def _pointer(said: str) -> str:
    """Where it is, from msgspec's words: at `$.client.name`, or the name of a field that is missing there."""
    path = said.rpartition("`$")[2].rstrip("`").partition("[...]")[0] if "`$" in said else ""
    missing = said.partition("field `")[2].partition("`")[0] if "missing required" in said else ""
    steps = path.replace("[", ".").replace("]", "") + (f".{missing}" if missing else "")
    return "/document" + steps.replace(".", "/")

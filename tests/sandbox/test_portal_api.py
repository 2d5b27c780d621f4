"""The sandbox's portal keeps to the API that is published: every answer is one that the description has."""

import json
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.portal.service import READER, TOKEN
from accord.systems.portal_api import openapi

NOW = 1_790_000_000.0
MAIN = "oblio/main"
DESCRIPTION = yaml.safe_load(openapi())
NOTHING = dict.fromkeys(DESCRIPTION["components"]["schemas"]["Document"]["required"])
EMPTY = NOTHING | {"position": 1, "state": "unknown", "origins": {}, "deleted": False}


def schema_of(node):
    """The schema for a body that a part of the description stands for, with all that it refers to."""
    while "$ref" in node:
        *_, kind, name = node["$ref"].split("/")
        node = DESCRIPTION["components"][kind][name]
    return node


def require_valid(node, body):
    Draft202012Validator(node | {"components": DESCRIPTION["components"]}).validate(body)


class Described(httpx.BaseTransport):
    """Answers from the sandbox, each held against the description."""

    def __init__(self, sandbox):
        self._inner = Direct(sandbox)

    def handle_request(self, request):
        answer = self._inner.handle_request(request)
        answer.read()
        path = urlsplit(str(request.url)).path.removeprefix("/portal/v1")
        call = DESCRIPTION["paths"].get(path, {}).get(request.method.lower())
        if call is not None:
            self._hold_against(call, path, request, answer)
        return answer

    def _hold_against(self, call, path, request, answer):
        assert str(answer.status_code) in call["responses"], f"{request.method} {path} has no {answer.status_code}"
        said = schema_of(call["responses"][str(answer.status_code)])
        for kind, content in said.get("content", {}).items():
            assert answer.headers["content-type"] == kind
            require_valid(content["schema"], answer.json())
        for name in said.get("headers", {}):
            assert name in answer.headers or name == "Retry-After"
        if answer.status_code < 300 and "requestBody" in call:
            require_valid(call["requestBody"]["content"]["application/json"]["schema"], json.loads(request.read()))
        named = {p["name"]: p for p in map(schema_of, DESCRIPTION["paths"][path].get("parameters", []))}
        if answer.status_code < 300:
            for name, parameter in named.items():
                require_valid(parameter["schema"], dict(parse_qsl(urlsplit(str(request.url)).query))[name])


@pytest.fixture
def sandbox():
    return build(now=lambda: NOW, payments=0)


@pytest.fixture
def http(sandbox):
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(transport=Described(sandbox), base_url="http://s/portal/v1", headers=bearer) as client:
        yield client


def put(http, key="d_1", rev=1, connection=MAIN, idempotency=None, headers=(), **fields):
    body = {"rev": rev, "document": EMPTY | {"key": key} | fields}
    name = idempotency or json.dumps([connection, key, rev, fields])
    sent = {"idempotency-key": name, **dict(headers)}
    return http.put("/document", params={"connection": connection, "key": key}, json=body, headers=sent)


def get(http, key="d_1", connection=MAIN, **headers):
    return http.get("/document", params={"connection": connection, "key": key}, headers=headers)


def test_a_document_is_shown_with_its_rev_as_etag(http):
    made = put(http, rev=7, total=12_100, currency="RON")
    assert (made.status_code, made.headers["etag"], made.json()) == (201, '"7"', {"rev": 7, "applied": True})
    shown = get(http)
    assert (shown.status_code, shown.headers["etag"]) == (200, '"7"')
    assert shown.json() == {"rev": 7, "document": EMPTY | {"key": "d_1", "total": 12_100, "currency": "RON"}}
    assert get(http, **{"if-none-match": '"7"'}).status_code == 304
    assert put(http, rev=8, total=5).json() == {"rev": 8, "applied": True}
    assert get(http, **{"if-none-match": '"7"'}).json()["document"]["total"] == 5


@pytest.mark.parametrize("rev", [6, 7])
def test_a_rev_that_is_not_above_the_one_shown_changes_nothing_and_says_so(http, rev):
    put(http, rev=7, total=7)
    answer = put(http, rev=rev, total=1, idempotency="another request")
    assert (answer.status_code, answer.headers["etag"], answer.json()) == (200, '"7"', {"rev": 7, "applied": False})
    assert get(http).json()["document"]["total"] == 7


def test_a_repeat_is_answered_as_the_first_was(http):
    first = put(http, rev=1, idempotency="k")
    put(http, rev=2, total=2)
    again = put(http, rev=1, idempotency="k")
    assert (again.status_code, again.headers["etag"], again.content) == (201, '"1"', first.content)
    assert get(http).json()["rev"] == 2


def test_a_key_belongs_to_one_request(http):
    put(http, rev=1, idempotency="k")
    answer = put(http, rev=2, idempotency="k")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/key-reused")
    assert http.put("/document", params={"connection": MAIN, "key": "d_1"}, json={}).status_code == 400


def test_an_answer_is_kept_for_a_day(http, sandbox):
    put(http, rev=1, idempotency="k")
    sandbox.clock.forward(23 * 3600)
    assert put(http, rev=1, idempotency="k").status_code == 201
    sandbox.clock.forward(3600)
    put(http, rev=2)
    assert put(http, rev=1, idempotency="k").json() == {"rev": 2, "applied": False}


def test_if_match_is_for_who_has_looked(http):
    assert put(http, rev=1, headers={"if-match": "*"}).status_code == 412
    put(http, rev=2)
    assert put(http, rev=3, headers={"if-match": '"1"'}).status_code == 412
    assert put(http, rev=4, headers={"if-match": '"2"'}).json() == {"rev": 4, "applied": True}
    assert put(http, rev=5, headers={"if-match": "*"}).json() == {"rev": 5, "applied": True}


def test_what_is_deleted_stays_as_deleted_under_its_rev(http):
    put(http, rev=1, total=5)
    put(http, rev=3, deleted=True)
    assert put(http, rev=2, total=6).json() == {"rev": 3, "applied": False}
    assert get(http).json() == {"rev": 3, "document": EMPTY | {"key": "d_1", "deleted": True}}
    assert [one["document"]["deleted"] for one in http.get("/documents?connection=oblio/main").json()["documents"]] == [
        True
    ]


def test_a_list_goes_on_page_by_page_whatever_is_written_meanwhile(http):
    keys = ["WEB/1/0", "WEB/10/0", "WEB/2/0", "a b", "ș/1"]
    for key in reversed(keys):
        put(http, key=key)
    put(http, key="other", connection="smartbill/main")
    met, after = [], {}
    while True:
        page = http.get("/documents", params={"connection": MAIN, "limit": 2, **after}).json()
        met += [one["document"]["key"] for one in page["documents"]]
        put(http, key=keys[0], rev=len(met) + 1)
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert met == keys
    assert http.get("/documents?connection=none/here").json() == {"documents": [], "next": None}
    assert http.get(f"/documents?connection={MAIN}&limit=501").status_code == 400


def test_as_of_never_goes_back(http):
    def agree(at):
        return http.put("/agreement", params={"connection": MAIN}, json={"as_of": at}).json()["as_of"]

    assert http.get(f"/agreement?connection={MAIN}").json() == {"as_of": None, "highest_rev": 0, "documents": 0}
    assert agree("2026-11-26T02:00:00+02:00") == "2026-11-26T00:00:00Z"
    assert agree("2026-11-25T00:00:00Z") == "2026-11-26T00:00:00Z"
    put(http, key="d_1", rev=4)
    put(http, key="d_2", rev=3, deleted=True)
    shown = {"as_of": "2026-11-26T00:00:00Z", "highest_rev": 4, "documents": 2}
    assert http.get(f"/agreement?connection={MAIN}").json() == shown
    assert http.put("/agreement", params={"connection": MAIN}, json={"as_of": "yesterday"}).status_code == 400


UNFIT = {
    "no currency": ({"currency": "lei"}, "/document/currency"),
    "no day": ({"issued_on": "26.11.2026"}, "/document/issued_on"),
    "another state": ({"state": "half paid"}, "/document/state"),
    "a text for an amount": ({"total": "12.10"}, "/document/total"),
    "a decimal": ({"total": 12.5}, "/document/total"),
    "no yes or no": ({"deleted": None}, "/document/deleted"),
    "a nameless party": ({"client": {"vat_id": "RO1"}}, "/document/client/name"),
    "a line without a quantity": ({"lines": [{"name": "Work"}]}, "/document/lines/0/quantity"),
    "an origin that nobody knows": ({"origins": {"total": "dream"}}, "/document/origins"),
}


@pytest.mark.parametrize(("fields", "pointer"), UNFIT.values(), ids=UNFIT)
def test_a_document_that_does_not_fit_the_description_is_refused_by_its_field(http, fields, pointer):
    schema = DESCRIPTION["components"]["schemas"]["Document"]
    valid = Draft202012Validator(schema | {"components": DESCRIPTION["components"]})
    assert valid.is_valid(EMPTY | {"key": "d_1"})
    assert not valid.is_valid(EMPTY | {"key": "d_1"} | fields)
    answer = put(http, **fields)
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": pointer}])
    assert get(http).status_code == 404
    assert put(http, **fields).content == answer.content


def test_fields_that_the_portal_does_not_know_are_given_back(http):
    put(http, hologram={"angle": 42})
    assert get(http).json()["document"]["hologram"] == {"angle": 42}


@pytest.mark.parametrize(
    ("token", "method", "status"), [("", "GET", 401), ("wrong", "PUT", 401), (READER, "PUT", 403), (READER, "GET", 200)]
)
def test_a_token_opens_what_it_may(http, token, method, status):
    http.headers["authorization"] = f"Bearer {token}"
    body = {"json": {"as_of": "2026-11-26T00:00:00Z"}} if method == "PUT" else {}
    assert http.request(method, "/agreement", params={"connection": MAIN}, **body).status_code == status
    if token == READER:
        assert http.get("/portal").json()["writes"] is False


def test_the_limit_lets_a_second_s_worth_pass_at_once(http, sandbox):
    assert http.post("/../_admin/limit", json={"per_second": 5}).json() == {"per_second": 5}
    answers = [http.get("/portal") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    sandbox.clock.forward(1)
    assert http.get("/portal").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [({"kind": "rate_limit"}, 429), ({"kind": "server_error", "status": 503}, 503), ({"kind": "unauthorized"}, 401)],
)
def test_a_switch_strikes_before_any_work(sandbox, fault, status):
    with httpx.Client(transport=Direct(sandbox), base_url="http://s/portal/v1") as http:
        http.headers["authorization"] = f"Bearer {TOKEN}"
        sandbox.portal.faults.add(fault)
        assert put(http).status_code == status
        assert get(http).status_code == 404
        assert put(http).status_code == 201


def test_a_dropped_answer_comes_after_the_work(http, sandbox):
    sandbox.portal.faults.add({"kind": "drop_answer", "method": "PUT"})
    with pytest.raises(httpx.RemoteProtocolError):
        put(http, rev=3)
    assert get(http).json()["rev"] == 3
    assert put(http, rev=3).json() == {"rev": 3, "applied": True}


def test_all_is_there_after_a_restart(tmp_path):
    path = tmp_path / "sandbox.json"
    first = build(now=lambda: NOW, payments=0, state=path)
    with httpx.Client(transport=Described(first), base_url="http://s/portal/v1") as http:
        http.headers["authorization"] = f"Bearer {TOKEN}"
        put(http, rev=3, idempotency="k")
        name = http.get("/portal").json()["id"]
    first.save()
    second = build(now=lambda: NOW, payments=0, state=path)
    with httpx.Client(transport=Described(second), base_url="http://s/portal/v1") as http:
        http.headers["authorization"] = f"Bearer {TOKEN}"
        assert http.get("/portal").json() == {"api": "portal/1", "id": name, "writes": True}
        assert get(http).json()["rev"] == 3
        assert put(http, rev=3, idempotency="k").status_code == 201


def test_the_description_is_served(http):
    http.headers.pop("authorization")
    assert yaml.safe_load(http.get("/openapi.yaml").content) == DESCRIPTION

"""What Oblio's client asks for, and answers that the sandbox never gives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.errors import Misconfigured, Refused, TryLater
from accord.invoicing import Terms
from accord.systems.oblio import Oblio, connect
from accord.systems.oblio.issue import OblioIssuer
from accord.systems.oblio.tokens import Credentials

LIST = json.loads((Path(__file__).parent.parent / "fixtures" / "oblio" / "list.json").read_bytes())
TOKEN = {"access_token": "f00", "expires_in": "3600", "token_type": "Bearer", "scope": "", "request_time": "1"}
COMPANIES = {"status": 200, "data": [{"cif": "90000017", "company": "Prăvălia"}]}


class Wire:
    """Answers by the end of the path, and keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"token": TOKEN, "companies": COMPANIES, "list": LIST} | answers
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[request.url.path.rsplit("/", 1)[1]]
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx.Response(200, content=content, headers={"content-type": "text/plain"})

    def times(self, path: str) -> int:
        return sum(request.url.path.endswith(path) for request in self.asked)


class Later(SystemClock):
    """The machine's clock, moved by what is waited for."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
def oblio(clock: Later) -> Callable[[Wire], Oblio]:
    return lambda wire: connect(
        base_url="https://www.oblio.eu/api",
        cif="RO90000017",
        credentials=lambda: Credentials("ana@example.test", "s&cret=1"),
        budget=Unlimited(),
        breaker=NeverOpen(),
        clock=clock,
        client=httpx.Client(transport=httpx.MockTransport(wire)),
    )


def test_what_is_asked_for(oblio: Callable[[Wire], Oblio]) -> None:
    wire = Wire()
    page = oblio(wire).page(200)
    token, companies, listed = wire.asked
    assert (token.method, str(token.url)) == ("POST", "https://www.oblio.eu/api/authorize/token")
    assert "authorization" not in token.headers
    assert parse_qs(token.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["ana@example.test"],
        "client_secret": ["s&cret=1"],
    }
    assert companies.headers["authorization"] == listed.headers["authorization"] == "Bearer f00"
    assert dict(listed.url.params) == {
        "cif": "RO90000017",
        "draft": "-1",
        "canceled": "-1",
        "collected": "-1",
        "withProducts": "1",
        "withCollects": "1",
        "withEinvoiceStatus": "1",
        "orderBy": "id",
        "orderDir": "DESC",
        "limitPerPage": "100",
        "offset": "200",
    }
    assert [json.loads(item.raw) for item in page.items] == LIST["data"]
    assert [item.key for item in page.items] == ["880053", "880052", "880051"]


def test_a_pdf_is_asked_for_without_the_token(oblio: Callable[[Wire], Oblio]) -> None:
    wire = Wire(**{"": b"%PDF-1.7 x"})
    source = oblio(wire)
    assert source.pdf(source.page(0).items[0]) == b"%PDF-1.7 x"
    assert str(wire.asked[-1].url) == LIST["data"][0]["link"]
    assert "authorization" not in wire.asked[-1].headers


@pytest.mark.parametrize(
    ("told", "given"),
    [("3600", 2), (3600, 2), ("3600.0", 2), (None, 1), ("soon", 1), ("", 1), ("-5", 1), ("nan", 1), ([], None)],
)
def test_a_tokens_life_may_be_written_in_any_way(
    oblio: Callable[[Wire], Oblio], clock: Later, told: object, given: int | None
) -> None:
    wire = Wire(token=TOKEN | {"expires_in": told})
    source = oblio(wire)
    if given is None:
        with pytest.raises(Refused, match="no token"):
            source.page(0)
        return
    source.page(0)
    clock.sleep(3_241)
    source.page(0)
    assert wire.times("token") == given


@pytest.mark.parametrize(
    ("body", "error"), [(b"<html>", TryLater), (b"", TryLater), ({}, Refused), ([], Refused), ({"data": "x"}, Refused)]
)
@pytest.mark.parametrize("path", ["token", "companies", "list"])
def test_answers_that_are_not_what_they_were(
    oblio: Callable[[Wire], Oblio], path: str, body: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        oblio(Wire(**{path: body})).page(0)


@pytest.mark.parametrize("order", [[2, 1, 0], [0, 2, 1], [0, 0]])
def test_another_order_than_the_one_asked_for_is_refused(oblio: Callable[[Wire], Oblio], order: list[int]) -> None:
    with pytest.raises(Refused, match="order"):
        oblio(Wire(list={"data": [LIST["data"][n] for n in order]})).page(0)


def test_rates_as_they_are_written(oblio: Callable[[Wire], Oblio]) -> None:
    rates = [{"name": "Normala", "percent": 21, "default": True}, {"name": "SDD", "percent": "0"}]
    series = [{"type": "Factura", "name": "WEB", "next": "0001"}]
    source = oblio(Wire(series={"data": series}, vat_rates={"data": rates}))

    def issuer(name: str, rate: str) -> OblioIssuer:
        terms = Terms(product="Comandă", series="WEB", vat_name=name, vat_rate=rate)
        return source.issuer("oblio/main", terms, lambda: None)

    issuer("Normala", "21").check()
    issuer("SDD", "0").check()
    with pytest.raises(Misconfigured, match=r"no VAT rate Normala of 19 %; it has Normala 21, SDD 0$"):
        issuer("Normala", "19").check()

"""What each of SmartBill's error answers asks of the caller."""

import json

import pytest

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response
from accord.systems.smartbill import Blocked, NotFound, NotPermitted, classify
from accord.systems.smartbill.errors import NoPaper, classify_paper, error_text, refused

PROBLEM = {
    "status": 400,
    "type": "invalid_request_error",
    "errors": [{"code": "json_mapping_error", "message": "Unrecognized property: Ana.", "param": "Ana"}],
}


def answer(status: int, body: object = b"") -> Response:
    return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def text(said: str) -> dict[str, object]:
    return {"errorText": said, "message": "", "number": "", "series": "", "url": ""}


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (answer(401, {"errorText": "Autentificare esuata. Va rugam"}), Misconfigured, "e-mail and token are not valid"),
        (answer(401, b""), Misconfigured, "e-mail and token are not valid"),
        (answer(400, text("Firma la care incercati sa va conectati nu mai")), Misconfigured, "check cif"),
        (answer(403, text("Firma X nu este disponibila pentru acest utilizator.")), Misconfigured, "check cif"),
        (answer(403, text("Nu aveti dreptul de a adauga facturi")), NotPermitted, "lacks a right"),
        (answer(403, text("Nu poti sterge documentul, deoarece nu este ultimul din serie!")), Refused, "only the last"),
        (answer(400, text("Nu poti sterge documentul, deoarece nu este ultimul din serie!")), Refused, "only the last"),
        (answer(403), Blocked, "too many calls"),
        (answer(403, b"<html>Forbidden</html>"), Blocked, "too many calls"),
        (answer(403, text("Ceva nou")), Blocked, "too many calls"),
        (answer(429, text("Ati depasit")), Blocked, "too many calls"),
        (answer(400, text("Factura nu a fost gasita")), NotFound, "no such document"),
        (answer(400, text("Factura cu seria si numarul WEB9999 nu a fost gasita!<br/>")), NotFound, "no such document"),
        (answer(410, text("Factura proforma PRO 9 nu a fost gasita!")), NotFound, "no such document"),
        (answer(400, text("Seria nu a fost gasita! Folositi")), Refused, "answered 400$"),
        (answer(400, text("Cota tva a produsului X nu a fost gasita pe server!")), Refused, "answered 400$"),
        (answer(400, text("Numarul facturii trebuie specificat")), Refused, "misses a part"),
        (answer(400, text("Pentru acest pachet s-a emis numarul maxim de documente permis")), Misconfigured, "subscr"),
        (answer(400, PROBLEM), Refused, "400 json_mapping_error$"),
        (answer(404, b"<html>"), Refused, "is base_url"),
        (answer(405, PROBLEM), Refused, "is base_url"),
        (answer(500, text("Internal Server Error!")), TryLater, "answered 500"),
        (answer(502, b"<html>"), TryLater, "answered 502"),
        (answer(408), TryLater, "answered 408"),
    ],
)
def test_what_to_do(given: Response, error: type[Exception], said: str) -> None:
    fault = classify(given)
    assert type(fault) is error
    with pytest.raises(error, match=said):
        raise fault


def test_a_block_lasts_ten_minutes_for_the_whole_account() -> None:
    fault = classify(answer(429))
    assert isinstance(fault, Blocked)
    assert (fault.after, fault.scope) == (600, "account")


def test_a_not_found_is_no_other_kind_of_refusal() -> None:
    assert not isinstance(classify(answer(400, text("Seria nu a fost gasita!"))), NotFound)


def test_success_is_none_even_with_an_error_text() -> None:
    assert classify(answer(200, text("Proforma nu a fost facturata."))) is None


def test_only_for_a_pdf_a_502_says_nothing() -> None:
    assert isinstance(classify_paper(answer(502)), NoPaper)
    assert isinstance(classify_paper(answer(503)), TryLater)
    assert isinstance(classify_paper(answer(429)), Blocked)
    assert classify_paper(answer(200)) is None


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"errorText":"Client invalid!<br/><b>Ana</b>"}', "Client invalid!"),
        (b'{"sbcResponse":{"errorText":"Client invalid!"}}', "Client invalid!"),
        (b'{"errorText":null}', ""),
        (b'{"errorText":5}', ""),
        (b"<html>", ""),
        (b"\xff{", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_the_text_is_read_without_its_html(body: bytes, read: str) -> None:
    assert error_text(body) == read


def test_no_error_quotes_what_smartbill_says() -> None:
    for status in (400, 403, 410, 500):
        assert "Ana" not in str(classify(answer(status, text("Clientul Ana Popescu exista deja pe server"))))
    assert "Ana" not in str(refused("Clientul Ana Popescu exista deja"))
    assert "Ana" not in str(classify(answer(400, PROBLEM)))

"""The sandbox's SmartBill misbehaves on command: the limit and its block, switches, behaviours that sources dispute."""

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, NO_RIGHTS, TOKEN

SERIES = "/SBORO/api/series"
PDF = "/SBORO/api/invoice/pdf"
STATUS = "/SBORO/api/invoice/paymentstatus"
NAMED = {"cif": CIF, "seriesname": "WEB", "number": "0001"}


class Time:
    now = 1_790_000_000.0


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def http(time):
    sandbox = build(now=lambda: time.now, payments=1)
    return httpx.Client(
        transport=Direct(sandbox, lambda seconds: setattr(time, "now", time.now + seconds)),
        base_url="http://sandbox/smartbill",
        auth=(EMAIL, TOKEN),
    )


def switch(http, **fault):
    answer = http.post("/_admin/faults", json=fault)
    assert answer.status_code == 200, answer.text


def call(http, path=SERIES, **more):
    return http.get(path, params={**NAMED, **more})


@pytest.mark.parametrize("status", [403, 429])
def test_thirty_calls_in_ten_seconds_and_one_more_blocks_everything_for_ten_minutes(http, time, status):
    http.post("/_admin/behaviour", json={"block_status": status})
    left = []
    for _ in range(30):
        answer = call(http)
        left.append(int(answer.headers["x-ratelimit-remaining"]))
        assert answer.headers["x-ratelimit-limit"] == "30"
        assert time.now < int(answer.headers["x-ratelimit-reset"]) <= time.now + 11
    assert left == list(range(29, -1, -1))
    assert call(http).status_code == status
    time.now += 599
    assert call(http, PDF).status_code == status
    other = httpx.Client(transport=http._transport, base_url="http://sandbox/smartbill", auth=(EMAIL, NO_RIGHTS))
    assert call(other).status_code == 200
    time.now += 2
    assert call(http).status_code == 200
    assert http.get("/_admin/stats").json()["blocks"] == 1


def test_calls_leave_the_window_one_by_one(http, time):
    for _ in range(3):
        for _ in range(15):
            assert call(http).status_code == 200
            time.now += 0.35
    assert int(call(http).headers["x-ratelimit-remaining"]) > 0


def test_refused_calls_count_too(http):
    for _ in range(30):
        assert call(http, STATUS, number="9999").status_code == 400
    assert call(http).status_code == 429


def test_the_limit_can_be_switched_and_a_block_ended(http):
    http.post("/_admin/limit", json={"calls": 2})
    assert [call(http).status_code for _ in range(3)] == [200, 200, 429]
    assert http.post("/_admin/limit", json={"calls": 0, "release": True}).json()["calls"] == 0
    assert {call(http).status_code for _ in range(50)} == {200}
    assert http.post("/_admin/limit", json={"calls": -1}).status_code == 400


def test_another_program_trips_the_block(http, time):
    switch(http, kind="rate_limit")
    assert [call(http).status_code for _ in range(2)] == [429, 429]
    time.now += 601
    assert call(http).status_code == 200


def test_an_error_with_status_200_plain_and_with_html(http):
    switch(http, kind="error_text", value="Seria nu a fost gasita!<br/><b>x</b>")
    answer = call(http)
    assert (answer.status_code, answer.json()["errorText"]) == (200, "Seria nu a fost gasita!<br/><b>x</b>")
    http.post("/_admin/behaviour", json={"error_text": "html"})
    assert "<br/>" in call(http, STATUS, number="9999").json()["errorText"]


def test_the_wrapped_shape(http):
    flat = call(http).json()
    http.post("/_admin/behaviour", json={"shape": "wrapped"})
    assert call(http).json() == {"sbcSeries": flat}
    assert list(call(http, STATUS).json()) == ["sbcInvoicePaymentStatusResponse"]


def test_a_pdf_that_is_a_web_page_and_a_502_while_the_status_works(http):
    switch(http, kind="pdf_html")
    page = call(http, PDF)
    assert (page.status_code, page.content[:6]) == (200, b"<html>")
    switch(http, kind="html_502", path=PDF, rate=1)
    assert (call(http, PDF).status_code, call(http, STATUS).status_code) == (502, 200)


def test_a_lost_answer_after_the_work(http):
    pay = {
        "companyVatCode": CIF,
        "type": "Card",
        "value": 1,
        "invoicesList": [{"seriesName": "WEB", "number": "0001"}],
    }
    open_ = next(
        row
        for row in http.get("/_admin/documents").json()["documents"]
        if row["paid"] == "0.00" and not (row["cancelled"] or row["reversed"] or row["reverses"])
    )
    pay["invoicesList"] = [{"seriesName": open_["series"], "number": open_["number"]}]
    switch(http, kind="drop_answer", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/SBORO/api/payment", json=pay)
    assert call(http, STATUS, seriesname=open_["series"], number=open_["number"]).json()["paidAmount"] == 1.0


@pytest.mark.parametrize(
    ("fault", "status"),
    [({"kind": "unauthorized"}, 401), ({"kind": "server_error", "status": 503}, 503), ({"kind": "redirect"}, 302)],
)
def test_the_usual_switches(http, fault, status):
    switch(http, **fault, path="/smartbill/SBORO/api/series")
    assert [call(http).status_code for _ in range(2)] == [status, 200]


def test_spoilt_fields_and_a_latency(http, time):
    switch(http, kind="missing_field", field="paid", path=STATUS)
    assert "paid" not in call(http, STATUS).json()
    switch(http, kind="wrong_type", field="paidAmount", path=STATUS)
    assert isinstance(call(http, STATUS).json()["paidAmount"], str)
    before = time.now
    switch(http, kind="latency", seconds=3)
    call(http)
    assert time.now == before + 3


@pytest.mark.parametrize(
    ("path", "wrong"), [("/_admin/faults", {"kind": "storm"}), ("/_admin/behaviour", {"shape": "round"})]
)
def test_a_switch_that_makes_no_sense_is_refused(http, path, wrong):
    assert http.post(path, json=wrong).status_code == 400


def test_an_unknown_switch_names_those_there_are(http):
    answer = http.get("/_admin/nothing")
    assert answer.status_code == 404
    assert "POST /_admin/behaviour" in answer.json()["error"]

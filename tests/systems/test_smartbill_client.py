"""The SmartBill client over the real transport, against the sandbox: what it asks for, and what can go wrong."""

import base64
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from accord.actions import Sent
from accord.errors import Misconfigured, Refused, TryLater, Unclear
from accord.http import Response
from accord.invoicing import Terms
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, NO_RIGHTS, TOKEN
from accord.systems.smartbill import PER_SECOND, SmartBill, headers
from accord.systems.smartbill.client import Series, rest
from accord.systems.smartbill.errors import NoPdf

PDF = "/SBORO/api/invoice/pdf"


def test_series_of_invoices_with_their_counters(account: Any, client: SmartBill) -> None:
    account.issue()
    assert client.series() == [
        Series("WEB", 2, None),
        Series("EXP", 1, None),
        Series("AB-2", 1001, None),
        Series("API", 1, None),
    ]
    account.behave(next_number="string")
    assert [one.width for one in client.series()] == [4, None, 6, 4]


def test_what_is_paid_of_an_invoice(account: Any, client: SmartBill) -> None:
    number = account.issue(0.1)
    account.pay(number, 0.02)
    status = client.status("WEB", number)
    assert status is not None
    assert (status.invoice_total_amount, status.paid_amount, status.unpaid_amount, status.paid) == (
        Decimal("0.12"),
        Decimal("0.02"),
        Decimal("0.1"),
        False,
    )
    assert repr(status) == "<Status>"


@pytest.mark.parametrize("text", ["plain", "html"])
@pytest.mark.parametrize("shape", ["flat", "wrapped"])
def test_an_invoice_that_is_not_there(account: Any, client: SmartBill, shape: str, text: str) -> None:
    account.behave(shape=shape, error_text=text)
    assert client.status("WEB", "0001") is None
    number = account.issue() if shape == "flat" else "0001"
    if shape == "flat":
        assert client.status("WEB", number) is not None


def test_answers_with_a_name_around_them(account: Any, client: SmartBill, own_time: Any) -> None:
    number = account.issue()
    account.behave(shape="wrapped")
    assert client.series()[0].next_number == 2
    terms = Terms(product="Comandă", series="WEB", proformas="PRO", vat_name="Normala", vat_rate="21")
    client.issuer("smartbill/main", terms, own_time, lambda: None).check()
    with pytest.raises(Misconfigured, match="no VAT rate Normala of 19 %; it has Normala 21"):
        client.issuer("smartbill/main", structs.replace(terms, vat_rate="19"), own_time, lambda: None).check()
    assert client.status("WEB", number) is not None


def test_a_pdf_and_none_for_an_invoice_that_is_not_there(account: Any, client: SmartBill) -> None:
    number = account.issue()
    body = client.pdf("WEB", number)
    assert body is not None
    assert body.startswith(b"%PDF-")
    account.calls()
    assert client.pdf("WEB", "0099") is None
    assert account.calls()["by_endpoint"] == {"/invoice/pdf": 1, "/invoice/paymentstatus": 1}


def test_a_502_for_a_pdf_while_the_status_works_is_for_later(account: Any, client: SmartBill) -> None:
    number = account.issue()
    account.switch(kind="html_502", path=PDF, rate=1)
    for _ in range(8):
        with pytest.raises(NoPdf, match="knows the invoice"):
            client.pdf("WEB", number)
        assert client.status("WEB", number) is not None  # the breaker stays closed
    account.smartbill.faults.clear()
    account.switch(kind="html_502", path=PDF)
    assert client.pdf("WEB", number) is not None


def test_a_pdf_that_is_a_web_page(account: Any, client: SmartBill) -> None:
    number = account.issue()
    account.switch(kind="pdf_html")
    with pytest.raises(NoPdf, match="something else than a PDF"):
        client.pdf("WEB", number)


def test_a_pdf_that_is_an_error_with_status_200(account: Any, client: SmartBill) -> None:
    number = account.issue()
    account.switch(kind="error_text", value="Factura nu a fost gasita", path=PDF)
    assert client.pdf("WEB", number) is None
    account.switch(kind="error_text", value="Nu aveti dreptul", path=PDF)
    with pytest.raises(Misconfigured, match="lacks a right"):
        client.pdf("WEB", number)


def test_what_became_of_a_proforma(account: Any, client: SmartBill, own_time: Any) -> None:
    number = account.issue(series="PRO", path="/estimate/v2", mentions="Ref. M-1")
    issuer = client.issuer(
        "smartbill/main", Terms(product="Comandă", series="WEB", proformas="PRO"), own_time, lambda: None
    )

    def made(of: str) -> list[tuple[str | None, str | None]]:
        sent = Sent("invoice", "M-1", b"", {"proforma": ("", "PRO", of)}, attempt=2)
        return [(one.series, one.number) for one in issuer.find(sent).found]

    assert made(number) == []  # an errorText with 200 that is no failure
    account.issue(useEstimateDetails=True, estimate={"seriesName": "PRO", "number": number})
    assert made(number) == [("WEB", "0001")]
    account.smartbill.company.documents["p PRO 0001"]["invoices"].append(["WEB", ""])  # a draft has no number
    assert made(number) == [("WEB", "0001")]
    with pytest.raises(Unclear, match="PRO 0099, of which the invoice is made, is gone"):
        made("0099")


def test_an_error_with_status_200_is_an_error(account: Any, client: SmartBill) -> None:
    account.switch(kind="error_text", value="Factura nu a fost gasita")
    assert client.status("WEB", "0001") is None
    number = account.issue()
    account.switch(kind="wrong_type", field="errorText", value="Factura nu a fost gasita")  # beside amounts
    assert client.status("WEB", number) is None
    account.switch(kind="error_text", value="Ceva despre Ana Popescu")
    with pytest.raises(Refused, match=r"200 with an error that is not known$"):
        client.series()


@pytest.mark.parametrize("status", [403, 429])
def test_a_block_that_another_program_tripped_is_waited_for_without_an_alarm(
    account: Any, new_client: Callable[..., SmartBill], status: int
) -> None:
    account.behave(block_status=status)
    account.switch(kind="rate_limit")
    one, other = new_client(), new_client()
    with pytest.raises(TryLater) as caught:
        one.series()
    assert caught.value.after == pytest.approx(600, abs=1)
    account.calls()
    for client in (one, other):
        with pytest.raises(TryLater):
            client.series()
    assert account.calls()["requests"] == 0  # nobody knocks meanwhile
    account.clock.sleep(601)
    assert other.series()


def test_a_user_without_a_right_is_no_block(new_client: Callable[..., SmartBill]) -> None:
    assert new_client(token=NO_RIGHTS).series()


def sent_in_ten_seconds(times: list[float]) -> int:
    return max(sum(1 for other in times if start <= other < start + 10) for start in times)


def test_all_workers_together_ask_no_more_than_twenty_times_in_ten_seconds(
    account: Any, new_client: Callable[..., SmartBill], monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    begin = account.smartbill.begin
    monkeypatch.setattr(account.smartbill, "begin", lambda ask: times.append(account.clock.now()) or begin(ask))
    workers = [new_client() for _ in range(3)]
    for _ in range(40):
        for worker in workers:
            worker.series()
    assert sent_in_ten_seconds(times) <= 20
    assert PER_SECOND * (10 + 1.5) + 1 <= 20  # by SharedBudget's promise
    assert len(times) / (times[-1] - times[0]) == pytest.approx(PER_SECOND, rel=0.05)


def test_it_rests_where_others_have_used_up_most_of_the_window(account: Any, client: SmartBill) -> None:
    account.smartbill.limits.most = 30
    for _ in range(26):
        account.smartbill.limits.take(TOKEN, account.clock.now())
    client.series()
    before = account.clock.now()
    client.series()
    assert account.clock.now() - before == pytest.approx(10, abs=1)
    assert account.smartbill.limits.blocks == 0


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({}, 0),
        ({"x-ratelimit-remaining": "6", "x-ratelimit-reset": "1790000005"}, 0),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1790000005"}, 5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790009999"}, 10),  # by a clock that is not ours
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 10),
        ({"x-ratelimit-remaining": "0"}, 10),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 10),
        ({"x-ratelimit-remaining": "few", "x-ratelimit-reset": "1790000005"}, 0),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "1790000105", "date": "Mon, 21 Sep 2026 14:15:00 GMT"}, 5),
    ],
)
def test_how_long_it_rests(own_time: Any, told: dict[str, str], seconds: float) -> None:
    assert rest(Response(200, told, b""), own_time) == seconds


def test_a_token_that_is_not_valid_is_loaded_anew_and_then_complained_of(
    account: Any, new_client: Callable[..., SmartBill]
) -> None:
    with pytest.raises(Misconfigured, match="block SmartBillAccount/main in the Prefect UI"):
        new_client(token="old", block="SmartBillAccount/main").series()
    assert account.calls()["by_status"] == {"401": 2}


def test_a_company_that_is_not_the_accounts(new_client: Callable[..., SmartBill]) -> None:
    with pytest.raises(Misconfigured, match="check cif of the block"):
        new_client(cif="RO1").series()


@pytest.mark.parametrize(("email", "token"), [("nobody", "t"), ("", "t"), ("a@b.example", "  ")])
def test_what_can_be_no_login(email: str, token: str) -> None:
    with pytest.raises(Misconfigured, match="e-mail of the account and the token"):
        headers(email, token)


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ({"kind": "missing_field", "field": "paid"}, Refused, "did its API change"),
        ({"kind": "wrong_type", "field": "paid", "value": "yes"}, Refused, "did its API change"),
        ({"kind": "wrong_type", "field": "paidAmount", "value": "NaN"}, Refused, "did its API change"),
        ({"kind": "html_502", "rate": 1}, TryLater, "502"),
        ({"kind": "redirect"}, Refused, "redirects"),
        ({"kind": "server_error", "status": 500, "rate": 1}, TryLater, "500"),
    ],
)
def test_answers_that_are_not_what_they_should_be(
    account: Any, client: SmartBill, fault: dict[str, Any], error: type[Exception], text: str
) -> None:
    number = account.issue()
    account.switch(**fault, path="/SBORO/api/invoice/paymentstatus")
    with pytest.raises(error, match=text):
        client.status("WEB", number)


@pytest.mark.parametrize("kind", ["truncated_json", "drop_answer", "drop_midway", "wrong_content_type"])
def test_answers_that_get_lost_are_asked_for_again(account: Any, client: SmartBill, kind: str) -> None:
    number = account.issue()
    account.switch(kind=kind)
    assert client.status("WEB", number) is not None


def test_neither_logs_nor_errors_nor_reprs_tell_token_names_or_vat_ids(
    account: Any, new_client: Callable[..., SmartBill], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="accord")  # a run in this process may have set it
    client = new_client()
    number = account.issue()
    said = [repr(client), repr(client.status("WEB", number)), repr(client.series())]
    client.pdf("WEB", number)
    for kind in ("html_502", "truncated_json", "rate_limit"):
        account.switch(kind=kind, method="GET")
        try:
            client.status("WEB", number)
        except TryLater as error:
            said.append(str(error))
    account.clock.sleep(700)
    for wrong in (new_client(token="old-and-secret"), new_client(cif="RO77000077")):
        with pytest.raises(Misconfigured) as caught:
            wrong.series()
        said.append(str(caught.value))
    account.switch(kind="error_text", value=f"Client invalid: Moara de Probă {CIF}")
    with pytest.raises(Refused) as refused:
        client.series()
    said.append(str(refused.value))
    heard = caplog.text + " ".join(said)
    assert "GET /smartbill/SBORO/api/invoice/paymentstatus 200" in heard
    login = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
    for secret in (TOKEN, login, EMAIL, "old-and-secret", CIF, "90000017", "RO77000077", "Moara", "90000025"):
        assert secret not in heard

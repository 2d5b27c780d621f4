"""The sandbox's SmartBill answers as SmartBill's documents say: series, invoices, payments, errors, no list."""

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, NO_RIGHTS, TOKEN

NOW = 1_790_000_000.0  # 2026-09-21
API = "/SBORO/api"
CLIENT = {"name": "Moara de Probă SRL", "vatCode": "RO90000025", "country": "Romania", "saveToDb": False}
LINE = {
    "name": "Mentenanță",
    "measuringUnitName": "buc",
    "quantity": 2,
    "price": 350,
    "taxName": "Normala",
    "taxPercentage": 21,
}


class Http:
    """Calls of one user, with the company's CIF."""

    def __init__(self, sandbox, token=TOKEN):
        self.smartbill = sandbox.smartbill
        transport = Direct(sandbox)
        self.client = httpx.Client(transport=transport, base_url="http://sandbox/smartbill", auth=(EMAIL, token))

    def get(self, path, **params):
        return self.client.get(API + path, params={"cif": CIF, **params})

    def put(self, path, **params):
        return self.client.put(API + path, params={"cif": CIF, **params})

    def delete(self, path, **params):
        return self.client.delete(API + path, params={"cif": CIF, **params})

    def post(self, path, **body):
        return self.client.post(API + path, json={"companyVatCode": CIF, **body})

    def issue(self, series="WEB", path="/invoice/v2", **more):
        answer = self.post(path, seriesName=series, client=CLIENT, products=[LINE], **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, series, number):
        return self.get("/invoice/paymentstatus", seriesname=series, number=number).json()

    def behave(self, **behaviour):
        self.client.post("/_admin/behaviour", json=behaviour).raise_for_status()

    def next_number(self, series="WEB"):
        rows = self.get("/series").json()["list"]
        return next(row["nextNumber"] for row in rows if row["name"] == series)


@pytest.fixture
def sandbox():
    return build(now=lambda: NOW, payments=0)


@pytest.fixture
def http(sandbox):
    return Http(sandbox)


def problem(answer):
    return answer.status_code, answer.json()["errors"][0]["code"], answer.json()["errors"][0]["param"]


def test_an_invoice_is_issued_and_its_status_names_no_currency(http):
    made = http.issue(currency="EUR")
    assert (made["errorText"], made["series"], made["number"]) == ("", "WEB", "0001")
    assert isinstance(made["documentId"], int)
    assert made["documentUrl"]
    status = http.status("WEB", "0001")
    assert status == {
        "errorText": "",
        "message": "",
        "number": "",
        "series": "",
        "url": "",
        "invoiceTotalAmount": 847.0,
        "paidAmount": 0.0,
        "unpaidAmount": 847.0,
        "paid": False,
    }


def test_the_older_endpoint_gives_no_document_fields_and_a_draft_no_number(http):
    assert "documentId" not in http.issue(path="/invoice")
    draft = http.issue(isDraft=True)
    assert (draft["errorText"], draft["number"]) == ("", "")
    assert http.next_number() == 2


@pytest.mark.parametrize("number", ["1", "01", "00001", "0002"])
def test_a_number_is_found_only_as_it_was_issued(http, number):
    http.issue()
    answer = http.get("/invoice/paymentstatus", seriesname="WEB", number=number)
    assert (answer.status_code, answer.json()["errorText"]) == (400, "Factura nu a fost gasita")
    assert answer.json()["paid"] is False


def test_the_next_number_is_a_number_or_a_text_with_zeros(http):
    http.issue()
    assert http.next_number() == 2
    http.behave(next_number="string")
    assert (http.next_number(), http.next_number("EXP")) == ("0002", "1")
    assert http.get("/series", type="x").json()["errorText"].startswith("Tipul documentului nu poate fi x!")
    assert {row["type"] for row in http.get("/series", type="p").json()["list"]} == {"p"}


def test_only_the_last_number_can_be_deleted_and_it_is_given_out_again(http):
    http.issue()
    http.issue()
    refused = http.delete("/invoice", seriesname="WEB", number="0001")
    assert refused.status_code == 403
    assert refused.json()["errorText"].endswith("deoarece nu este ultimul din serie!")
    assert http.delete("/invoice", seriesname="WEB", number="0002").status_code == 200
    assert http.next_number() == 2
    cheaper = {**LINE, "price": 100}
    again = http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[cheaper]).json()
    assert again["number"] == "0002"
    assert http.status("WEB", "0002")["invoiceTotalAmount"] == 242.0


def test_cancel_and_restore_can_be_repeated_and_the_status_does_not_show_it(http):
    http.issue()
    before = http.status("WEB", "0001")
    named = {"seriesname": "WEB", "number": "0001"}
    assert http.put("/invoice/cancel", **named).json()["message"].endswith("a fost anulata cu succes.")
    assert http.put("/invoice/cancel", **named).json()["message"] == "Factura WEB0001 este deja anulata."
    assert http.status("WEB", "0001") == before
    assert http.put("/invoice/restore", **named).status_code == 200
    assert http.put("/invoice/restore", **named).json()["message"] == "Factura WEB0001 nu necesita restaurare."
    missing = http.put("/invoice/cancel", seriesname="WEB", number="9999")
    assert missing.json()["errorText"] == "Factura cu seria si numarul WEB9999 nu a fost gasita!"


def test_a_storno_takes_its_own_number_and_keeps_the_old_rate(http):
    old = {**LINE, "taxName": "Normala veche", "taxPercentage": 19}
    http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[old], issueDate="2025-07-30")
    made = http.post("/invoice/reverse", seriesName="WEB", number="0001", issueDate="2025-09-02").json()
    assert (made["number"], made["series"], type(made["documentId"])) == ("0002", "WEB", str)
    assert http.status("WEB", "0002")["invoiceTotalAmount"] == -833.0
    again = http.post("/invoice/reverse", seriesName="WEB", number="0001")
    assert again.json()["errorText"] == "Factura este deja stornata."
    of_it = http.post("/invoice/reverse", seriesName="WEB", number="0002")
    assert of_it.json()["errorText"] == "Factura WEB0002 este de tip storno. Nu se poate storna."
    http.issue()
    early = http.post("/invoice/reverse", seriesName="WEB", number="0003", issueDate="2020-01-01")
    assert early.json()["errorText"].startswith("Data emiterii facturii storno nu poate fi anterioara")
    assert problem(http.post("/invoice/reverse", seriesName="WEB", number="0003", issueDate="ieri"))[1] == (
        "json_mapping_error"
    )


def test_payments_in_parts_and_the_guard_against_paying_twice(http):
    http.issue()
    pay = {"type": "ordin plata", "useInvoiceDetails": True, "invoicesList": [{"seriesName": "WEB", "number": "0001"}]}
    for _ in range(2):
        assert http.post("/payment", value=200, **pay).json()["number"] == ""
    assert http.status("WEB", "0001")["unpaidAmount"] == 447.0
    assert http.post("/payment", **pay).status_code == 200
    assert http.status("WEB", "0001")["paid"] is True
    assert http.post("/payment", **pay).json()["errorText"] == "Factura este incasata sau stornata in totalitate."
    wrong_case = http.delete("/payment/v2", paymentType="ordin plata", invoiceSeries="WEB", invoiceNumber="0001")
    assert wrong_case.status_code == 400
    assert (
        http.delete("/payment/v2", paymentType="Ordin plata", invoiceSeries="WEB", invoiceNumber="0001").status_code
        == 200
    )
    assert http.status("WEB", "0001")["paidAmount"] == 400.0


def test_a_receipt_has_a_number_and_goes_by_it(http):
    http.issue()
    named = [{"seriesName": "WEB", "number": "0001"}]
    made = http.post("/payment", type="Chitanta", seriesName="CH", useInvoiceDetails=True, invoicesList=named).json()
    assert (made["series"], made["number"]) == ("CH", "0001")
    assert http.delete("/payment/chitanta", seriesname="CH", number="0001").status_code == 200
    assert http.status("WEB", "0001")["paidAmount"] == 0.0


def test_what_became_of_a_proforma(http):
    made = http.issue("PRO", "/estimate/v2")
    named = {"seriesname": "PRO", "number": made["number"]}
    open_ = http.get("/estimate/invoices", **named)
    assert open_.status_code == 200
    assert open_.json()["errorText"] == "Proforma cu seria PRO si numarul 0001 nu a fost facturata."
    assert open_.json()["areInvoicesCreated"] is False
    estimate = {"seriesName": "PRO", "number": made["number"]}
    invoice = http.post("/invoice/v2", seriesName="WEB", useEstimateDetails=True, estimate=estimate).json()
    done = http.get("/estimate/invoices", **named).json()
    assert (done["areInvoicesCreated"], done["invoices"]) == (True, [{"series": "WEB", "number": invoice["number"]}])
    assert http.get("/estimate/invoices", seriesname="PRO", number="0009").status_code == 410


def test_a_pdf_comes_with_its_name_and_a_missing_one_is_a_502_or_a_400(http):
    http.issue()
    named = {"seriesname": "WEB", "number": "0001"}
    answer = http.get("/invoice/pdf", **named)
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-disposition"].endswith('filename="facturaWEB0001.pdf"')
    octets = http.client.get(
        f"{API}/invoice/pdf", params={"cif": CIF, **named}, headers={"accept": "application/octet-stream"}
    )
    assert octets.headers["content-type"] == "application/octet-stream"
    wrong = http.client.get(f"{API}/invoice/pdf", params={"cif": CIF, **named}, headers={"accept": "application/pdf"})
    assert problem(wrong)[:2] == (406, "invalid_accept_header")
    missing = http.get("/invoice/pdf", seriesname="WEB", number="0009")
    assert (missing.status_code, missing.headers["content-type"]) == (502, "text/html")
    proforma = http.get("/estimate/pdf", seriesname="PRO", number="0009")
    assert (proforma.status_code, bool(proforma.json()["errorText"])) == (400, True)


def test_parameters_in_camel_case_are_not_understood_unless_it_is_lenient(http):
    http.issue()
    strict = http.get("/invoice/paymentstatus", seriesName="WEB", number="0001")
    assert strict.json()["errorText"].startswith("Seria facturii trebuie specificata")
    http.behave(parameters="lenient")
    assert http.get("/invoice/paymentstatus", seriesName="WEB", number="0001").status_code == 200


def test_fields_that_are_not_known_or_of_another_type(http):
    unknown = http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[{**LINE, "colour": "red"}])
    assert problem(unknown) == (400, "json_mapping_error", "products[0].colour")
    wrong = http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[{**LINE, "quantity": "two"}])
    assert problem(wrong) == (400, "json_mapping_error", "products[0].quantity")
    key = http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[LINE], idempotencyKey="k")
    assert problem(key)[2] == "idempotencyKey"
    http.behave(unknown_field="page")
    page = http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[LINE], zzz=1)
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"seriesName": "NONE"}, "Seria nu a fost gasita!"),
        ({"client": {"name": "A"}}, "tara trebuie specificata"),
        ({"client": {}}, "Client invalid!"),
        ({"currency": "BTC"}, "Moneda nu a fost gasita"),
        ({"products": []}, "invoiceProducts trebuie specificat"),
        ({"products": [{**LINE, "taxName": "21%"}]}, "Cota tva a produsului"),
        ({"issueDate": "21/09/2026"}, "Data documentului trebuie sa fie de forma"),
    ],
)
def test_business_errors_say_why_and_issue_nothing(http, wrong, text):
    given = {"seriesName": "WEB", "client": CLIENT, "products": [LINE]} | wrong
    answer = http.post("/invoice/v2", **given)
    assert answer.status_code == 400
    assert answer.json()["errorText"].startswith(text)
    assert http.next_number() == 1


def test_too_many_lines_and_no_company(http):
    many = http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[LINE] * 401)
    assert many.status_code == 410
    nobody = http.client.post(f"{API}/invoice/v2", json={"seriesName": "WEB"})
    assert (nobody.status_code, nobody.json()["errorText"]) == (500, "Internal Server Error!")


def test_discounts_count_only_with_a_number_of_items(http):
    off = {"isDiscount": True, "name": "Reducere", "discountPercentage": 10, "taxName": "Normala", "taxPercentage": 21}
    http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[LINE, off])
    http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[LINE, {**off, "numberOfItems": 1}])
    assert [http.status("WEB", n)["invoiceTotalAmount"] for n in ("0001", "0002")] == [847.0, 762.3]


def test_vat_that_is_in_the_price(http):
    line = {**LINE, "quantity": 1, "price": 121, "isTaxIncluded": True}
    http.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[line])
    (row,) = http.client.get("/_admin/documents").json()["documents"]
    assert (row["net"], row["vat"], row["total"]) == ("100.00", "21.00", "121.00")


@pytest.mark.parametrize("auth", [None, (EMAIL, "wrong"), ("someone@else.example", TOKEN)])
def test_who_is_not_known_gets_a_401(http, auth):
    client = httpx.Client(transport=http.client._transport, base_url="http://sandbox/smartbill", auth=auth)
    answer = client.get(f"{API}/series", params={"cif": CIF})
    assert answer.status_code == 401
    assert answer.json()["errorText"].startswith("Autentificare esuata.")
    assert answer.json()["successfully"] is False


def test_another_company_and_a_user_without_rights(sandbox, http):
    wrong = http.client.get(f"{API}/series", params={"cif": "RO1"})
    assert "nu mai este disponibila in Cloud" in wrong.json()["errorText"]
    reader = Http(sandbox, NO_RIGHTS)
    refused = reader.post("/invoice/v2", seriesName="WEB", client=CLIENT, products=[LINE])
    assert (refused.status_code, refused.json()["errorText"]) == (403, "Nu aveti dreptul de a adauga facturi")
    assert reader.get("/series").status_code == 200


@pytest.mark.parametrize("path", ["/invoice/list", "/invoice/search", "/invoices", "/payments"])
def test_there_is_no_list(http, path):
    assert http.get(path).status_code == 404


def test_an_invoice_can_not_be_read(http):
    answer = http.get("/invoice")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, DELETE")


def test_json_only(http):
    answer = http.client.post(f"{API}/invoice/v2", content=b"<invoice/>", headers={"content-type": "application/xml"})
    assert answer.status_code == 415
    broken = http.client.post(f"{API}/invoice/v2", content=b"{", headers={"content-type": "application/json"})
    assert problem(broken)[:2] == (400, "json_parse_error")

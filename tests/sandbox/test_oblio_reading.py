"""What the sandbox's Oblio tells: lists, single documents, what a company works with, PDFs, and to whom."""

import io
import re

import httpx
import pytest
from pypdf import PdfReader

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.oblio import seed
from accord.sandbox.oblio.shop import CIF, SECOND_CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.pdf import pdf

NOW = 1_790_000_000.0
ALL = {"withProducts": 1, "withCollects": 1, "withEinvoiceStatus": 1}


@pytest.fixture(scope="module")
def sandbox():
    made = build(now=lambda: NOW, payments=0)
    seed.fill(made.oblio.store, invoices=200, seed=1)
    return made


@pytest.fixture(scope="module")
def http(sandbox):
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/oblio") as client:
        given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = client.post("/api/authorize/token", json=given).json()
        client.headers["authorization"] = f"Bearer {token['access_token']}"
        yield client


@pytest.fixture
def lists(http):
    def lists(kind="invoice", status=200, **params):
        answer = http.get(f"/api/docs/{kind}/list", params={"cif": CIF} | params)
        assert answer.status_code == status, answer.text
        return answer.json().get("data")

    return lists


def everything(lists, **params):
    found, offset = [], 0
    while page := lists(offset=offset, **params):
        found += page
        offset += 100
    return found


def test_tokens_are_given_for_id_and_secret_only(http):
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "client_credentials"}
    token = http.post("/api/authorize/token", data=given).json()
    assert re.fullmatch(r"[0-9a-f]{40}", token["access_token"])
    assert (token["expires_in"], token["request_time"]) == ("3600", str(int(NOW)))
    assert http.post("/api/authorize/token", data=given | {"client_secret": "x"}).status_code == 401
    assert http.post("/api/authorize/token", data={"client_id": CLIENT_ID}).status_code == 400
    assert http.post("/api/authorize/token", data=given | {"grant_type": "password"}).status_code == 400


@pytest.mark.parametrize("header", ["Bearer 0", "Basic eA==", ""])
def test_without_a_token_nothing_is_told(http, header):
    answer = http.get("/api/nomenclature/companies", headers={"authorization": header})
    assert (answer.status_code, answer.json()["statusMessage"]) == (401, "The access token provided is invalid")


def test_pages_by_offset_newest_first(lists):
    rows = everything(lists, orderBy="id", orderDir="DESC", limitPerPage=100)
    ids = [int(row["id"]) for row in rows]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids) > 200
    assert everything(lists, orderBy="id", orderDir="ASC") == rows[::-1]
    assert lists(limitPerPage=7) == rows[:7]
    assert lists(limit=7) == rows[:100], "not Oblio's word for it"
    for wrong in ({"limitPerPage": 101}, {"limitPerPage": 0}, {"offset": 50}, {"orderBy": "x"}, {"draft": "2"}):
        lists(status=400, **wrong)


def test_other_orders(lists):
    days = [row["issueDate"] for row in everything(lists, orderBy="issueDate", orderDir="ASC")]
    assert days == sorted(days)
    numbers = [int(row["number"]) for row in everything(lists, orderBy="number", orderDir="DESC")]
    assert numbers == sorted(numbers, reverse=True)


def test_all_scalars_are_texts(lists):
    for row in everything(lists, **ALL):
        plain = {key: value for key, value in row.items() if key != "einvoiceStatus"}
        assert not [value for value in plain.values() if isinstance(value, int | float)]
        for part in (row["client"], *row["products"], *row["collects"]):
            assert not [value for value in part.values() if isinstance(value, int | float)]
        assert re.fullmatch(r"-?\d+\.\d{4}", row["total"])
        assert re.fullmatch(r"\d+\.\d{6}", row["exchangeRate"])


def test_parts_are_told_when_asked_for(lists):
    parts = {"products", "collects", "einvoiceStatus"}
    assert not parts & lists(limitPerPage=1)[0].keys()
    assert parts <= lists(limitPerPage=1, **ALL)[0].keys()
    assert not parts & lists(limitPerPage=1, withproducts=1, withEInvoiceStatus=1)[0].keys()


def test_filters(lists):
    rows = everything(lists)
    series = [row for row in rows if row["seriesName"] == "EXP"]
    assert lists(seriesName="EXP") == series
    assert lists(seriesName="EXP", number=f"0{series[0]['number']}") == series[:1]
    assert lists(id=rows[5]["id"]) == [rows[5]]
    for field in ("draft", "canceled", "collected"):
        assert everything(lists, **{field: 1}) == [row for row in rows if row[field] == "1"] != []
        assert everything(lists, **{field: -1}) == rows
    day = rows[50]["issueDate"]
    assert everything(lists, issuedAfter=day, issuedBefore=day) == [row for row in rows if row["issueDate"] == day]
    firm = next(row["client"] for row in rows if row["client"]["cif"].startswith("RO"))
    for number in (firm["cif"], firm["cif"].removeprefix("RO")):
        found = everything(lists, **{"client[cif]": number})
        assert found == [row for row in rows if row["client"]["cif"] == firm["cif"]]
    mail = rows[0]["client"]["email"]
    assert everything(lists, **{"client[email]": mail}) == [row for row in rows if row["client"]["email"] == mail]


def test_other_kinds_and_companies(lists):
    assert [row["type"] for row in lists("proforma")] == ["Proforma"]
    assert [row["type"] for row in lists("notice")] == ["Aviz"]
    assert lists(cif=SECOND_CIF) == []
    lists(cif="1", status=400)
    lists("receipt", status=404)


def test_the_seed_has_one_of_every_sort(lists):
    rows = everything(lists, **ALL)
    for field in ("draft", "canceled", "collected", "storno", "stornoed"):
        assert {row[field] for row in rows} == {"0", "1"}
    assert {row["einvoiceStatus"]["code"] for row in rows} == {-1, 0, 1, 2}
    assert {row["currency"] for row in rows} == {"RON", "EUR"}
    assert {"", "2026-09-24"} & {row["dueDate"] for row in rows}
    assert any(0 < sum(float(one["value"]) for one in row["collects"]) < float(row["total"]) for row in rows)
    by_time = {True: set(), False: set()}
    for row in (row for row in rows if row["storno"] == "0"):
        by_time[row["issueDate"] >= "2025-08-01"] |= {line["vatPercentage"] for line in row["products"]}
    assert by_time == {False: {"19", "9", "5", "0"}, True: {"21", "11", "0"}}
    late = [row for row in rows if row["storno"] == "1" and row["issueDate"] >= "2025-08-01"]
    assert any(line["vatPercentage"] in ("19", "9", "5") for row in late for line in row["products"])
    numbers = {row["client"]["cif"] for row in rows}
    assert {"", "-", "0" * 13} <= numbers
    assert {cif.startswith("RO") for cif in numbers} == {True, False}
    names = " ".join(row["client"]["name"] + row["client"]["city"] + row["client"]["state"] for row in rows)
    assert {"ș", "ş", "Ţ"} <= set(names)


def test_one_document_without_its_lines(http, lists):
    row = next(row for row in everything(lists) if row["number"].startswith("00"))
    for number in (row["number"], row["number"].lstrip("0")):
        params = {"cif": CIF, "seriesName": row["seriesName"], "number": number}
        data = http.get("/api/docs/invoice", params=params).json()["data"]
        assert data.keys() == {"seriesName", "number", "total", "link", "einvoice"}
        assert (data["number"], data["total"]) == (row["number"], row["total"])
    assert http.get("/api/docs/invoice", params=params | {"number": "9999"}).status_code == 400


def test_what_a_company_works_with(http, sandbox):
    def told(what, **params):
        return http.get(f"/api/nomenclature/{what}", params={"cif": CIF} | params).json()["data"]

    assert [row["cif"] for row in told("companies")] == [CIF, SECOND_CIF]
    assert {"name": "Normala", "percent": 21, "default": True} in told("vat_rates")
    assert {row["type"] for row in told("series")} == {"Factura", "Proforma", "Aviz"}
    (series,) = told("series", type="Proforma")
    assert series == {"type": "Proforma", "name": "PF", "start": "0001", "next": "0002", "default": True}
    assert told("products", code="MNT-1")[0]["vatPercentage"] == 21
    company = sandbox.oblio.store.company(CIF)
    before = list(company.clients)
    company.clients += [before[0] | {"name": f"Copie {n}"} for n in range(300)]
    assert [len(told("clients", offset=offset)) for offset in (0, 250, 500)] == [250, len(before) + 50, 0]
    assert len(told("clients", name="copie 7")) == 11
    company.clients[:] = before
    assert http.get("/api/nomenclature/clients", params={"cif": CIF, "offset": 100}).status_code == 400
    assert http.get("/api/nomenclature/planets", params={"cif": CIF}).status_code == 404


def test_a_pdf_for_whoever_has_the_link(sandbox, lists):
    row = next(row for row in everything(lists) if row["storno"] == "1")
    with httpx.Client(transport=Direct(sandbox)) as stranger:
        answer = stranger.get(row["link"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
        assert f"nr. {row['number']}" in text
        assert "STORNO al facturii" in text
        wrong = stranger.get(row["link"].replace("&it=", "&it=0"))
        assert (wrong.status_code, wrong.headers["content-type"]) == (404, "text/html")


def test_a_pdf_is_read_back_letter_by_letter():
    lines = ["Factură (1)", "Șaţ \\ 5 €"]
    text = PdfReader(io.BytesIO(pdf([[(50, line)] for line in lines]))).pages[0].extract_text()
    assert text.splitlines() == lines

"""What the sandbox's SmartBill begins with, how it is kept, what is exported, and that it is on the front page."""

import io
from collections import Counter

import httpx
import openpyxl
import pytest

from accord.sandbox.app import build, create
from accord.sandbox.direct import Direct
from accord.sandbox.serve import served
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN

NOW = 1_793_000_000.0  # 2026-10-26


@pytest.fixture(scope="module")
def rows():
    return build(now=lambda: NOW, payments=1).smartbill.company.of_type("f")


def admin(sandbox):
    return httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/smartbill", auth=(EMAIL, TOKEN))


def test_two_years_of_invoices_in_all_their_kinds(rows):
    assert len(rows) >= 150
    assert min(row["issued"] for row in rows) < "2024-12" < "2026-09" < max(row["issued"] for row in rows)
    assert {row["series"] for row in rows} == {"WEB", "EXP", "AB-2"}
    assert {row["currency"] for row in rows} == {"RON", "EUR"}
    kinds = Counter(
        "cancelled" if row["cancelled"] else "storno" if row["reverses"] else "reversed" if row["reversed"] else "plain"
        for row in rows
    )
    assert min(kinds[kind] for kind in ("cancelled", "storno", "reversed")) >= 3
    partly = [row for row in rows if 0 < float(row["paid"]) < float(row["total"])]
    assert len(partly) >= 5


def test_rates_change_with_august_2025_and_stornos_keep_the_old_ones(rows):
    old, new = {"19", "9", "5"}, {"21", "11"}
    for row in rows:
        rates = {line["vat_rate"] for line in row["lines"]} - {"0"}
        issued = row["reverses"][2] if row["reverses"] else row["issued"]
        assert rates <= (new if issued >= "2025-08-01" else old), row["number"]
    assert any(row["reverses"] for row in rows)


def test_clients_are_written_in_all_ways(rows):
    names = " ".join({row["client"]["name"] for row in rows})
    assert "Șantierul Învățat" in names  # comma below
    assert "Ştefan şi Fiii" in names  # cedilla
    assert "BUCATARIA SI TARTELE SRL" in names
    ids = {row["client"].get("vat_code", "") for row in rows}
    assert {"RO90000025", "90000033", "2960229400019", "-"} <= ids


def test_numbers_are_missing_and_proformas_were_converted():
    company = build(now=lambda: NOW, payments=1).smartbill.company
    numbers = sorted(int(row["number"]) for row in company.of_type("f") if row["series"] == "WEB")
    assert set(range(numbers[0], numbers[-1])) - set(numbers)
    proformas = company.of_type("p")
    assert any(row["invoices"] for row in proformas)
    assert any(not row["invoices"] for row in proformas)


def test_the_same_seed_gives_the_same_invoices(rows):
    assert build(now=lambda: NOW, payments=1).smartbill.company.of_type("f") == rows


def test_the_state_is_kept_and_goes_on(tmp_path):
    path = tmp_path / "state.json"
    first = build(now=lambda: NOW, payments=0, state=path)
    admin(first).post("/_admin/activity?n=3").raise_for_status()
    first.save()
    again = build(now=lambda: NOW, payments=0, state=path)
    assert again.smartbill.company.dump() == first.smartbill.company.dump()
    assert again.smartbill.company.version > 0
    assert build(now=lambda: NOW, payments=0, state=path, reset=True).smartbill.company.of_type("f") == []


def test_a_state_from_before_smartbill_gets_its_seed(tmp_path):
    path = tmp_path / "state.json"
    first = build(now=lambda: NOW, payments=1, state=path)
    assert first._keeper is not None
    first._keeper.save({"stripe": first.stripe.dump()})
    assert len(build(now=lambda: NOW, payments=1, state=path).smartbill.company.of_type("f")) >= 150


def test_a_days_work_happens():
    sandbox = build(now=lambda: NOW, payments=1)
    happened = admin(sandbox).post("/_admin/activity?n=60").json()["happened"]
    assert {text.split(" ", 1)[1] for text in happened} >= {"issued", "paid", "cancelled"}
    assert admin(sandbox).post("/_admin/activity?n=0").status_code == 400


def test_the_export_is_what_a_person_would_download(rows):
    answer = admin(build(now=lambda: NOW, payments=1)).get("/_admin/export.xlsx")
    assert answer.headers["content-disposition"] == 'attachment; filename="facturi-emise.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    lines = list(sheet.iter_rows(values_only=True))
    head = lines[3]
    assert head[:8] == ("Nr. crt.", "Client", "CIF", "Adresa", "Factura", "Data emiterii", "Data scadentei", "Status")
    assert len(lines) == 4 + len(rows)
    statuses = {line[head.index("Status")] for line in lines[4:]}
    assert statuses >= {"Depasita", "Incasata", "Incasata partial", "Anulata", "Storno", "Stornata"} - {"Emisa"}


def test_the_currency_has_a_column_only_where_there_is_a_foreign_one():
    sandbox = build(now=lambda: NOW, payments=1)
    company = sandbox.smartbill.company
    company.documents = {name: row for name, row in company.documents.items() if row["currency"] == "RON"}
    answer = admin(sandbox).get("/_admin/export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert "Moneda" not in next(sheet.iter_rows(min_row=4, max_row=4, values_only=True))


def test_over_http_and_on_the_front_page():
    with served(create(now=lambda: NOW, payments=1)) as base, httpx.Client(base_url=base) as http:
        page = http.get("/").text
        for text in (f"{base}/smartbill/SBORO/api", TOKEN, CIF, "next_number=int", "/smartbill/_admin/export.xlsx"):
            assert text in page
        params = {"cif": CIF, "type": "f"}
        answer = http.get("/smartbill/SBORO/api/series", params=params, auth=(EMAIL, TOKEN))
        assert answer.status_code == 200
        assert answer.headers["date"] == "Mon, 26 Oct 2026 07:33:20 GMT"
        assert http.post("/smartbill/_admin/clock?days=2").json()["now"] == NOW + 2 * 86_400

"""What an invoice's PDF says, and that whatever it does not say once and clearly stays unknown."""

import logging
from collections.abc import Sequence
from decimal import Decimal

import pytest

from accord.sandbox.app import build
from accord.sandbox.pdf import pdf
from accord.sandbox.smartbill.company import CIF, ISSUER
from accord.sandbox.smartbill.paper import printed
from accord.systems.smartbill.pdf import Paper, Unreadable, parse, text

HEAD = [
    "Furnizor: Atelierul SRL",
    "Reg. com.: J40/90/2019",
    "CIF: RO90000017",
    "Adresa: Str. Unu 1",
    "FACTURA",
    "Seria WEB nr. 0042",
    "Data (zi/luna/an): 03/09/2026",
    "Termen plata: 18/09/2026",
    "Cota TVA: 21%",
    "Client: Moara de Probă SRL",
    "Reg. com.: J40/1/2024",
    "CIF: RO90000025",
    "Adresa: Str. Doi 2",
]
TABLE = "Nr. crt. Denumirea produselor sau a serviciilor U.M. Cant. Pret unitar -RON- Valoarea -RON- Valoarea TVA -RON-"
BODY = [
    TABLE,
    "1 Mentenanță lunară buc 2 350.00 700.00 147.00",
    "2 Transport km 10.5 2.00 21.00 4.41",
    "Total 721.00 151.41",
    "Total plata 872.41 RON",
    "Mentiuni: Ref. int. ord-7f31",
]


def paper(lines: Sequence[str]) -> Paper:
    return parse(text(pdf([[(40, line)] for line in lines])))


def changed(old: str, *new: str) -> Paper:
    """The usual invoice with other lines in place of the one that begins so."""
    lines = [*HEAD, *BODY]
    place = next(place for place, line in enumerate(lines) if line.startswith(old))
    return paper([*lines[:place], *new, *lines[place + 1 :]])


def test_everything_that_stands_there_once() -> None:
    found = paper([*HEAD, *BODY])
    assert (found.series, found.number) == ("WEB", "0042")
    assert (found.issued_on, found.due_on) == ("2026-09-03", "2026-09-18")
    assert (found.currency, found.net, found.vat, found.total) == (
        "RON",
        Decimal("721.00"),
        Decimal("151.41"),
        Decimal("872.41"),
    )
    assert found.client is not None
    assert (found.client.name, found.client.vat_id, found.client.registration, found.client.address) == (
        "Moara de Probă SRL",
        "RO90000025",
        "J40/1/2024",
        "Str. Doi 2",
    )
    assert found.issuer is not None
    assert (found.issuer.name, found.issuer.vat_id) == ("Atelierul SRL", "RO90000017")
    assert found.lines is not None
    assert [(line.name, line.unit, line.quantity, line.price, line.vat_rate) for line in found.lines] == [
        ("Mentenanță lunară", "buc", "2", "350.00", "21"),
        ("Transport", "km", "10.5", "2.00", "21"),
    ]
    assert found.mentions == "Ref. int. ord-7f31"
    assert (found.cancelled, found.storno, found.reverses, found.exchange_rate) == (False, False, None, None)


def test_the_sandboxes_two_years_are_read_in_full() -> None:
    company = build(now=lambda: 1_793_000_000.0, payments=1).smartbill.company
    for row in company.of_type("f"):
        found, client = parse(text(printed(company, row))), row["client"]
        assert (found.series, found.number, found.issued_on, found.due_on) == (
            row["series"],
            row["number"],
            row["issued"],
            row["due"],
        )
        assert (found.currency, found.exchange_rate) == (row["currency"], row["rate"])
        assert (found.net, found.vat, found.total) == tuple(Decimal(row[name]) for name in ("net", "vat", "total"))
        assert found.lines is not None
        assert [(line.name, line.quantity, line.price, line.vat_rate) for line in found.lines] == [
            (line["name"], line["quantity"], line["price"], line["vat_rate"]) for line in row["lines"]
        ]
        assert found.client is not None
        assert found.client.name == client["name"]
        assert (found.client.vat_id or "-") == client.get("vat_code", "-")
        assert found.issuer is not None
        assert (found.issuer.name, found.issuer.vat_id) == (ISSUER["name"], CIF)
        assert (found.cancelled, found.storno) == (row["cancelled"], row["reverses"] is not None)
        assert found.reverses == (tuple(row["reverses"][:2]) if row["reverses"] else None)
        assert found.mentions == row["mentions"]


def test_a_client_in_other_letters_and_some_that_are_too_many() -> None:
    found = changed("Client", "Client: Žižka 東京 ⑴ Łódź")
    assert found.client is not None
    assert found.client.name == "Žižka 東京 ⑴ Łódź"
    many = changed("Client", "Client: " + "".join(chr(0x4E00 + n) for n in range(60)))
    assert many.client is not None
    assert many.client.name is not None
    assert many.client.name.endswith("???")


@pytest.mark.parametrize("mark", ["ANULAT", "ANULATĂ", "FACTURA ANULATA", "* ANULAT *"])
def test_the_mark_of_a_cancelled_one(mark: str) -> None:
    assert changed("FACTURA", "FACTURA", mark).cancelled


@pytest.mark.parametrize("line", ["Anulat", "Client: ANULAT SRL", "Curs ANULAT"])
def test_what_is_no_such_mark(line: str) -> None:
    assert not changed("FACTURA", "FACTURA", line).cancelled
    assert not paper([*HEAD, *BODY, "ANULAT"]).cancelled  # below the table: it may be anything


@pytest.mark.parametrize(
    "line",
    [
        "Storno la factura seria WEB nr. 0041 din data 01/07/2025",
        "Stornare factura seria WEB nr. 0041",
        "Stornează factura Seria WEB numărul 0041",
    ],
)
def test_a_storno_names_what_it_takes_back(line: str) -> None:
    found = paper([*HEAD, *BODY, line])
    assert (found.storno, found.reverses) == (True, ("WEB", "0041"))


def test_a_storno_that_names_two_names_none() -> None:
    found = paper([*HEAD, *BODY, "Storno la factura seria WEB nr. 0041", "Storno la factura seria WEB nr. 0040"])
    assert found.reverses is None


@pytest.mark.parametrize(
    ("heading", "total", "currency"),
    [
        ("Pret unitar -EUR-", "872.41 EUR", "EUR"),
        ("Pret unitar (Lei)", "872.41 lei", "RON"),
        ("Pret unitar -EUR-", "872.41", "EUR"),
        ("Pret unitar", "872.41 EUR", "EUR"),
        ("Pret unitar", "872.41", None),
        ("Pret unitar -EUR-", "872.41 RON", None),
    ],
)
def test_a_currency_is_known_only_where_all_say_the_same(heading: str, total: str, currency: str | None) -> None:
    lines = [*HEAD, f"Nr. Denumirea {heading}", *BODY[1:4], f"Total plata {total}", "Mentiuni: card 5 RON, 10 EUR"]
    assert paper(lines).currency == currency


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("Seria", ["Seria WEB nr. 0042", "Seria WEB nr. 0043"], "number"),
        ("Data", ["Data (zi/luna/an): 03/09/2026", "Data: 04/09/2026"], "issued_on"),
        ("Data", ["Data: 31/02/2026"], "issued_on"),
        ("Termen", ["Termen: curand"], "due_on"),
        ("Client", ["Client: Unu SRL", "Client: Doi SRL"], "client"),
        ("Client", ["Cumparat de Moara"], "client"),
        ("Total plata", ["Total plata 872.41 RON", "Total plata 900.00 RON"], "total"),
        ("Total plata", ["Total plata 1.234 RON"], "total"),
        ("Total plata", [f"Total plata {'9' * 4_500} RON"], "total"),
        ("Seria", [f"Seria WEB nr. {'9' * 4_500}"], "number"),
        ("Total 721", ["Total 700.00 151.41"], "net"),
        ("Mentiuni", ["Mentiuni: a", "Mentiuni: b"], "mentions"),
        ("2 Transport", ["3 Transport km 10.5 2.00 21.00 4.41"], "lines"),
        ("2 Transport", ["2 Transport km 10.5 2.00 21.00 4.42"], "lines"),
        ("2 Transport", ["2 Transport km 10.5 9.00 21.00 4.41"], "lines"),
        ("2 Transport", ["2 Transport si altele"], "lines"),
    ],
)
def test_what_is_missing_doubled_or_does_not_add_up_is_unknown(old: str, new: list[str], field: str) -> None:
    assert getattr(changed(old, *new), field) is None


def test_two_vat_ids_beside_the_client_are_none() -> None:
    found = changed("CIF: RO90000025", "CIF: RO90000025", "CIF: RO90000033")
    assert found.client is not None
    assert found.client.vat_id is None


@pytest.mark.parametrize("written", ["CIF: -", "CIF: 0000000000000", "CNP: 0000000000000"])
def test_a_person_without_a_vat_id(written: str) -> None:
    found = changed("CIF: RO90000025", written)
    assert found.client is not None
    assert found.client.vat_id is None


@pytest.mark.parametrize(
    ("written", "total"),
    [
        ("1.872,41 RON", "1872.41"),
        ("1,872.41 RON", "1872.41"),
        ("1 872,41 RON", "1872.41"),
        ("-872.41 RON", "-872.41"),
        ("872 RON", "872"),
        ("12,34.56 RON", None),
    ],
)
def test_amounts_with_points_and_commas_either_way(written: str, total: str | None) -> None:
    found = changed("Total plata", f"Total de plată: {written}")
    assert found.total == (Decimal(total) if total else None)


def test_other_words_for_the_same() -> None:
    found = paper(
        [
            "SERIA: WEB NR: 0042",
            "Data emiterii: 2026-09-03",
            "Scadenţa: 18.09.2026",
            "Cumpărător: Moara",
            "C.U.I.: RO90000025",
            *BODY,
        ]
    )
    assert (found.series, found.number, found.issued_on, found.due_on) == ("WEB", "0042", "2026-09-03", "2026-09-18")
    assert found.client is not None
    assert found.client.vat_id == "RO90000025"


def test_an_invoice_in_another_language_is_unknown_rather_than_guessed() -> None:
    found = paper(["INVOICE", "Series WEB no. 0042", "Date: 03/09/2026", "Customer: Moara", "Total due 872.41 EUR"])
    values = (found.series, found.number, found.issued_on, found.client, found.currency, found.total, found.lines)
    assert set(values) == {None}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b"%PDF-1.4", b"%PDF-1.4\n" + b"\xff" * 5_000, pdf([[(40, "text")]])[:300], pdf([])],
    ids=["nothing", "html", "head", "noise", "cut", "no text"],
)
def test_what_is_no_pdf_with_text(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Unreadable, match="the PDF"):
        text(body)
    assert caplog.records == []


def test_texts_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreadable, match="too many pages"):
        text(pdf([[(40, "x")]] * 2_600))
    with pytest.raises(Unreadable, match="too much text"):
        text(pdf([[(40, "x" * 10_000)]] * 40))
    hard = " ".join(["1"] * 240)
    assert paper([TABLE, f"1 {hard}", "Total plata 1.00 RON"]).lines is None


def test_reprs_tell_nothing() -> None:
    found = paper([*HEAD, *BODY])
    assert repr(found) == "<Paper>"
    assert repr(found.lines) == "(<PaperLine>, <PaperLine>)"
    assert repr(found.client) == "<Party>"

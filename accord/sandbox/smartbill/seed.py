"""Two years of invoices for the sandbox's SmartBill, the same every time."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from accord.sandbox.smartbill import documents
from accord.sandbox.smartbill.company import CIF, ESTIMATE, INVOICE, Company, Row
from accord.sandbox.smartbill.shapes import Client, InvoiceRequest, Named, Product, ReverseRequest

INVOICES = 150
_DAYS = 730
_CHANGE = date(2025, 8, 1)  # 19/9/5 before, 21/11 from then on (Law 141/2025)
_OLD = (("Normala veche", 19), ("Redusa veche", 9), ("Redusa locuinte", 5))
_NEW = (("Normala", 21), ("Redusa", 11))


def _firm(name: str, cif: str, city: str, county: str, **more: Any) -> Client:
    return Client(name=name, vat_code=cif, city=city, county=county, country="Romania", **more)


# The same letters in the three ways in which they occur: comma below, cedilla, none. The CIFs are nobody's.
CLIENTS: tuple[Client, ...] = (
    _firm("Moara de Probă SRL", "RO90000025", "Sector 3", "Bucuresti", reg_com="J40/1/2024", address="Str. Exemplu 4"),
    _firm("Ştefan şi Fiii SRL", "90000033", "Iaşi", "Iaşi", reg_com="J22/77/2011", address="Bd. Ţuţora 12"),
    _firm("Șantierul Învățat SA", "RO90000041", "Brașov", "Brașov", address="Str. Țepeș Vodă 3"),
    _firm("BUCATARIA SI TARTELE SRL", "RO90000050", "Timisoara", "Timis", address="Str. Garii 9"),
    _firm(
        "Ana-Măria Țăranu", "2960229400019", "Cluj-Napoca", "Cluj", address="Str. Livezii 2", email="ana@mail.example"
    ),
    _firm("Ion Popa", "-", "Sector 1", "Bucuresti"),
    Client(name="Beispiel Handels GmbH", vat_code="DE900000009", city="Berlin", country="Germania", address="Allee 1"),
    Client(name="Exemple & Cie SARL", vat_code="FR90900000009", city="Lyon", country="Franta", address="Rue 7"),
)
_THINGS = (
    ("Mentenanță lunară", "MNT-1", "buc", "350"),
    ("Consultanţă tehnică", "CONS", "ora", "180.50"),
    ("Gazduire web", "HOST", "luna", "49.90"),
    ("Carte „Învățăm să numărăm”, ediția a doua, cartonată, cu anexe", "CRT-2", "buc", "62"),
    ("Transport", "TR", "km", "2.35"),
)


def fill(company: Company, invoices: int = INVOICES, seed: int = 1) -> None:
    """Issue so many invoices and what belongs to them, ending today."""
    dice = random.Random(seed)  # noqa: S311
    today = date.fromisoformat(company.today())
    days = sorted(today - timedelta(days=dice.randrange(_DAYS)) for _ in range(invoices))
    for count, day in enumerate(days):
        foreign = dice.random() < 0.15
        series = "EXP" if foreign else dice.choices(("WEB", "AB-2"), (4, 1))[0]
        if dice.random() < 0.12 and not foreign:
            row = _converted(company, dice, day)
        else:
            row = issue(company, dice, day, series, foreign=foreign)
        if count % 31 == 30:
            _skip(company, series)
        _settle_up(company, dice, row, day, today)
    for _ in range(5):  # proformas that came to nothing
        _estimate(company, dice, today)
    _delete_last(company, dice, today)


def issue(company: Company, dice: random.Random, day: date, series: str, *, foreign: bool = False) -> Row:
    """One ordinary invoice."""
    client = dice.choice(CLIENTS[6:] if foreign else CLIENTS[:6])
    wanted = InvoiceRequest(
        company_vat_code=CIF,
        series_name=series,
        client=client,
        products=_products(dice, day, foreign),
        issue_date=day.isoformat(),
        due_date=(day + timedelta(days=15)).isoformat() if dice.random() < 0.9 else None,
        currency="EUR" if foreign else "RON",
        mentions=f"Ref. int. ord-{dice.randrange(16**4):04x}" if dice.random() < 0.5 else None,
        observations="de sunat" if dice.random() < 0.1 else None,
    )
    return _issued(company, INVOICE, wanted)


def _issued(company: Company, type_: str, wanted: InvoiceRequest) -> Row:
    answer = documents.create(company, type_, wanted, "/v2")
    row = company.find(type_, answer["series"], answer["number"])
    assert row is not None  # noqa: S101 - it was issued just now
    return row


def _products(dice: random.Random, day: date, foreign: bool) -> list[Product]:
    made = []
    for name, code, unit, price in dice.sample(_THINGS, dice.randint(1, 3)):
        rates = _NEW if day >= _CHANGE else _OLD
        tax, percent = ("Taxare inversa", 0) if foreign else dice.choices(rates, [6, *[1] * (len(rates) - 1)])[0]
        made.append(
            Product(
                name=name,
                code=code,
                measuring_unit_name=unit,
                quantity=Decimal(dice.choice(("1", "2", "3", "12", "1.5"))),
                price=Decimal(price),
                is_tax_included=dice.random() < 0.2,
                tax_name=tax,
                tax_percentage=Decimal(percent),
            )
        )
    return made


def _estimate(company: Company, dice: random.Random, day: date) -> Row:
    wanted = InvoiceRequest(
        company_vat_code=CIF,
        series_name="PRO",
        client=dice.choice(CLIENTS[:6]),
        products=_products(dice, day, foreign=False),
        issue_date=day.isoformat(),
    )
    return _issued(company, ESTIMATE, wanted)


def _converted(company: Company, dice: random.Random, day: date) -> Row:
    """A proforma, and the invoice that was made of it."""
    origin = _estimate(company, dice, day)
    wanted = InvoiceRequest(
        company_vat_code=CIF,
        series_name="WEB",
        issue_date=day.isoformat(),
        use_estimate_details=True,
        estimate=Named(series_name="PRO", number=origin["number"]),
    )
    return _issued(company, INVOICE, wanted)


def _settle_up(company: Company, dice: random.Random, row: Row, day: date, today: date) -> None:
    """What became of an invoice: paid, partly paid, cancelled, taken back, or open."""
    fate = dice.choices(("paid", "partly", "cancelled", "storno", "open"), (60, 8, 4, 5, 23))[0]
    later = min(day + timedelta(days=dice.randint(1, 40)), today)
    total = Decimal(row["total"])
    if fate == "paid":
        documents.pay(company, row, total, "Ordin plata", later.isoformat())
    elif fate == "partly":
        for _ in range(dice.randint(1, 2)):
            documents.pay(company, row, round(total / 3, 2), "Card online", later.isoformat())
    elif fate == "cancelled":
        documents.cancel(company, row)
    elif fate == "storno":
        documents.reverse(company, _storno(row, later), "/reverse")


def _storno(row: Row, day: date) -> ReverseRequest:
    return ReverseRequest(
        company_vat_code=CIF, series_name=row["series"], number=row["number"], issue_date=day.isoformat()
    )


def _skip(company: Company, series: str) -> None:
    """A number that is missing: the counter was set on by hand after a deletion."""
    company.series[series]["next"] += 1


def _delete_last(company: Company, dice: random.Random, day: date) -> None:
    """An invoice that was issued and deleted, so that its number is free again."""
    documents.delete(company, issue(company, dice, day, "WEB"))

"""The people, goods and rates of the sandbox's Oblio, all made up, and what happens on an ordinary day."""

import random
from collections.abc import Callable
from typing import Any

from accord.sandbox.oblio import changes, documents
from accord.sandbox.oblio.errors import OblioError
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.oblio.store import Company, Row, Series, Store

_WEIGHTS = (7, 5, 3, 2, 1, 7, 5, 3, 2)
_CNP_WEIGHTS = (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)

OLD_RATES = (("Normala", 19), ("Redusa", 9), ("Redusa 5", 5))
"""Until 2025-07-31."""
NEW_RATES = (("Normala", 21), ("Redusa", 11))


def cif(number: int) -> str:
    """A company's number with its check digit."""
    body = str(number)
    weights = _WEIGHTS[len(_WEIGHTS) - len(body) :]
    check = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) * 10 % 11 % 10
    return f"{body}{check}"


def cnp(number: int) -> str:
    """A person's number with its check digit, of someone who is born on the last day of 2099."""
    body = f"599123140{number:03}"
    check = sum(int(digit) * weight for digit, weight in zip(body, _CNP_WEIGHTS, strict=True)) % 11
    return f"{body}{1 if check == 10 else check}"


CIF = f"RO{cif(9_000_001)}"
SECOND_CIF = cif(9_000_050)

_FIRMS = (
    ("MOARA DE PROBĂ SRL", "BUCUREŞTI", "SECTOR 3"),  # cedilla, in capitals: as it comes from the tax authority
    ("Țesătoria Șoimilor SRL", "Iași", "Iași"),  # comma below
    ("Ţesătoria Şoimilor Vechi SRL", "Iaşi", "Paşcani"),  # cedilla
    ("Panificatia Sase Spice SRL", "Brasov", "Fagaras"),  # none at all
    ("Livada cu Vișini PFA", "Vâlcea", "Horezu"),
    ("CRAMA VECHE S.A.", "VRANCEA", "FOCŞANI"),
    ("Atelierul de Roți II", "Cluj", "Cluj-Napoca"),
    ("Forja Nordului SRL", "Maramures", "Baia Mare"),
    ("Stupina Însorită SRL-D", "Sibiu", "Cisnădie"),
    ("Delta Papură SRL", "TULCEA", "SULINA"),
)
_PEOPLE = ("Ana Țurcanu", "Ştefan Pârvu", "Ioana Dinca", "Mihai Şerban", "Ilinca Vlăsceanu", "Radu Constantin")
GOODS = (
    ("Mentenanță lunară", "MNT-1", "Normala", "350", "Serviciu"),
    ("Făină albă tip 650", "FAI-650", "Redusa", "4.35", "Marfa"),
    ("Roată de car, stejar", "ROT-2", "Normala", "1289.9", "Produs finit"),
    ("Manual de morărit", "CRT-7", "Redusa 5", "62.5", "Marfa"),
    ("Transport", "TRN", "Normala", "97.3333", "Serviciu"),
)


def open_companies(store: Store) -> None:
    """Two companies of one account, without documents."""
    main = Company(
        CIF,
        "Prăvălia Exemplu SRL",
        "Str. Exemplu 1, Sector 3, București",
        [
            Series("Factura", "MDP", default=True),
            Series("Factura", "WEB", width=6),
            Series("Factura", "EXP", start=100, next=100, width=3),
            Series("Factura", "B-24", width=1),
            Series("Proforma", "PF", default=True),
            Series("Aviz", "AV", default=True),
        ],
        [],
        clients(),
    )
    second = Company(
        SECOND_CIF,
        "Exemplu Consultanță PFA",
        "Str. Exemplu 2, Cluj-Napoca",
        [Series("Factura", "CONS", default=True)],
        [],
    )
    for company in (main, second):
        store.open(company)
        rates(company, NEW_RATES)


def rates(company: Company, of: tuple[tuple[str, int], ...]) -> None:
    """Give a company these rates, and the two of nought per cent."""
    named = (*of, ("Taxare inversa", 0), ("SDD", 0))
    company.vat_rates = [{"name": name, "percent": percent, "default": name == "Normala"} for name, percent in named]
    company.products = [
        {
            "name": name,
            "code": code,
            "description": "",
            "measuringUnit": "buc",
            "productType": kind,
            "price": f"{float(price):.2f}",
            "currency": "RON",
            "vatName": rate,
            "vatPercentage": dict(of)[rate],
            "vatIncluded": True,
        }
        for name, code, rate, price, kind in GOODS
        if rate in dict(of)
    ]


def clients() -> list[Row]:
    """Firms with and without RO before their number, people with a number, a dash, noughts or nothing, one abroad."""
    firms = [
        _client(name, ("RO" if number % 3 else "") + cif(9_000_010 + number), state, city)
        for number, (name, state, city) in enumerate(_FIRMS)
    ]
    numbers = [cnp(1), cnp(2), "-", "", "0" * 13, cnp(3)]
    people = [_client(name, number, "Cluj", "Turda") for name, number in zip(_PEOPLE, numbers, strict=True)]
    abroad = _client("Beispiel Mühlen GmbH", "DE999999990", "", "Köln") | {"country": "Germania"}
    return [*firms, *people, abroad]


def _client(name: str, number: str, state: str, city: str) -> Row:
    mail = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalpha())
    return {
        "cif": number,
        "name": name,
        "rc": f"J40/{len(name)}/2019" if len(number) > 6 and len(number) < 12 else "",
        "code": "",
        "address": f"Str. Exemplu {len(name)}",
        "state": state,
        "city": city,
        "country": "Romania",
        "iban": "",
        "bank": "",
        "email": f"{mail[:20]}@example.test",
        "phone": "",
        "contact": "",
        "vatPayer": "1" if number.startswith("RO") else "0",
    }


def order(company: Company, dice: random.Random) -> dict[str, Any]:
    """A call that makes an ordinary invoice."""
    client = dice.choice(company.clients)
    known = {rate["name"] for rate in company.vat_rates}
    goods = [good for good in GOODS if good[2] in known]
    abroad = client["country"] != "Romania"
    chosen = dice.sample(goods, dice.randint(1, 3))
    included = int(dice.random() < 0.5)
    products = [
        {"name": name, "code": code, "price": price, "quantity": dice.choice((1, 1, 2, 3, "2.5")), "vatName": rate}
        | {"vatIncluded": included}
        | ({"vatName": "SDD"} if abroad else {})
        for name, code, rate, price, _ in chosen
    ]
    series = "EXP" if abroad else dice.choice(("MDP", "MDP", "WEB"))
    return {"client": client, "products": products, "seriesName": series, "currency": "EUR" if abroad else "RON"}


def live(oblio: Oblio, dice: random.Random) -> str:
    """One thing of an ordinary day, in a few words."""
    store = oblio.store
    company = store.company(CIF)
    rows = [row for row in company.documents.values() if row["type"] == "Factura" and row["canceled"] == "0"]
    latest = rows[-40:]
    deed, about = dice.choice(_DEEDS)
    try:
        found = deed(store, company, dice.choice(latest) if latest else {}, dice)
    except (OblioError, KeyError):
        # What was meant for one that does not allow it: something else happens.
        found = _issue(store, company, {}, dice)
        about = "issued"
    return f"{about} {found['seriesName']} {found['number']}"


def _issue(store: Store, company: Company, _: Row, dice: random.Random) -> Row:
    call = order(company, dice) | {"mentions": f"Ref ord-{dice.randrange(16**6):06x}"}
    return documents.create(store, company, "invoice", call, Settings())


def _named(row: Row) -> dict[str, Any]:
    return {"seriesName": row["seriesName"], "number": row["number"]}


def _pay(store: Store, company: Company, row: Row, dice: random.Random) -> Row:
    if float(documents.left(row)) <= 0:
        raise OblioError("paid already")
    part = {"value": f"{float(documents.left(row)) / 2:.2f}"} if dice.random() < 0.4 else {}
    payment = {"type": "Ordin de plata", "documentNumber": f"OP {dice.randrange(1, 999)}"} | part
    return documents.collect(store, company, _named(row) | {"collect": payment})


def _cancel(store: Store, company: Company, row: Row, dice: random.Random) -> Row:
    changes.cancel(store, company, "invoice", _named(row))
    return row


def _take_back(store: Store, company: Company, row: Row, dice: random.Random) -> Row:
    if row["reversed_by"] or row["storno"] == "1":
        raise OblioError("taken back already")
    call = {"seriesName": row["seriesName"], "referenceDocument": {"type": "Factura", "refund": 0} | _named(row)}
    return documents.create(store, company, "invoice", call, Settings())


def _send(store: Store, company: Company, row: Row, dice: random.Random) -> Row:
    return changes.send(store, company, _named(row), Settings())


def _delete(store: Store, company: Company, row: Row, dice: random.Random) -> Row:
    changes.delete(store, company, "invoice", _named(row))
    return row


_Deed = Callable[[Store, Company, Row, random.Random], Row]
_DEEDS: tuple[tuple[_Deed, str], ...] = (
    (_issue, "issued"),
    (_issue, "issued"),
    (_pay, "paid"),
    (_pay, "paid"),
    (_send, "sent"),
    (_cancel, "cancelled"),
    (_take_back, "taken back by"),
    (_delete, "deleted"),
)

"""A document as it is printed. The layout of the real ones is not public; this one has the labels that are known."""

import textwrap

from accord.sandbox.pdf import Cell, pdf
from accord.sandbox.smartbill.company import ISSUER, Company, Row

_TITLES = {"f": "FACTURA", "p": "FACTURA PROFORMA"}
_COLUMNS = (40, 65, 290, 325, 365, 430, 465, 520)
_NAME_WIDTH = 44


def printed(company: Company, row: Row) -> bytes:
    """The PDF of an invoice or a proforma."""
    lines: list[list[Cell]] = []
    lines += [[(40, text)] for text in _issuer()]
    lines += [[], [(250, _TITLES[row["type"]])], *([(250, text)] for text in _head(row))]
    lines += [[], *([(40, text)] for text in _client(row)), []]
    lines += _table(row)
    lines += [[], *([(40, text)] for text in _foot(row))]
    return pdf(lines)


def _issuer() -> list[str]:
    return [
        f"Furnizor: {ISSUER['name']}",
        f"Reg. com.: {ISSUER['reg_com']}",
        f"CIF: {ISSUER['cif']}",
        f"Adresa: {ISSUER['address']}",
        f"IBAN: {ISSUER['iban']}",
    ]


def _head(row: Row) -> list[str]:
    rates = {line["vat_rate"] for line in row["lines"]}
    return [
        f"Seria {row['series']} nr. {row['number']}",
        f"Data (zi/luna/an): {_day(row['issued'])}",
        *([f"Termen plata: {_day(row['due'])}"] if row["due"] else []),
        *([f"Cota TVA: {next(iter(rates))}%"] if len(rates) == 1 else []),
        *(["ANULAT"] if row["cancelled"] else []),
        *(["STORNO"] if row["reverses"] else []),
    ]


def _client(row: Row) -> list[str]:
    client = row["client"]
    cif = client.get("vat_code", "")
    place = ", ".join(client[part] for part in ("address", "city", "county", "country") if client.get(part))
    return [
        f"Client: {client['name']}",
        *([f"Reg. com.: {client['reg_com']}"] if client.get("reg_com") else []),
        *([f"CNP: {cif}" if len(cif) == 13 else f"CIF: {cif}"] if cif.strip("-") else []),
        *([f"Adresa: {place}"] if place else []),
    ]


def _table(row: Row) -> list[list[Cell]]:
    unit = "Lei" if row["currency"] == "RON" and row["series"] == "AB-2" else row["currency"]
    heads = ["Nr.", "Denumirea produselor sau a serviciilor", "U.M.", "Cant.", f"Pret unitar -{unit}-", "Cota TVA"]
    heads += [f"Valoarea -{unit}-", f"Valoarea TVA -{unit}-"]
    lines = [[(40, " | ".join(heads))]]
    for number, line in enumerate(row["lines"], 1):
        first, *more = textwrap.wrap(line["name"], _NAME_WIDTH) or [""]
        texts = [str(number), first, line["unit"], line["quantity"], line["price"], f"{line['vat_rate']}%"]
        lines.append(list(zip(_COLUMNS, [*texts, line["net"], line["vat"]], strict=True)))
        lines += [[(_COLUMNS[1], text)] for text in more]
    lines.append([(65, "Total"), (465, row["net"]), (520, row["vat"])])
    lines.append([(65, "Total plata"), (465, f"{row['total']} {unit}")])
    return lines


def _foot(row: Row) -> list[str]:
    taken = row["reverses"]
    return [
        *([f"Curs valutar: 1 {row['currency']} = {row['rate']} RON"] if row["rate"] else []),
        *([f"Storno la factura seria {taken[0]} nr. {taken[1]} din data {_day(taken[2])}"] if taken else []),
        *([f"Mentiuni: {row['mentions']}"] if row["mentions"] else []),
    ]


def _day(text: str) -> str:
    year, month, day = text.split("-")
    return f"{day}/{month}/{year}"

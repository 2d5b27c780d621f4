"""The PDF behind a document's link. Its layout is made up: that of Oblio's own is not known to this sandbox."""

from accord.sandbox.oblio import amounts
from accord.sandbox.oblio.store import Company, Row, Store
from accord.sandbox.pdf import pdf

_LEFT = 50  # points from the edge


def find(store: Store, key: str, secret: str) -> tuple[Company, Row] | None:
    """The document that a link leads to."""
    for company in store.companies.values():
        row = company.documents.get(key)
        if row is not None and row["secret"] == secret:
            return company, row
    return None


def render(company: Company, row: Row) -> bytes:
    """The document as a page of text."""
    mark = ["ANULAT"] if row["canceled"] == "1" else ["STORNO"] if row["storno"] == "1" else []
    if mark == ["STORNO"] and (source := company.documents.get(row["reverses"] or "")):
        mark = [f"STORNO al facturii {source['seriesName']} {source['number']}"]
    sums = amounts.by_line(row["products"], int(row["precision"]))
    lines = [
        f"{number}. {product['name']} | {product.get('quantity', '')} {product.get('measuringUnit', '')}"
        f" | TVA {product.get('vatPercentage', '')}% | {one.net} | {one.vat}"
        for number, (product, one) in enumerate(zip(row["products"], sums, strict=True), 1)
    ]
    vat = sum(one.vat for one in sums)
    client = row["client"]
    text = [
        f"{row['type'].upper()} seria {row['seriesName']} nr. {row['number']}",
        *mark,
        f"Data: {row['issueDate']}   Scadenta: {row['dueDate'] or '-'}",
        f"Furnizor: {company.name}, CIF {company.cif}, {company.address}",
        f"Client: {client['name']}, CIF {client['cif'] or '-'}, {client['address']}, {client['city']}",
        "",
        *lines,
        "",
        f"Total TVA: {vat} {row['currency']}",
        f"TOTAL DE PLATA: {row['total']} {row['currency']}",
        *([f"Curs: {row['exchangeRate']} RON"] if row["currency"] != "RON" else []),
        *([f"Mentiuni: {row['mentions']}"] if row["mentions"] else []),
    ]
    return pdf([[(_LEFT, line)] for line in text])

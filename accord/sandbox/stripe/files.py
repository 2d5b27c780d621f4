"""The PDFs behind the links of invoices and credit notes. Their layout is made up: that of Stripe's own is not known.

As at Stripe a link needs no key, has a host of its own (here a folder) and leads on to where the file is.
"""

from accord.money import format_amount
from accord.sandbox.pdf import pdf
from accord.sandbox.stripe.store import Obj, Store
from accord.sandbox.wire import Answer, Ask

LINKS, FOLDER, FILES = b"https://pay.stripe.com/", "/pay/", "/files/"

_LEFT = 50  # points from the edge
_NO_FILE = Answer(404, {"content-type": "text/html"}, b"<html><body><h1>404 Not Found</h1></body></html>")


def is_file(ask: Ask) -> bool:
    """Whether it is not the API that is asked."""
    return ask.path.startswith((FOLDER, FILES))


def linked(body: bytes, ask: Ask) -> bytes:
    """An answer of the API whose links lead to the sandbox, as the caller knows it."""
    return body.replace(LINKS, f"{_address(ask)}{FOLDER}".encode())


def answer(stores: list[Store], ask: Ask) -> Answer:
    """Where a link leads, and the file there."""
    steps = ask.path.strip("/").split("/")
    match steps:
        case ["pay", "invoice" | "credit_notes", _, key, "pdf"] if ask.method == "GET":
            return Answer(302, {"location": f"{_address(ask)}{FILES}{key}.pdf"}, b"")
        case ["files", name] if ask.method == "GET":
            for store in stores:
                if (row := find(store, name.removesuffix(".pdf"))) is not None:
                    return Answer(200, {"content-type": "application/pdf"}, render(store, row))
    return _NO_FILE


def find(store: Store, key: str) -> Obj | None:
    """The invoice or credit note that has a PDF."""
    found = store.find("invoice", key) or store.find("credit_note", key)
    return found if found and found["number"] else None


def render(store: Store, row: Obj) -> bytes:
    """The document as a page of text."""
    note = row["object"] == "credit_note"
    invoice = store.get("invoice", row["invoice"]) if note else row
    currency = row["currency"].upper()
    text = [
        f"{'Credit note' if note else 'Invoice'} {row['number']}",
        *(["VOID"] if row["status"] == "void" else []),
        *([f"Credits invoice {invoice['number']}"] if note else []),
        f"Bill to: {invoice['customer_name'] or invoice['customer_email'] or invoice['customer']}",
        "",
        *(f"{line['description']} | {format_amount(line['amount'], currency)}" for line in store.lines[row["id"]]),
        "",
        f"Total: {format_amount(row['total'], currency)}",
    ]
    return pdf([[(_LEFT, line)] for line in text])


def _address(ask: Ask) -> str:
    return f"http://{ask.headers.get('host', 'sandbox.test')}/stripe"

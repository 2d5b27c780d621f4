"""From what SmartBill shows of an invoice (payment status, PDF, a line of the export) to a document; pure.

The API's amounts stand above the export's, the export above the PDF. What none of them tells is None.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from accord.documents import Document, Line, Origin, Party, State
from accord.errors import Refused
from accord.money import CURRENCIES
from accord.names import digits
from accord.systems.smartbill.export import Row
from accord.systems.smartbill.pdf import Paper, PaperLine
from accord.systems.smartbill.shapes import Status

FURTHEST = 1_000_000_000


class Unsound(Exception):
    """What SmartBill shows does not fit together; the text names the field, and no value."""


class Shown(NamedTuple):
    """All that was found of one invoice. The export's line may be older than what the API tells."""

    series: str
    number: str  # as issued
    cif: str  # of the company whose invoice it is
    status: Status | None
    paper: Paper | None
    row: Row | None
    taken_back: bool = False  # by a storno over the same total

    def __repr__(self) -> str:
        """Without what it holds, which is other people's data."""
        return f"<Shown {self.series}{self.number}>"


def name(series: str, number: int) -> str:
    """The name of a number, whichever invoice stands there."""
    return f"{series}/{number}"


def key(series: str, number: int, generation: int) -> str:
    """The name of an invoice for ever: a number that was deleted is given out again, with the next generation."""
    return f"{name(series, number)}/{generation}"


def named(key_: str) -> tuple[str, int, int]:
    """Series, number and generation. Raises Refused where it is no such name."""
    try:
        series, number, generation = key_.rsplit("/", 2)
        return series, int(number), int(generation)
    except ValueError:
        raise Refused("the key of this document is none of a SmartBill invoice") from None


def place(number: int) -> int:
    """Where a number stands in the order of all: with the same numbers of other series, and below any second of today.

    Numbers that are put together from a date and a counter may be longer; they stand together at the end.
    """
    return min(number, FURTHEST)


def document(shown: Shown, generation: int) -> Document:
    """The invoice. Raises Unsound where its sources contradict each other or an amount can not be written."""
    _must_be_of_it(shown)
    row = _current(shown)
    fields = _Fields(shown.paper, row)
    currency: str | None = fields.take("currency")
    if currency is not None and currency not in CURRENCIES:
        raise Unsound("the smallest unit of its currency is not known - at `currency`")
    total, paid = _total(shown, row), shown.status.paid_amount if shown.status else None
    net, vat = fields.take("net"), fields.take("vat")
    if net is not None and vat is not None and net + vat != total:
        raise Unsound("net and VAT do not come to the total - at `net`")
    state, told_by = _state(shown, row, total)
    lines = shown.paper.lines if shown.paper else None
    reverses = shown.paper.reverses if shown.paper else None
    made: dict[str, Any] = {
        "series": shown.series,
        "number": shown.number,
        "state": state,
        "issuer": _issuer(shown),
        "client": fields.take("client"),
        "currency": currency,
        "issued_on": fields.take("issued_on"),
        "due_on": fields.take("due_on"),
        "exchange_rate": fields.take("exchange_rate"),
        "net": _minor(net, currency, "net"),
        "vat": _minor(vat, currency, "vat"),
        "total": _minor(total, currency, "total"),
        "paid": _minor(paid, currency, "paid"),
        "lines": tuple(_line(line, currency) for line in lines) if lines and currency else None,
        "reverses": " ".join(reverses) if reverses else None,
        "mentions": fields.take("mentions"),
        "einvoice": None,
    }
    by_api = Origin.API if shown.status else Origin.EXPORT
    origins = fields.origins | {
        "series": by_api,
        "number": by_api,
        "total": by_api,
        "paid": Origin.API,
        "state": told_by,
    }
    origins |= {"lines": Origin.PDF, "reverses": Origin.PDF}
    origins["issuer"] = Origin.PDF if shown.paper and shown.paper.issuer else Origin.API
    told = {
        name: origins.get(name, Origin.UNKNOWN) if value is not None else Origin.UNKNOWN for name, value in made.items()
    }
    told["state"] = told_by
    return Document(
        key=key(shown.series, int(shown.number), generation), position=place(int(shown.number)), origins=told, **made
    )


def tombstone(series: str, number: int, generation: int) -> Document:
    """An invoice that was deleted: its name, and nothing else."""
    return Document.gone(key(series, number, generation), place(number), series, str(number))


class _Fields:
    """Fields that the export and the PDF may tell, the export first, with where each came from."""

    def __init__(self, paper: Paper | None, row: Row | None) -> None:
        self._sources = ((Origin.EXPORT, row), (Origin.PDF, paper))
        self.origins: dict[str, Origin] = {}

    def take(self, name: str) -> Any:
        for origin, source in self._sources:
            value = getattr(source, name, None)
            if value is not None and not (isinstance(value, Party) and value.name is None):
                self.origins[name] = origin
                return value
        return None


def _must_be_of_it(shown: Shown) -> None:
    """What was read must all be of this number: it may have been given out again between two requests."""
    paper = shown.paper
    if shown.status is None and shown.row is None:
        raise Unsound("neither the API nor the export tells of it")
    if paper is None:
        return
    if paper.number is not None and (paper.series, int(paper.number)) != (shown.series, int(shown.number)):
        raise Unsound("the PDF is of another number - at `number`")
    if paper.issuer and paper.issuer.vat_id and digits(paper.issuer.vat_id) != digits(shown.cif):
        raise Unsound("the PDF is of another company - at `issuer`")
    status = shown.status
    if status is not None and paper.total is not None and paper.total != status.invoice_total_amount:
        raise Unsound("the PDF's total is not the payment status' - at `total`")


def _current(shown: Shown) -> Row | None:
    """The export's line, unless it is of an invoice that stood under this number before."""
    row, status, paper = shown.row, shown.status, shown.paper
    if row is None or (status is not None and row.total != status.invoice_total_amount):
        return None
    if paper is not None:
        days = (row.issued_on, paper.issued_on)
        ids = (digits(row.client.vat_id), digits(paper.client.vat_id) if paper.client else "")
        if (days[1] and days[0] != days[1]) or (all(ids) and ids[0] != ids[1]):
            return None
        if row.currency and paper.currency and row.currency != paper.currency:
            raise Unsound("the export and the PDF name two currencies - at `currency`")
    return row


def _total(shown: Shown, row: Row | None) -> Decimal:
    if shown.status is not None:
        return shown.status.invoice_total_amount
    if row is None:
        raise Unsound("the export's line is not of the invoice in the PDF")
    return row.total


def _state(shown: Shown, row: Row | None, total: Decimal) -> tuple[State, Origin]:
    """Where it stands, and who says so. The API does not tell an open invoice from a cancelled one."""
    status, paper = shown.status, shown.paper
    if row is not None and row.state in (State.CANCELLED, State.REVERSED) and not (status and status.paid_amount > 0):
        return row.state, Origin.EXPORT
    if paper is not None and paper.cancelled:
        return State.CANCELLED, Origin.PDF
    if shown.taken_back and total > 0:
        return State.REVERSED, Origin.PDF
    if total < 0:
        return State.STORNO, Origin.API if status else Origin.EXPORT
    if paper is not None and paper.storno:
        return State.STORNO, Origin.PDF
    if status is None:
        return (row.state if row else State.UNKNOWN), Origin.EXPORT
    if status.paid:
        return State.PAID, Origin.API
    if status.paid_amount > 0:
        return State.PARTLY_PAID, Origin.API
    if row is not None and row.state is not State.UNKNOWN:
        return State.ISSUED, Origin.EXPORT
    return (State.ISSUED, Origin.PDF) if paper is not None else (State.UNKNOWN, Origin.UNKNOWN)


def _issuer(shown: Shown) -> Party:
    issuer = shown.paper.issuer if shown.paper else None
    return issuer if issuer is not None and issuer.vat_id else Party(name=None, vat_id=shown.cif)


def _minor(amount: Decimal | None, currency: str | None, field: str) -> int | None:
    """The amount in its currency's smallest unit; None where the currency is not known."""
    if amount is None or currency is None:
        return None
    scaled = amount.scaleb(CURRENCIES[currency])
    if scaled != scaled.to_integral_value():
        raise Unsound(f"an amount has more decimals than its currency - at `{field}`")
    return int(scaled)


def _line(line: PaperLine, currency: str) -> Line:
    return Line(
        name=line.name,
        quantity=line.quantity,
        unit=line.unit,
        price=line.price,
        vat_included=False,
        vat_rate=line.vat_rate,
        net=_minor(line.net, currency, "lines"),
        vat=_minor(line.vat, currency, "lines"),
        total=_minor(line.net + line.vat, currency, "lines"),
    )

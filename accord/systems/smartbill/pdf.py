"""What an invoice's PDF says, as far as it says it only once.

SmartBill does not describe the layout, and users can change it. So a field is taken from beside its label, and only
where one value stands there: whatever is missing, doubled or does not add up is None. Languages other than Romanian are
not read.
"""

import io
import logging
import re
from datetime import date
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from accord.documents import Party
from accord.names import digits

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings quote what is in the file

_MOST_PAGES = 50
_MOST_TEXT = 200_000
_LONGEST_LINE = 500
_LONGEST_AMOUNT = 20

_AMOUNT = r"-?\d[\d.,]*\d|-?\d"
_CURRENCY = r"[A-Z]{3}|[Ll]ei|LEI"
_DATE = r"(\d{2}[/.]\d{2}[/.]\d{4}|\d{4}-\d{2}-\d{2})\b"
_NR = r"(?:nr\.?|num[aă]r(?:ul)?)"


def _line(pattern: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """A pattern that begins with its line, apart from a few signs."""
    return re.compile(rf"^[^\w\n]{{0,9}}{pattern}", flags | re.MULTILINE)


_NUMBER = _line(rf"seria\s*:?\s*(\S+)\s+{_NR}\s*:?\s*([0-9]{{1,15}})[^\w\n]{{0,9}}$")
_ISSUED = _line(rf"data(?: emiterii| facturii)?\s*(?:\(zi/lun[aă]/an\))?\s*:\s*{_DATE}")
_DUE = _line(rf"(?:termen(?:ul)?(?: de)? plat[aă]|scaden[tțţ][aă]|data scaden[tțţ]ei)\s*:\s*{_DATE}")
_CLIENT = _line(r"(?:client|cump[aă]r[aă]tor|beneficiar)\s*:\s*(\S.*)$")
_ISSUER = _line(r"furnizor\s*:\s*(\S.*)$")
_VAT_ID = _line(r"(?:C\.?I\.?F\.?|C\.?U\.?I\.?|cod fiscal|CNP)\s*:\s*([A-Z]{0,2}\s?\d[\d ]{1,14})\s*$")
_REGISTRATION = _line(r"(?:nr\.? )?reg\.? ?com\.?\s*:\s*(\S.*)$")
_ADDRESS = _line(r"(?:adresa|sediul)\s*:\s*(\S.*)$")
_IBAN = _line(r"(?:IBAN|cont)\s*:\s*([A-Z]{2}\d{2}[A-Z0-9 ]{10,34})\s*$")
_TABLE = _line(r"nr\..*(?:denumire|produs).*$")
_HEAD_CURRENCY = re.compile(rf"[-(]\s*({_CURRENCY})\s*[-)]")
_NET_VAT = _line(rf"total(?: general)?\s*(?:-(?:{_CURRENCY})-)?\s*:?\s+({_AMOUNT})\s+({_AMOUNT})\s*$")
_TOTAL = _line(rf"total (?:de )?plat[aă]\s*:?\s*(-?\d[\d., ]*\d|-?\d)\s*({_CURRENCY})?\s*$")
_ONE_RATE = _line(r"cota TVA\s*:\s*(\d{1,2}(?:[.,]\d+)?)\s*%")
_EXCHANGE = _line(r"curs(?: valutar)?\s*:?\s*1\s*[A-Z]{3}\s*=\s*(\d+[.,]\d{2,6})\s*(?:RON|lei)")
_REVERSES = re.compile(
    rf"storn(?:o|are|eaz[aă])\s+(?:la\s+|a\s+)?factur[aăi]+\s+seria\s+(\S+)\s+{_NR}\s*([0-9]{{1,15}})\b", re.IGNORECASE
)
_MENTIONS = _line(r"men[tțţ]iuni\s*:\s*(\S.*)$")
_CANCELLED = _line(r"(?:FACTUR[AĂ] )?ANULAT[AĂ]?[^\w\n]{0,9}$", 0)
_STORNO = _line(r"(?:FACTUR[AĂ] )?STORNO[^\w\n]{0,9}$", 0)
_ROW = re.compile(
    rf"^(\d{{1,3}})\s+(\S.*?)\s+(\S+)\s+({_AMOUNT})\s+({_AMOUNT})\s+(?:(\d{{1,2}}(?:[.,]\d+)?)\s?%\s*)?"
    r"(-?[\d.,]*\d)\s+(-?[\d.,]*\d)\s*$"
)


class Unreadable(Exception):
    """The bytes are no PDF whose text can be had."""


class PaperLine(Struct, frozen=True):
    """One line of the table, without VAT where `vat` is given apart."""

    name: str
    unit: str
    quantity: str
    price: str
    vat_rate: str | None
    net: Decimal
    vat: Decimal

    def __repr__(self) -> str:
        return "<PaperLine>"


class Paper(Struct, frozen=True, kw_only=True):
    """What is printed."""

    series: str | None
    number: str | None
    issued_on: str | None
    due_on: str | None
    issuer: Party | None
    client: Party | None
    currency: str | None
    exchange_rate: str | None
    net: Decimal | None
    vat: Decimal | None
    total: Decimal | None
    lines: tuple[PaperLine, ...] | None
    mentions: str | None
    cancelled: bool
    storno: bool
    reverses: tuple[str, str] | None

    def __repr__(self) -> str:
        """Without the values, which are people's names and money."""
        return "<Paper>"


def parse(text: str) -> Paper:
    """What the text of a PDF says."""
    head, _, rest = _split(text)
    number = _only(_NUMBER, head)
    net_vat, total = _only(_NET_VAT, rest), _only(_TOTAL, rest)
    net, vat = (_amount(net_vat[0]), _amount(net_vat[1])) if net_vat else (None, None)
    whole = _amount(total[0]) if total else None
    if net is not None and vat is not None and whole is not None and net + vat != whole:
        net = vat = None  # what stood beside "Total" was something else
    taken = _only(_REVERSES, text)
    return Paper(
        series=number[0] if number else None,
        number=number[1] if number else None,
        issued_on=_day(_only(_ISSUED, head)),
        due_on=_day(_only(_DUE, head)),
        issuer=_issuer(head),
        client=_client(head),
        currency=_currency(text, total[1] if total else ""),
        exchange_rate=_plain(_only(_EXCHANGE, text)),
        net=net,
        vat=vat,
        total=whole,
        lines=_lines(rest, _plain(_only(_ONE_RATE, head)), whole),
        mentions=_text_of(_only(_MENTIONS, rest)),
        cancelled=_CANCELLED.search(head) is not None,
        storno=_STORNO.search(head) is not None or taken is not None,
        reverses=(taken[0], taken[1]) if taken else None,
    )


def text(body: bytes) -> str:
    """The text of a PDF. Raises Unreadable where it has none."""
    from pypdf import PdfReader  # only now: it takes an eighth of a second to import, which every run would pay

    try:
        pages = PdfReader(io.BytesIO(body)).pages
        if len(pages) > _MOST_PAGES:
            raise Unreadable("the PDF has too many pages")
        found = "\n".join(page.extract_text() for page in pages)
    except Unreadable:
        raise
    except Exception:  # a damaged file can raise anything, with what is in the file as its text
        raise Unreadable("the PDF is damaged") from None
    if not found.strip():
        raise Unreadable("the PDF holds no text; is it a scan?")
    if len(found) > _MOST_TEXT:
        raise Unreadable("the PDF holds too much text")
    # Without what databases refuse: NUL, and halves of characters.
    return found.replace("\0", "").encode("utf-8", "replace").decode()


def _split(text: str) -> tuple[str, str, str]:
    """What stands above the table, the table's own heading, and what follows."""
    table = _TABLE.search(text)
    return (text[: table.start()], table[0], text[table.end() :]) if table else (text, "", text)


def _only(pattern: re.Pattern[str], text: str) -> tuple[str, ...] | None:
    """The groups of the one match; None where there is none, or where two differ."""
    found = {tuple((group or "").strip() for group in match.groups()) for match in pattern.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _text_of(found: tuple[str, ...] | None) -> str | None:
    return found[0] if found else None


def _plain(found: tuple[str, ...] | None) -> str | None:
    return found[0].replace(",", ".") if found else None


def _day(found: tuple[str, ...] | None) -> str | None:
    """An ISO day; those with slashes and dots are day, month, year."""
    if not found:
        return None
    parts = [int(part) for part in re.split(r"[/.-]", found[0])]
    year, month, day = parts if parts[0] > 31 else parts[::-1]
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _issuer(head: str) -> Party | None:
    """Whoever stands behind "Furnizor", up to the client."""
    found, client = _ISSUER.search(head), _CLIENT.search(head)
    if found is None or _only(_ISSUER, head) is None or (client and client.start() < found.start()):
        return None
    return _party(found[1], head[found.end() : client.start() if client else None])


def _client(head: str) -> Party | None:
    """Whoever stands behind "Client", up to the table; nobody where both parties stand in each other's columns."""
    found = _CLIENT.search(head)
    if found is None or _only(_CLIENT, head) is None:
        return None
    issuer = _ISSUER.search(head, found.end())
    return _party(found[1], head[found.end() : issuer.start() if issuer else None])


def _party(name: str, section: str) -> Party:
    vat_id = _text_of(_only(_VAT_ID, section))
    return Party(
        name=name.strip(),
        vat_id=vat_id if vat_id and digits(vat_id) else None,
        registration=_text_of(_only(_REGISTRATION, section)),
        address=_text_of(_only(_ADDRESS, section)),
        iban=_text_of(_only(_IBAN, section)),
    )


def _currency(text: str, beside_total: str) -> str | None:
    """The one that stands beside the total and in the table's heading; never a currency that only some text names."""
    table = _TABLE.search(text)
    named = {_code(code) for code in _HEAD_CURRENCY.findall(table[0] if table else "")}
    named |= {_code(beside_total)} if beside_total else set()
    return named.pop() if len(named) == 1 else None


def _code(text: str) -> str:
    return "RON" if text.casefold() == "lei" else text.upper()


def _lines(rest: str, one_rate: str | None, total: Decimal | None) -> tuple[PaperLine, ...] | None:
    """The table's lines, if they are numbered from 1 without a gap and come to the total."""
    lines: list[PaperLine] = []
    for text in rest.splitlines():
        if re.match(r"\s*total\b", text, re.I):
            break
        match = _ROW.match(text.strip()) if len(text) <= _LONGEST_LINE else None
        net, vat = (_amount(match[7]), _amount(match[8])) if match else (None, None)
        if match and int(match[1]) == len(lines) + 1 and net is not None and vat is not None:
            rate = match[6].replace(",", ".") if match[6] else one_rate
            lines.append(PaperLine(match[2], match[3], match[4], match[5], rate, net, vat))
        elif lines and text.strip():
            last = lines[-1]  # a long name goes on in the next row
            name = f"{last.name} {text.strip()}"
            lines[-1] = PaperLine(name, last.unit, last.quantity, last.price, last.vat_rate, last.net, last.vat)
    come_to = sum((line.net + line.vat for line in lines), Decimal(0))
    return tuple(lines) if lines and come_to == total and all(map(_adds_up, lines)) else None


def _adds_up(line: PaperLine) -> bool:
    """Whether quantity and price come to the amount; the price may have been rounded."""
    quantity, price = _amount(line.quantity), _amount(line.price)
    if quantity is None or price is None:
        return False
    return abs(quantity * price - line.net) <= abs(quantity) * Decimal("0.005") + Decimal("0.01")


def _amount(text: str) -> Decimal | None:
    """A number as it is printed, with points and commas either way; None where they could mean two things."""
    text = text.replace(" ", "")
    if len(text) > _LONGEST_AMOUNT:
        return None
    point = max(text.rfind("."), text.rfind(","))
    if point >= 0:
        whole, part = text[:point], text[point + 1 :]
        groups = re.split(r"[.,]", whole.lstrip("-"))
        if len(part) == 3 or any(len(group) != 3 for group in groups[1:]):
            return None  # 1.234 is a thousand to one reader and not to the other
        text = f"{re.sub(r'[.,]', '', whole)}.{part}"
    try:
        return Decimal(text)
    except InvalidOperation:
        return None

"""VAT in Romania: the rates in force on a day, and the check digits of VAT ids and IBANs. Pure.

Nobody is asked whether an id or an IBAN was ever given out.
"""

import re
import unicodedata
from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from stdnum import iban
from stdnum.eu import vat
from stdnum.ro import cf

_NEW_FROM = "2025-08-01"  # law 141/2025
_NINE_UNTIL = "2026-07-31"  # for some housing
_OLD = frozenset(map(Decimal, (19, 9, 5, 0)))
_NEW = frozenset(map(Decimal, (21, 11, 0)))

_NOBODY = ("", "0" * 13)  # what stands for the id of a private person who gave none; a dash does, too
_ROMANIAN = re.compile(r"(RO)?[0-9]{2,10}", re.ASCII)


def rates_in_force(rates: Collection[str], issued_on: str, takes_back: bool) -> bool:
    """Whether a document of this ISO day may have these rates, in percent; one that takes another back keeps its."""
    if issued_on < _NEW_FROM:
        known = _OLD
    elif takes_back:
        known = _OLD | _NEW
    else:
        known = _NEW | {Decimal(9)} if issued_on <= _NINE_UNTIL else _NEW
    try:
        return all(Decimal(rate) in known for rate in rates)
    except (InvalidOperation, TypeError):  # no number; or one that is signalled not to be one
        return False


def is_romanian(vat_id: str) -> bool:
    """Whether an id is written as that of a Romanian firm: digits, or RO and digits."""
    return _ROMANIAN.fullmatch(_plain(vat_id)) is not None


def may_be_vat_id(vat_id: str, country: str | None) -> bool:
    """Whether nothing speaks against a VAT id: its length and check digit are right, as far as its country tells.

    Both forms of a Romanian id are right, a personal code (CNP) is, and so is what stands for a private person. An id
    of a country outside the EU passes.
    """
    text = _plain(vat_id)
    if text in _NOBODY:
        return True
    if text[:2].lower() in vat.MEMBER_STATES or text[:2] == "EL":
        return vat.is_valid(text)
    if country and not is_romania(country):
        return True
    # Without a country, letters may be of any place; in Romania they are wrong.
    return cf.is_valid(text) if country or text.isdigit() else True


def may_be_iban(text: str) -> bool:
    """Whether an IBAN's length and check digits are right for its country."""
    return text.strip() in ("", "-") or iban.is_valid(text)


def is_romania(country: str) -> bool:
    """Whether a country, by its name or its code, is Romania."""
    letters = unicodedata.normalize("NFKD", country.strip().casefold())
    return "".join(one for one in letters if not unicodedata.combining(one)) in ("romania", "ro", "rou")


def _plain(vat_id: str) -> str:
    return re.sub(r"[\s.\-/]", "", vat_id).upper()

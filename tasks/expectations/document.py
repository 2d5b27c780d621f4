"""What is expected of invoices, stornos and credit notes.

What a service does not tell is None, and nothing is expected of it, save a client and a number once a document is
issued. Where only a person can judge, a rule is of severity info: the rates of another country, a check digit.
"""

from datetime import date, timedelta
from typing import Any

import pandas as pd

from accord import vat
from accord.documents import Origin, State
from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

_FIRST_DAY = "2000-01-01"
_NOT_ISSUED = (State.DRAFT, State.UNKNOWN)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _all_told(columns: pd.DataFrame) -> "pd.Series[Any]":
    return columns.notna().all(axis=1) & ~columns.isin(["", "{}"]).any(axis=1)


def _told_without_doubt(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(state: str | None, origins: str | None) -> bool:
        return state is None or origins is None or f'"{Origin.DOUBTFUL}"' not in origins

    return v.each(sound, columns)


def _issued_in_time(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(day: str | None, today: str, country: str | None) -> bool:
        # Another country's calendar may be ahead of Romania's by a day.
        ahead = timedelta(days=0 if country is None or vat.is_romania(country) else 1)
        last = (date.fromisoformat(today) + ahead).isoformat()
        return day is None or (_is_day(day) and _FIRST_DAY <= day <= last)

    return v.each(sound, columns)


def _due_after_issue(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(due: str | None, issued: str | None) -> bool:
        return due is None or (_is_day(due) and (issued is None or due >= issued))

    return v.each(sound, columns)


def _told_once_issued(columns: pd.DataFrame) -> "pd.Series[Any]":
    state, texts = columns.iloc[:, 0], columns.iloc[:, 1:]
    return state.isna() | state.isin(_NOT_ISSUED) | (texts.notna() & (texts != "")).any(axis=1)


def _client_named(columns: pd.DataFrame) -> "pd.Series[Any]":
    """Where its day is unknown as well, the document itself was not read: its service told of it, and no more."""
    return columns["issued_on"].isna() | _told_once_issued(columns.drop(columns="issued_on"))


def _parts_make_total(columns: pd.DataFrame) -> "pd.Series[Any]":
    total, net, tax = (columns.iloc[:, number] for number in range(3))
    return columns.isna().any(axis=1) | (net + tax == total)


def _lines_make_total(columns: pd.DataFrame) -> "pd.Series[Any]":
    """Each line may have been rounded by one smallest unit."""
    total, sum_, count = (columns.iloc[:, number] for number in range(3))
    return columns.isna().any(axis=1) | ((total - sum_).abs() <= count)


def _rates_in_force(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(rates: str | None, day: str | None, issuer: str | None, state: str | None) -> bool:
        if not rates or day is None or not _is_day(day) or issuer is None or not vat.is_romanian(issuer):
            return True
        return vat.rates_in_force(rates.split(), day, takes_back=state == State.STORNO)

    return v.each(sound, columns)


def _takes_back(columns: pd.DataFrame) -> "pd.Series[Any]":
    return ~((columns.iloc[:, 0] == State.STORNO) & (columns.iloc[:, 1] > 0))


def _paid_within_total(columns: pd.DataFrame) -> "pd.Series[Any]":
    paid, total = columns.iloc[:, 0], columns.iloc[:, 1]
    return columns.isna().any(axis=1) | ((paid >= 0) & (paid <= total)) | ((paid <= 0) & (paid >= total))


def _vat_ids(columns: pd.DataFrame) -> "pd.Series[Any]":
    def sound(issuer: str | None, issuer_country: str | None, client: str | None, country: str | None) -> bool:
        pairs = ((issuer, issuer_country), (client, country))
        return all(vat_id is None or vat.may_be_vat_id(vat_id, where) for vat_id, where in pairs)

    return v.each(sound, columns)


def _ibans(columns: pd.DataFrame) -> "pd.Series[Any]":
    return v.each(lambda *ibans: all(iban is None or vat.may_be_iban(iban) for iban in ibans), columns)


RULES = [
    Rule("document.key", v.given("key"), "A document has an id"),
    Rule("document.once", v.unique("key"), "A document comes once in a batch"),
    Rule(
        "document.given",
        v.holds(_all_told, "state", "origins_json"),
        "A document has a state, and says where its fields were found",
    ),
    Rule(
        "document.doubt",
        v.holds(_told_without_doubt, "state", "origins_json"),
        "What a service says of a document does not contradict itself, as a draft with a number does",
        "info",
    ),
    Rule("document.currency", v.known_currency(), "A document is in a currency whose smallest unit is known"),
    Rule(
        "document.time",
        v.holds(_issued_in_time, "issued_on", "today", "issuer_country"),
        "A document was issued on a day from 2000 on that is not in the future",
    ),
    Rule(
        "document.due",
        v.holds(_due_after_issue, "due_on", "issued_on"),
        "A document is due on a day that is not before the day of issue",
        "info",
    ),
    Rule("document.number", v.holds(_told_once_issued, "state", "number"), "An issued document has a number"),
    Rule(
        "document.client",
        v.holds(_client_named, "state", "client_name", "client_vat_id", "client_email", "issued_on"),
        "An issued document names its client, by an address of theirs at least",
    ),
    Rule(
        "document.total",
        v.holds(_parts_make_total, "total", "net", "vat"),
        "The total of a document is its net and VAT",
    ),
    Rule(
        "document.lines",
        v.holds(_lines_make_total, "total", "line_sum", "line_count"),
        "The lines of a document come to its total, give or take a smallest unit a line",
    ),
    Rule(
        "document.rates",
        v.holds(_rates_in_force, "line_rates", "issued_on", "issuer_vat_id", "state"),
        "The lines of a Romanian document have VAT rates that were in force when it was issued",
        "info",
    ),
    Rule("document.storno", v.holds(_takes_back, "state", "total"), "The total of a storno is not above zero"),
    Rule(
        "document.paid",
        v.holds(_paid_within_total, "paid", "total"),
        "What was paid of a document lies between nothing and its total",
        "info",  # people do pay too much
    ),
    Rule(
        "document.vat_ids",
        v.holds(_vat_ids, "issuer_vat_id", "issuer_country", "client_vat_id", "client_country"),
        "The VAT ids of issuer and client have the length and the check digit that they must have",
        "info",
    ),
    Rule(
        "document.ibans",
        v.holds(_ibans, "issuer_iban", "client_iban"),
        "The IBANs of issuer and client have the length and the check digits that they must have",
        "info",
    ),
]

"""What becomes of a document: cancelled, restored, deleted, sent to the tax authority."""

from typing import Any

from accord.sandbox.oblio import fields
from accord.sandbox.oblio.errors import OblioError
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.store import TYPES, Company, Row, Store, same_number

NOT_SENT, PROCESSING, ACCEPTED, ERRORS = -1, 0, 1, 2
_SAID = {NOT_SENT: "Netrimisa", PROCESSING: "In prelucrare", ACCEPTED: "Acceptata", ERRORS: "Cu erori"}


def found(company: Company, kind: str, params: dict[str, Any]) -> Row:
    """The document that a call is about."""
    return company.find(TYPES[kind], fields.text(params, "seriesName"), fields.text(params, "number"))


def cancel(store: Store, company: Company, kind: str, params: dict[str, Any]) -> str:
    row = found(company, kind, params)
    if row["canceled"] == "1":
        raise OblioError("Documentul este deja anulat.")
    store.amend(row, canceled="1")
    return "Documentul a fost anulat."


def restore(store: Store, company: Company, kind: str, params: dict[str, Any]) -> str:
    row = found(company, kind, params)
    if row["canceled"] == "0":
        raise OblioError("Documentul nu este anulat.")
    store.amend(row, canceled="0")
    return "Documentul a fost restaurat."


def delete(store: Store, company: Company, kind: str, params: dict[str, Any]) -> str:
    """Only the last number of a series goes, and the next document gets it again; proformas go always."""
    row = found(company, kind, params)
    series = company.series_of(row["type"], row["seriesName"])
    last = same_number(row["number"], str(series.next - 1))
    if kind != "proforma" and not last:
        raise OblioError("Se poate sterge doar ultimul document din serie.")
    if row["collects"] and fields.flag(params, "deleteCollect") == "0":
        raise OblioError("Documentul are incasari.")
    if row["spv"]:
        raise OblioError("Documentul a fost trimis in SPV.")
    del company.documents[row["id"]]
    company.keys = {key: kept for key, kept in company.keys.items() if kept != row["id"]}
    source = company.documents.get(row["reverses"] or "")
    if source is not None:
        store.amend(source, reversed_by=[key for key in source["reversed_by"] if key != row["id"]])
    if last:
        series.next -= 1
    store.version += 1
    return "Documentul a fost sters."


def send(store: Store, company: Company, params: dict[str, Any], settings: Settings) -> Row:
    """Hand an invoice to the tax authority, which decides in a while: errors where the client's county is missing."""
    row = found(company, "invoice", params)
    if row["canceled"] == "1":
        raise OblioError("Factura este anulata.")
    if row["spv"] and status(row, store.now())["code"] != ERRORS:
        raise OblioError("Factura a fost deja trimisa in SPV.")
    outcome = ACCEPTED if row["client"]["state"] else ERRORS
    store.amend(row, spv={"decides": store.now() + settings.spv_seconds, "outcome": outcome})
    return row


def status(row: Row, now: float) -> dict[str, Any]:
    """What the tax authority says of an invoice now."""
    spv = row["spv"]
    code = NOT_SENT if spv is None else PROCESSING if now < spv["decides"] else spv["outcome"]
    return {"text": _SAID[code], "sent": code in (PROCESSING, ACCEPTED), "code": code}

"""The sandbox's SmartBill as a plain object: a request goes in, an answer comes out; waiting is left to others."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from accord.sandbox.clock import SandboxClock
from accord.sandbox.faults import Faults
from accord.sandbox.smartbill import routes
from accord.sandbox.smartbill.company import CIF, Company
from accord.sandbox.smartbill.errors import SmartBillError, envelope, problem, refusal, unauthorized, web_page
from accord.sandbox.smartbill.limits import Limits
from accord.sandbox.spoil import spoil
from accord.sandbox.stats import Stats
from accord.sandbox.wire import Answer, Ask

EMAIL = "api@atelier.example"
TOKEN = "sandbox-smartbill-token"  # noqa: S105 - it opens nothing but the sandbox
NO_RIGHTS = "sandbox-smartbill-reader"
"""A token of a user who may read, and not issue."""

_WRAPPED = {"/series": "sbcSeries", "/tax": "sbcTaxes", "/invoice/paymentstatus": "sbcInvoicePaymentStatusResponse"}
_PAGE = b"<html><head><title>SmartBill</title></head><body><h1>Autentificare</h1></body></html>"
_BEFORE = ("rate_limit", "unauthorized", "redirect", "drop_before", "server_error", "error_text")


class Behaviour(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What sources disagree about, or SmartBill does at times."""

    next_number: Literal["int", "string"] = "int"
    parameters: Literal["strict", "lenient"] = "strict"  # whether seriesName is not understood
    block_status: Literal[403, 429] = 429
    shape: Literal["flat", "wrapped"] = "flat"
    unknown_field: Literal["problem", "page"] = "problem"
    error_text: Literal["plain", "html"] = "plain"


@dataclass
class Begun:
    """A request between its beginning and its end; `answer` is set when it ended before any work."""

    ask: Ask
    name: str = "unknown"
    work: routes.Work | None = None
    token: str = ""
    given: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    answer: Answer | None = None


class SmartBill:
    """One company, with its tokens, faults, limit and counters."""

    def __init__(self, clock: SandboxClock, *, seed: int = 1) -> None:
        self.clock = clock
        self.company = Company(clock.now)
        self.faults = Faults(seed)
        self.behaviour = Behaviour()
        self.limits = Limits()
        self.stats = Stats()

    @property
    def version(self) -> int:
        """Grows with everything that a saved state would hold."""
        return self.company.version

    def answer(self, ask: Ask) -> Answer:
        """Begin and finish at once, without the waiting."""
        return self.finish(self.begin(ask))

    def begin(self, ask: Ask) -> Begun:
        """Everything up to the work: faults, the token, the limit, parameters."""
        begun = Begun(ask)
        try:
            self._begin(begun)
        except SmartBillError as error:
            begun.answer = self._failed(begun, error)
        return begun

    def _begin(self, begun: Begun) -> None:
        ask = begun.ask
        begun.name, begun.work = routes.find(ask.method, ask.path)
        now = self.clock.now()
        begun.token = _token(ask.headers.get("authorization"))
        if (fault := self.faults.first(_BEFORE, ask.method, ask.path)) is not None:
            if fault.kind == "rate_limit":
                self.limits.block(begun.token, now)
            elif fault.kind == "drop_before":
                begun.answer = Answer(0, {}, b"", "none")
                return
            else:
                begun.answer = self._refused(begun, fault.kind, fault.status, fault.value)
                return
        if not self.limits.take(begun.token, now):
            raise SmartBillError(self.behaviour.block_status, envelope("Ati depasit numarul maxim de apeluri permise."))
        begun.given = self._given(ask)
        self._check(begun)
        begun.wait = self.faults.latency(ask.method, ask.path)

    def _refused(self, begun: Begun, kind: str, status: int, text: str) -> Answer:
        if kind == "redirect":
            return Answer(302, {"location": "https://elsewhere.example.test/login"}, b"")
        if kind == "unauthorized":
            return self._failed(begun, unauthorized())
        if kind == "error_text":
            return self._answer(begun, 200, envelope(text or "A aparut o eroare. Va rugam incercati mai tarziu."))
        return self._failed(begun, web_page(status, "Internal Server Error"))

    def _given(self, ask: Ask) -> dict[str, str]:
        given = dict(parse_qsl(ask.query, keep_blank_values=True))
        if self.behaviour.parameters == "lenient" and "seriesName" in given:
            given.setdefault("seriesname", given.pop("seriesName"))
        return given

    def _check(self, begun: Begun) -> None:
        """Headers, rights and the company, as far as they can be told before the body is read."""
        ask = begun.ask
        accept = ask.headers.get("accept", "*/*")
        if "application/pdf" in accept:
            text = "The Accept header is not supported."
            raise problem(406, "invalid_accept_header", text, ask.path)
        if ask.method == "POST":
            if not ask.headers.get("content-type", "").startswith("application/json"):
                raise problem(415, "unsupported_media_type", "The Content-Type is not supported.", ask.path)
            cif = _company_of(ask.body)
        else:
            cif = begun.given.get("cif")
        if cif is None:
            raise SmartBillError(500, envelope("Internal Server Error!", documentId=None))
        if cif != CIF:
            raise unauthorized("Firma la care incercati sa va conectati nu mai este disponibila in Cloud.")
        if begun.token == NO_RIGHTS and ask.method != "GET":
            what = "incasari" if begun.name.startswith("/payment") else "facturi"
            raise refusal(f"Nu aveti dreptul de a adauga {what}", 403)

    def finish(self, begun: Begun) -> Answer:
        """Do the work, and spoil the answer if a fault wants it."""
        answer = begun.answer or self._work(begun)
        answer = spoil(self.faults, begun.ask, answer, rows=answer.headers.get("content-type") == "application/json")
        self.stats.count(begun.name, 0 if answer.manner == "none" else answer.status)
        if begun.token:
            limit = self.limits.headers(begun.token, self.clock.now())
            answer = answer._replace(headers={**answer.headers, **limit})
        return answer

    def _work(self, begun: Begun) -> Answer:
        assert begun.work is not None  # noqa: S101 - begin() ended early otherwise
        padded = self.behaviour.next_number == "string"
        try:
            done = begun.work(routes.Call(self.company, begun.given, begun.ask.body, begun.ask.path, padded))
        except SmartBillError as error:
            return self._failed(begun, error)
        return self._pdf(begun, done) if isinstance(done, bytes) else self._answer(begun, 200, done)

    def _pdf(self, begun: Begun, body: bytes) -> Answer:
        ask = begun.ask
        if self.faults.first(("pdf_html",), ask.method, ask.path) is not None:
            return Answer(200, {"content-type": "text/html"}, _PAGE)
        accept = ask.headers.get("accept", "*/*")
        name = f"factura{begun.given['seriesname']}{begun.given['number']}.pdf"
        type_ = accept if accept != "*/*" else "application/octet-stream"
        return Answer(200, {"content-type": type_, "content-disposition": f'attachment; filename="{name}"'}, body)

    def _failed(self, begun: Begun, error: SmartBillError) -> Answer:
        body = error.body
        if isinstance(body, dict) and "errors" in body and self.behaviour.unknown_field == "page":
            return self._failed(begun, web_page(500, "Internal Server Error"))
        if isinstance(body, str):
            return Answer(error.status, {"content-type": "text/html"} | error.headers, body.encode())
        if body.get("errorText") and self.behaviour.error_text == "html":
            body = {**body, "errorText": f"{body['errorText']}<br/><b>Detalii</b><div>cod intern</div>"}
        return self._answer(begun, error.status, body, error.headers)

    def _answer(self, begun: Begun, status: int, body: dict[str, Any], more: dict[str, str] | None = None) -> Answer:
        if self.behaviour.shape == "wrapped" and "errorText" in body:
            body = {_WRAPPED.get(begun.name, "sbcResponse"): body}
        return Answer(status, {"content-type": "application/json", **(more or {})}, msgspec.json.encode(body))

    def dump(self) -> dict[str, Any]:
        """Everything that is to survive a restart, as JSON values."""
        return {"company": self.company.dump()}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.company.load(dumped["company"])


def _token(authorization: str | None) -> str:
    scheme, _, rest = (authorization or "").partition(" ")
    try:
        email, _, token = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized() from None
    if scheme.lower() != "basic" or email != EMAIL or token not in (TOKEN, NO_RIGHTS):
        raise unauthorized()
    return token


def _company_of(body: bytes) -> str | None:
    """The CIF in a body that may turn out to be none; one that can not be read is complained of later."""
    try:
        given = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return CIF
    cif = given.get("companyVatCode") if isinstance(given, dict) else CIF
    return cif if isinstance(cif, str) or cif is None else CIF

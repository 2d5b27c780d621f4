"""The action that issues an invoice for a settled payment which belongs to none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from accord.actions import Look, Sent, Twin, Waits
from accord.clock import Clock, Until
from accord.documents import Party
from accord.errors import Refused
from accord.money import UnknownCurrency, exponent, format_amount
from accord.records import Kind, Payment, Record

_BUCHAREST = ZoneInfo("Europe/Bucharest")


class Paid(NamedTuple):
    """A settled payment as it is now, and who paid it."""

    key: str
    amount: int  # in the currency's smallest unit
    currency: str
    customer: str | None
    client: Party

    def __repr__(self) -> str:
        """Without the values, which are people's names and money."""
        return f"<Paid {self.key}>"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment does not tell of its invoice: its one line, whose price includes VAT, and its row of numbers."""

    product: str
    vat_name: str = ""  # as the account calls its rate
    vat_rate: str = "0"  # in percent
    series: str = ""
    proformas: str = ""  # the series of the proformas that invoices are made of, where that is how it is done
    language: str = "RO"
    unit: str = "buc"


class Order(NamedTuple):
    """An invoice to be issued."""

    paid: Paid
    mark: str  # printed on it, so that it is known again
    day: str

    @property
    def price(self) -> str:
        """What was paid, VAT included, as a decimal number."""
        return f"{Decimal(self.paid.amount).scaleb(-exponent(self.paid.currency)):f}"

    @property
    def mention(self) -> str:
        """What is printed on it."""
        return f"Ref. {self.mark}"

    def __repr__(self) -> str:
        return f"<Order {self.mark}>"


class Payments(Protocol):
    """Where payments are read from."""

    def paid(self, key: str) -> Paid:
        """A payment as it is now. Raises NotNeeded where it is given no invoice, Refused where it can not be."""

    def close(self) -> None: ...


class Issuer(Protocol):
    """A system that issues invoices, as an action sees it (`accord.actions.Action`)."""

    account: str
    steps: Sequence[str]
    heeds: float | None
    waits: Waits

    def admit(self) -> None:
        """Raise Misconfigured where another company or account is reached than so far under this name."""

    def check(self) -> None:
        """Raise Misconfigured where the account lacks what the terms name."""

    def payload(self, order: Order) -> bytes: ...

    def before(self, sent: Sent) -> tuple[float | None, Mapping[str, Any]]: ...

    def send(self, sent: Sent, until: Until) -> Twin: ...

    def find(self, sent: Sent) -> Look: ...

    def close(self) -> None: ...


class IssueInvoice:
    """One invoice for each payment that is settled from `since` on: `accord.actions.Action`."""

    name, kind = "issue-invoice", Kind.PAYMENT

    def __init__(self, since: int, payments: Payments, issuer: Issuer, clock: Clock) -> None:
        self.since = since
        self._payments, self._issuer, self._clock = payments, issuer, clock
        self._admitted = False
        self.account, self.steps = issuer.account, issuer.steps
        self.heeds, self.waits = issuer.heeds, issuer.waits

    def wants(self, record: Record) -> bool:
        """Whether the payment is settled and nothing of it was given back."""
        if not isinstance(record, Payment) or record.status != "succeeded":
            return False
        return record.captured > 0 and not record.refunded and not record.disputed

    def overtaken(self, record: Record) -> str | None:
        """What is given back after its invoice was issued is taken back by a person, who knows what it was for."""
        if not isinstance(record, Payment) or not (record.refunded or record.disputed):
            return None
        if not record.refunded:
            return "the payment was disputed since; once the money is lost, issue a storno or a credit note"
        given_back = format_amount(record.refunded, record.currency)
        return f"{given_back} of the payment was given back since: issue a storno or a credit note over that"

    def compose(self, key: str, mark: str) -> bytes:
        """The invoice of a payment as it is now, made out on this day in Bucharest."""
        paid = self._payments.paid(key)
        try:
            exponent(paid.currency)
        except UnknownCurrency as error:
            raise Refused(str(error)) from None
        day = datetime.fromtimestamp(self._clock.now(), _BUCHAREST).date().isoformat()
        return self._sure().payload(Order(paid, mark, day))

    def before(self, sent: Sent) -> tuple[float | None, Mapping[str, Any]]:
        """As the issuer's."""
        return self._sure().before(sent)

    def send(self, sent: Sent, until: Until) -> Twin:
        """As the issuer's."""
        return self._sure().send(sent, until)

    def find(self, sent: Sent) -> Look:
        """As the issuer's."""
        return self._sure().find(sent)

    def _sure(self) -> Issuer:
        """The issuer, once it is sure in whose name it issues."""
        if not self._admitted:
            self._issuer.admit()
            self._admitted = True
        return self._issuer

    def close(self) -> None:
        """Give the connections back."""
        self._payments.close()
        self._issuer.close()

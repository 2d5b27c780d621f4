"""Bugs planted in the actions: each must be caught under the faults that show it, by an invariant that it breaks."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

from acting_faults import Profile
from faults import KILL, LATE, LOST, REPLY_LOST, SUSPEND
from planted import Mutant, Patches, register
from schedule import Patch

from accord import acting as core
from accord.actions import Look, Sent, Twin, Waits
from accord.clock import Until
from accord.ledger import actions as ledger_actions
from accord.systems.smartbill.issue import SmartBillIssuer
from accord.systems.stripe.paid import StripePayments

BUSY = {"buy": 0.1, "refund": 0.0, "jump": 0.05, "skew": 0.0, "meddle": 0.0}
LOSSES = {LOST: 0.2, REPLY_LOST: 0.3}

KILLED = Profile("killed behind a call", rates={KILL: 0.4, REPLY_LOST: 0.2}, moves=BUSY)
LOSING = Profile("answers are lost", rates=LOSSES, moves=BUSY)
SLOW = Profile("effects come late", rates={LATE: 0.4}, moves=BUSY, delay=595.0)
SLEEPY = Profile(
    "workers sleep before they send", rates={SUSPEND: 0.4}, moves=BUSY, naps=(900, 5000), naps_at="POST", workers=2
)
REFUNDS = Profile("refunds meanwhile", rates={REPLY_LOST: 0.5}, moves={**BUSY, "refund": 0.1})
MEDDLED = Profile("numbers are given out again", rates={REPLY_LOST: 0.6, KILL: 0.3}, moves={**BUSY, "meddle": 0.3})
BILLED = Profile("payments of invoices", rates={}, moves=BUSY, kinds=("customer", "invoice"))

MUTANTS: dict[str, Mutant] = {}


def _planted(profile: Profile, system: str, *breaks: str) -> Callable[[Patches], Patches]:
    return register(MUTANTS, replace(profile, system=system), *breaks)


@_planted(KILLED, "smartbill", "A1")
def no_intent() -> list[Patch]:
    """It is sent first, and written down afterwards."""

    def send(self: Any, row: Any, payload: bytes, until: Until, *_: Any) -> Any:
        made = {step: core._note(row)[step] for step in self._action.steps[: row.step]}
        sent = Sent(self._action.steps[row.step], row.mark, payload, made, 1)
        noted = dict(self._action.before(sent)[1])
        twin = self._action.send(sent._replace(note={**noted, **made}), until)
        sealed = ledger_actions.seal(self._ledger.cipher, row, payload)
        return self._made(row._replace(payload=sealed), [twin])

    return [(core._Actor, "_send", send)]


@_planted(LOSING, "stripe", "A1")
def key_per_attempt() -> list[Patch]:
    """Each attempt has a key of its own."""
    real = core._Actor._sent

    def sent(self: Any, row: Any) -> Sent:
        one = real(self, row)
        return one._replace(mark=f"{one.mark}-{one.attempt}")

    return [(core._Actor, "_sent", sent)]


@_planted(LOSING, "smartbill", "A1")
def no_lookup() -> list[Patch]:
    """What was not answered is sent again, once it is quiet, without a look."""

    def find(self: Any, sent: Sent) -> Look:
        return Look()

    return [(SmartBillIssuer, "find", find)]


@_planted(LOSING, "oblio-error", "A3")
def no_lookup_by_key() -> list[Patch]:
    """A key that was used is answered with an error, and nobody looks whether there is an invoice."""
    real = core._Actor._look

    def look(self: Any, row: Any, until: Until) -> Any:
        with mock.patch.object(self, "_action", wraps=self._action) as blind:
            blind.find = lambda sent: Look()
            for name in ("heeds", "waits", "steps", "account", "name", "kind"):
                setattr(blind, name, getattr(blind._mock_wraps, name))
            return real(self, row, until)

    return [(core._Actor, "_look", look)]


@_planted(SLOW, "smartbill", "A1")
def no_quiesce() -> list[Patch]:
    """What is not found at once is sent again, though what was sent may still have its effect."""
    return [(Waits, "quiet", property(lambda self: self.send))]


@_planted(SLEEPY, "smartbill", "A1")
def no_deadline() -> list[Patch]:
    """A worker that slept sends all the same, long after others took over."""
    return [(Until, "left", lambda self, clock: math.inf)]


@_planted(REFUNDS, "oblio", "A3")
def drop_intent() -> list[Patch]:
    """What was sent is given up, since the payment was refunded meanwhile."""
    real = core._Actor._look

    def look(self: Any, row: Any, until: Until) -> Any:
        self._action.compose(row.key, row.mark)
        return real(self, row, until)

    return [(core._Actor, "_look", look)]


@_planted(MEDDLED, "smartbill", "A3")
def number_reuse() -> list[Patch]:
    """A proforma is known by its number alone, which was given out again."""

    def marked(self: Any, first: int, end: int, mark: str) -> list[Twin]:
        written = [str(number).zfill(4) for number in range(first, end)]
        return [Twin(f"PRO {number}", "PRO", number) for number in written]

    return [(SmartBillIssuer, "_require_own", lambda *_: None), (SmartBillIssuer, "_marked", marked)]


@_planted(BILLED, "stripe", "A6")
def action_loop() -> list[Patch]:
    """The payment of an invoice is given an invoice."""
    return [(StripePayments, "_require_free", lambda *_: None)]


@_planted(REFUNDS, "stripe", "A4")
def payload_rebuilt() -> list[Patch]:
    """What is sent again under its key is made anew, from what the payment is by then."""
    real = core._Actor._sent

    def sent(self: Any, row: Any) -> Sent:
        one = real(self, row)
        return one._replace(payload=one.payload.replace(b"Comanda", b"Comanda%2B" if one.attempt > 1 else b"Comanda"))

    return [(core._Actor, "_sent", sent)]

"""Bugs planted in what reads and shows documents: each must be caught under the faults that show it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from documents_faults import DISTURBED, Profile
from documents_portal import ApiPortal
from faults import KILL, LATE, LOST, REPLY_LOST, SUSPEND
from planted import Mutant, Patches, register
from schedule import Patch

from accord.ledger import links
from accord.systems.oblio.recent import Found, Recent
from accord.systems.oblio.walk import Walk
from accord.systems.portal_api.client import PortalApi
from accord.systems.smartbill import source as smartbill
from accord.systems.smartbill import walk

_PLAIN = Profile(
    rates={},
    moves={"change": 0.15, "jump": 0.03, "skew": 0.0},
    modes=("changes",),
    workers=2,
    threads=False,
    dates=True,
    alike=False,
    zombies=False,
    sticky=0.5,
    first="read",
    target="sql",
)
PAID = {"pay": 2.0, "issue": 1.0}
GIVEN_OUT_AGAIN = {"issue": 1.0, "delete": 1.0, "pay": 0.5}

MOVING = replace(
    _PLAIN, name="a list that moves while it is first read", first=DISTURBED, changes=PAID, steps=1, documents=12
)
DELETED = replace(
    _PLAIN, name="the last numbers are deleted", changes={"pay": 1.0, "delete": 1.0, "issue": 0.5}, documents=12
)
REUSED = replace(_PLAIN, name="numbers are given out again", changes=GIVEN_OUT_AGAIN)
POLLED = replace(_PLAIN, name="payments", changes=PAID)
SLEEPY = replace(
    _PLAIN,
    name="workers that sleep while they read numbers that are given out again",
    changes=GIVEN_OUT_AGAIN,
    rates={SUSPEND: 0.6},
    workers=3,
    zombies=True,
)
LATER = replace(
    _PLAIN, name="documents that reach the portal late", target="api", changes=PAID, rates={LATE: 0.4, REPLY_LOST: 0.4}
)
LOSING = replace(
    _PLAIN, name="a portal that can not be reached", target="api", changes=PAID, rates={LOST: 0.4, KILL: 0.1}
)

MUTANTS: dict[str, Mutant] = {}


def _planted(profile: Profile, system: str, *breaks: str) -> Callable[[Patches], Patches]:
    return register(MUTANTS, replace(profile, system=system), *breaks)


@_planted(MOVING, "oblio", "D10")
def shifted_page() -> list[Patch]:
    """The walk trusts its offsets, although the list moved up while it was read."""
    return [(Walk, "_look_back", lambda self, place: ([], None))]


@_planted(MOVING, "oblio", "D10")
def one_way_only() -> list[Patch]:
    """The walk looks for rows that came twice, and not for numbers that are gone."""
    return [(Walk, "_undisturbed", lambda self, first, place: True)]


@_planted(DELETED, "oblio", "D1")
def no_sweep() -> list[Patch]:
    """What a rescan did not meet is not asked for."""
    return [(links, "unseen", lambda *_: ([], 0))]


@_planted(POLLED, "oblio", "D1", "D2", "D8", "D9")
def gone_unasked() -> list[Patch]:
    """What a list does not show any more is taken for deleted, without being asked for."""

    def found(self: Any, step: Any, rows: Any, known: Any, following: Any) -> Found:
        return Found([*rows], sorted({*known} - {row.key for row in rows}), following)

    return [(Recent, "_found", found)]


@_planted(POLLED, "oblio", "D9")
def recent_only() -> list[Patch]:
    """Only what is new is looked for: what was open is not asked for again."""
    real = Recent.take

    def take(self: Any, step: Any) -> Found:
        found = real(self, step)
        return found if found.next is None or found.next.list == "new" else found._replace(next=None)

    return [(Recent, "take", take)]


@_planted(POLLED, "smartbill", "D9")
def open_unpolled() -> list[Patch]:
    """The same of numbers: those below the last known one are not asked for again."""
    return [(smartbill.Invoices, "_polled", lambda self, one, known, lo, now: [])]


@_planted(REUSED, "smartbill", "D3", "D4")
def number_reuse() -> list[Patch]:
    """An invoice is known by its number alone, which was given out again."""
    return [(walk, "differs", lambda before, now: False)]


@_planted(SLEEPY, "smartbill", "D3", "D4")
def fetched_by_number() -> list[Patch]:
    """What is asked for by its key is whatever stands under the number."""
    return [(smartbill.Invoices, "_is_another", lambda self, before, found, *_: False)]


@_planted(LATER, "oblio", "D2", "D3")
def remote_rev() -> list[Patch]:
    """The portal takes lower revs than it shows."""
    return [(ApiPortal, "takes", lambda self, shown, rev: True)]


@_planted(LOSING, "oblio", "D1", "D9")
def taken_before_it_was() -> list[Patch]:
    """A document counts as taken before the portal's answer, and is not sent again."""
    real = PortalApi._put

    def put(self: Any, connection: str, rev: int, record: Any) -> None:
        self._taken.add((connection, record.key, rev))
        real(self, connection, rev, record)

    return [(PortalApi, "_put", put)]

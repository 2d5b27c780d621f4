"""Which faults a schedule of documents suffers and how often, drawn anew for each seed."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import ClassVar

from faults import FITTING as CORE
from faults import KILL, LATE, LOST, RATES, REPLY_LOST, SUSPEND, THROTTLED, Mix

SYSTEMS = ("oblio", "smartbill")
TARGETS = ("sql", "api")

FITTING = {
    **CORE,
    "portal": {LOST: 0.3, REPLY_LOST: 0.5, LATE: 0.5, THROTTLED: 0.2, SUSPEND: 0.4, KILL: 0.2},
}
"""What can happen to a call of each port, and the factor that makes its rate bearable; `portal` is the one by HTTP."""

CHANGES = (
    "issue",
    "delete",
    "pay",
    "unpay",
    "cancel",
    "restore",
    "storno",
    "edit",
    "authority",
    "skip",
    "spoil",
    "mend",
)
DISTURBED = "read while somebody worked"


@dataclass(frozen=True)
class Profile(Mix):
    """A mix of faults. What is None is drawn for each seed."""

    fitting: ClassVar[dict[str, dict[str, float]]] = FITTING
    name: str = "swarm"
    system: str | None = None
    target: str | None = None
    steps: int = 500
    workers: int | None = None
    rates: dict[str, float] | None = None
    moves: dict[str, float] = field(default_factory=dict)
    changes: dict[str, float] | None = None  # weights
    modes: tuple[str, ...] | None = None
    documents: int = 8  # at the beginning
    first: str | None = None  # what came before: "nothing", "read", or "read while somebody worked"
    threads: bool | None = None
    dates: bool | None = None
    alike: bool | None = None  # whether a number that is given out again may come to the same total
    zombies: bool | None = None
    naps: tuple[float, ...] = (5, 31, 65, 200, 900, 5000)
    naps_at: str = ""
    sticky: float | None = None
    kinds: str = "documents"

    def drawn(self, rng: Random) -> "Profile":
        """The profile with everything decided."""
        faults = sorted({fault for fits in FITTING.values() for fault in fits})
        rates = {fault: rng.choice(RATES) for fault in faults}
        changes = {change: rng.choice((0.3, 1.0, 3.0)) for change in CHANGES}
        if rng.random() < 0.75:
            changes["spoil"] = changes["mend"] = 0.0
        moves = {
            "change": rng.choice((0.03, 0.08, 0.2)),
            "jump": rng.choice((0.01, 0.04)),
            "skew": rng.choice((0.0, 0.01)),
        }
        dates = rng.random() < 0.7
        drawn = replace(
            self,
            system=self.system or rng.choice(SYSTEMS),
            target=self.target or rng.choice(TARGETS),
            workers=self.workers or rng.choice((1, 2, 2, 3)),
            rates=rates if self.rates is None else {**dict.fromkeys(rates, 0.0), **self.rates},
            moves={**moves, **self.moves},
            changes=changes if self.changes is None else self.changes,
            modes=self.modes or rng.choice((("changes",), ("changes",) * 3 + ("rescan", "nightly"))),
            first=self.first or rng.choice(("nothing", "read", DISTURBED)),
            threads=rng.random() < 0.3 if self.threads is None else self.threads,
            dates=dates if self.dates is None else self.dates,
            alike=rng.random() < 0.3 if self.alike is None else self.alike,
            zombies=rng.random() < 0.5 if self.zombies is None else self.zombies,
            sticky=rng.choice((0.0, 0.5, 0.9)) if self.sticky is None else self.sticky,
        )
        if not drawn.dates:  # then the source is asked by the host's clock, which must be right
            drawn.moves["skew"] = 0.0
        return drawn

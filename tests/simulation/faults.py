"""Which faults a schedule suffers and how often: drawn anew for each seed, so that rare mixes come up too."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

RATES = (0.0, 0.0, 0.03, 0.1, 0.4)

OK = "ok"
KILL = "kill"
SUSPEND = "suspend"
LOST = "request lost"
REPLY_LOST = "reply lost"
THROTTLED = "throttled"
FAILED = "commit failed"
UNKNOWN = "commit unknown"
AWAY = "database away"
UNKNOWN_AWAY = "commit unknown, then away"
LATE = "late effect"

FITTING = {
    # port: fault and the factor that makes its rate bearable: a run that meets it is lost, or nearly not at all
    "source": {LOST: 0.25, REPLY_LOST: 0.25, THROTTLED: 0.25, SUSPEND: 0.25, KILL: 0.08},
    "read": {AWAY: 0.02, SUSPEND: 0.15, KILL: 0.05},
    "ledger": {FAILED: 0.5, UNKNOWN: 0.5, AWAY: 0.03, UNKNOWN_AWAY: 0.06, SUSPEND: 0.25, KILL: 0.08},
    "target": {FAILED: 0.5, UNKNOWN: 0.5, AWAY: 0.3, UNKNOWN_AWAY: 0.4, SUSPEND: 0.8, KILL: 0.3},
}
"""What can happen to a call of each port."""

CHANGES = (
    "customer",
    "payment",
    "adopt",
    "refund",
    "dispute",
    "rename",
    "status",
    "delete",
    "flip",
    "poison",
    "heal",
    "leg",
    "hide",
    "repel",
    "stick",
)


class Mix:
    """A mix of faults, of whichever family of schedules: what a world asks of it."""

    __slots__ = ()

    fitting: ClassVar[dict[str, dict[str, float]]]  # for each port; as FITTING above
    steps: int
    workers: int | None
    rates: dict[str, float] | None
    naps: tuple[float, ...]
    naps_at: str
    sticky: float | None

    def drawn(self, rng: Random) -> Any:
        """The profile with everything decided."""
        raise NotImplementedError

    def verdict(self, rng: Random, port: str, what: str) -> str:
        """What happens to the next call of a port."""
        assert self.rates is not None
        roll = rng.random()
        for fault, factor in self.fitting[port].items():
            roll -= self.rates[fault] * factor
            if roll < 0:
                return fault if fault != SUSPEND or self.naps_at in what else OK
        return OK


@dataclass(frozen=True, slots=True)
class Profile(Mix):
    """A mix of faults. What is None is drawn for each seed."""

    fitting: ClassVar[dict[str, dict[str, float]]] = FITTING
    name: str = "swarm"
    steps: int = 170
    workers: int | None = None
    rates: dict[str, float] | None = None  # of the faults above, before their factor
    moves: dict[str, float] = field(default_factory=dict)  # per step
    changes: dict[str, float] | None = None  # weights
    mutate: float | None = None  # changes per step
    habits: dict[str, float] | None = None
    settled_first: bool | None = None  # whether a first run without faults comes before
    modes: tuple[str, ...] | None = None
    kinds: str | None = None  # name of a target
    threads: bool | None = None
    zombies: bool | None = None
    sticky: float | None = None
    customers: int = 4
    payments: int = 3
    outage: bool | None = None
    stop: bool | None = None
    rescan_at_end: bool | None = None
    naps: tuple[float, ...] = (5, 30, 65, 65, 200, 900, 5000)
    naps_at: str = ""  # only before calls whose name has this in it
    lag: int = 300  # what the core is told about how late things may appear
    run_again: bool | None = None  # whether a last run is watched to write nothing
    hasty: bool | None = None  # whether the first runs in peace are minutes apart, not hours

    def drawn(self, rng: Random) -> "Profile":
        """The profile with everything decided."""
        calm = rng.random() < 0.03
        rates = {fault: 0.0 if calm else rng.choice(RATES) for fits in FITTING.values() for fault in fits}
        poisoned = rng.random() < 0.25
        changes = {change: rng.choice((0.3, 1.0, 3.0)) for change in CHANGES}
        if not poisoned:
            changes["poison"] = changes["heal"] = changes["repel"] = 0.0
        changes["stick"] *= rng.random() < 0.2
        share = rng.choice((0.0, 0.0, 0.1, 0.4))
        changes["hide"] = changes["hide"] if share else 0.0
        stop = rng.random() < 0.06 if self.stop is None else self.stop
        if stop:
            changes |= {"vanish": 0.3, "misread": 1.0}
        modes = ("changes",) * 8 if not share else ("changes",) * 4 + ("rescan", "nightly") * round(share * 10)
        habits: dict[str, float] = {
            "page": rng.choice((2, 3, 4)),
            "late": rng.choice((0.0, 0.3, 0.8)),
            "lingers": rng.choice((0.0, 0.5)),
            "never": rng.choice((0.0, 0.0, 0.0, 0.1, 0.5)),
            "garbled": rng.choice((0.0, 0.03, 0.1)) if stop or rng.random() < 0.15 else 0.0,
            "twice": rng.choice((0.0, 0.2)),
            "ties": rng.choice((0.0, 0.3, 0.9)),
            "dates": rng.random() < 0.8,
        }
        moves = {
            "jump": rng.choice((0.01, 0.04)),
            "skew": rng.choice((0.0, 0.01)),
            "webhook": rng.choice((0.0, 0.04)),
            "remap": rng.choice((0.0, 0.0, 0.0, 0.03)),
        }
        return Profile(
            self.name,
            self.steps,
            self.workers or rng.choice((1, 2, 2, 3)),
            {**rates} if self.rates is None else {**dict.fromkeys(rates, 0.0), **self.rates},
            {**moves, **self.moves},
            self.changes or changes,
            rng.choice((0.02, 0.06, 0.15)) if self.mutate is None else self.mutate,
            {**habits, **(self.habits or {})},
            rng.random() < 0.5 if self.settled_first is None else self.settled_first,
            self.modes or modes,
            self.kinds or rng.choice(("own", "own", "disputes", "mapped")),
            rng.random() < 0.3 if self.threads is None else self.threads,
            rng.random() < 0.5 if self.zombies is None else self.zombies,
            rng.choice((0.0, 0.5, 0.8, 0.95)) if self.sticky is None else self.sticky,
            self.customers,
            self.payments,
            rng.random() < 0.04 if self.outage is None else self.outage,
            stop,
            rng.random() < 0.2 if self.rescan_at_end is None else self.rescan_at_end,
            self.naps,
            self.naps_at,
            self.lag,
            rng.random() < 0.3 if self.run_again is None else self.run_again,
            rng.random() < 0.3 if self.hasty is None else self.hasty,
        )

"""Which faults a schedule of bookings suffers and how often, drawn anew for each seed."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import ClassVar

from faults import FITTING as CORE
from faults import KILL, LATE, LOST, RATES, REPLY_LOST, SUSPEND, THROTTLED, Mix

from accord.pairing import Policy

FITTING = {
    **CORE,
    "calendar": {LOST: 0.3, REPLY_LOST: 0.4, LATE: 0.4, THROTTLED: 0.1, SUSPEND: 0.5, KILL: 0.2},
    "store": {LOST: 0.3, REPLY_LOST: 0.5, SUSPEND: 0.8, KILL: 0.3},
}
"""What can happen to a call of each port, and the factor that makes its rate bearable."""

CHANGES = (
    "book",
    "rebook",
    "retitle",
    "reassign",
    "cancel",
    "remove",
    "move",
    "delete",
    "restore",
    "replace",
    "touch",
    "copy",
    "own",
    "transfer",
    "repeat",
    "end_series",
    "move_copy",
    "forget",
    "reseat",
    "outage",
    "withdraw",
    "keep",
)
"""What people do: in the bookings as far as `remove`, then in the calendars, and then around both."""


@dataclass(frozen=True)
class Profile(Mix):
    """A mix of faults. What is None is drawn for each seed."""

    fitting: ClassVar[dict[str, dict[str, float]]] = FITTING
    name: str = "swarm"
    policy: Policy | None = None
    steps: int = 400
    workers: int | None = None
    rates: dict[str, float] | None = None
    moves: dict[str, float] = field(default_factory=dict)
    changes: dict[str, float] | None = None  # weights
    bookings: int = 4  # at the beginning
    first: bool | None = None  # whether all was in agreement at the beginning
    threads: bool | None = None
    rewrites: bool | None = None  # whether a server makes something else of a place
    omits: float | None = None  # how often a list leaves out an event that is there
    page: int | None = None  # events on a page of changes
    zombies: bool | None = None
    naps: tuple[float, ...] = (5, 31, 65, 200, 900, 5000)
    naps_at: str = ""
    sticky: float | None = None
    kinds: str = "bookings"
    modes: tuple[str, ...] = ("changes",)

    def drawn(self, rng: Random) -> "Profile":
        """The profile with everything decided."""
        faults = sorted({fault for fits in FITTING.values() for fault in fits})
        rates = {fault: rng.choice(RATES) for fault in faults}
        changes = {change: rng.choice((0.3, 1.0, 3.0)) for change in CHANGES}
        for rare in ("outage", "reseat", "forget", "remove", "repeat", "withdraw"):
            changes[rare] *= 0.2
        # What is moved into a calendar that is nobody's any more is heard by nobody.
        changes[rng.choice(("transfer", "reseat"))] = 0.0
        if changes["reseat"]:  # so is what a sleeper makes in one that could not be listened to meanwhile
            changes["withdraw"] = 0.0
        moves = {
            "change": rng.choice((0.03, 0.08, 0.2)),
            "jump": rng.choice((0.01, 0.04)),
            "skew": rng.choice((0.0, 0.01)),
        }
        return replace(
            self,
            policy=self.policy or rng.choice([*Policy]),
            workers=self.workers or rng.choice((1, 2, 2, 3)),
            rates=rates if self.rates is None else {**dict.fromkeys(rates, 0.0), **self.rates},
            moves={**moves, **self.moves},
            changes=changes if self.changes is None else self.changes,
            first=rng.random() < 0.5 if self.first is None else self.first,
            threads=rng.random() < 0.3 if self.threads is None else self.threads,
            rewrites=rng.random() < 0.3 if self.rewrites is None else self.rewrites,
            omits=rng.choice((0.0, 0.0, 0.3)) if self.omits is None else self.omits,
            page=self.page or rng.choice((1, 3)),
            zombies=rng.random() < 0.5 if self.zombies is None else self.zombies,
            sticky=rng.choice((0.0, 0.5, 0.9)) if self.sticky is None else self.sticky,
        )

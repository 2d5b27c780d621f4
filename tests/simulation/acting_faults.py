"""Which faults a schedule of actions suffers and how often, drawn anew for each seed."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import ClassVar

from faults import (
    AWAY,
    FAILED,
    KILL,
    LATE,
    LOST,
    RATES,
    REPLY_LOST,
    SUSPEND,
    THROTTLED,
    UNKNOWN,
    UNKNOWN_AWAY,
    Mix,
)

SYSTEMS = ("stripe", "oblio", "oblio-error", "smartbill")
KINDS = ("customer",) * 5 + ("guest", "invoice")

FITTING = {
    "issuer": {LOST: 0.5, REPLY_LOST: 1.0, LATE: 1.0, SUSPEND: 0.7, KILL: 0.5},
    "look": {LOST: 0.2, REPLY_LOST: 0.2, THROTTLED: 0.1, SUSPEND: 0.2, KILL: 0.1},
    "target": {FAILED: 0.2, UNKNOWN: 0.3, AWAY: 0.1, SUSPEND: 0.2, KILL: 0.2},
    "ledger": {FAILED: 0.4, UNKNOWN: 0.4, AWAY: 0.05, UNKNOWN_AWAY: 0.1, SUSPEND: 0.3, KILL: 0.2},
    "read": {AWAY: 0.02, SUSPEND: 0.1, KILL: 0.05},
}
"""What can happen to a call of each port, and the factor that makes its rate bearable."""


@dataclass(frozen=True)
class Profile(Mix):
    """A mix of faults. What is None is drawn for each seed."""

    fitting: ClassVar[dict[str, dict[str, float]]] = FITTING
    name: str = "swarm"
    system: str | None = None
    steps: int = 260
    workers: int | None = None
    rates: dict[str, float] | None = None
    moves: dict[str, float] = field(default_factory=dict)
    kinds: tuple[str, ...] = KINDS
    dates: bool | None = None
    lag: float | None = None
    delay: float | None = None
    naps: tuple[float, ...] = (5, 31, 65, 200, 900, 5000)
    naps_at: str = ""
    sticky: float | None = None

    def drawn(self, rng: Random) -> "Profile":
        """The profile with everything decided."""
        faults = {fault for fits in FITTING.values() for fault in fits}
        rates = {fault: rng.choice(RATES) for fault in sorted(faults)}
        dates = rng.random() < 0.7
        moves = {
            "buy": rng.choice((0.03, 0.08, 0.15)),
            "refund": rng.choice((0.0, 0.02)),
            "jump": rng.choice((0.01, 0.05)),
            "skew": rng.choice((0.0, 0.01)),
            "meddle": rng.choice((0.0, 0.0, 0.01)),
        }
        drawn = replace(
            self,
            system=self.system or rng.choice(SYSTEMS),
            workers=self.workers or rng.choice((1, 2, 2, 3)),
            rates=rates if self.rates is None else {**dict.fromkeys(rates, 0.0), **self.rates},
            moves={**moves, **self.moves},
            dates=dates if self.dates is None else self.dates,
            lag=rng.choice((0.0, 30.0, 115.0)) if self.lag is None else self.lag,
            delay=rng.choice((20.0, 200.0, 595.0)) if self.delay is None else self.delay,
            sticky=rng.choice((0.0, 0.5, 0.9)) if self.sticky is None else self.sticky,
        )
        if not drawn.dates:  # then only the ledger's clock tells how long ago something was sent
            drawn.moves["skew"] = 0.0
        return drawn

"""The simulator's command: `python tests/simulation/run.py --seeds 20000`, also `--mutants`, `--crash`, `--actions`,
`--documents`, `--bookings`."""

import argparse
import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import acting
import acting_mutants
import documenting
import documents_mutants
import mutants
import two_ways
import two_ways_mutants
from faults import KILL, UNKNOWN, Profile
from schedule import Outcome, Schedule, play, small
from world import Violation

from accord.pairing import Policy

TRACE = 25  # of the last things that happened, shown where a seed fails
HUNT = 300  # seeds within which a planted bug must be caught
ONE = Profile(
    name="one run, and a crash in it",
    steps=1,
    workers=1,
    rates={},
    moves={},
    changes={"rename": 1.0},
    mutate=0.0,
    kinds="disputes",
    threads=False,
    zombies=False,
    outage=False,
    stop=False,
    rescan_at_end=True,
    run_again=True,
)


def show(outcome: Outcome) -> str:
    """A violation as a person needs it: the seed that replays it, and what happened last."""
    lines = [f"seed {outcome.seed}, step {outcome.step}: {outcome.violation}"]
    return "\n  ".join(lines + [str(event) for event in outcome.trace[-TRACE:]])


PLAYS: dict[str, Any] = {
    "payments": play,
    "actions": acting.play,
    "documents": documenting.play,
    "bookings": two_ways.play,
}
PLANTED = {
    "payments": mutants.MUTANTS,
    "actions": acting_mutants.MUTANTS,
    "documents": documents_mutants.MUTANTS,
    "bookings": two_ways_mutants.MUTANTS,
}


def _play(family: str, seed: int) -> tuple[str | None, Counter[str]]:
    outcome = PLAYS[family](seed)
    return (show(outcome) if outcome.violation else None), outcome.seen


def hunt(name: str, family: str = "payments") -> tuple[bool, str]:
    """Whether a planted bug is caught, and by what: the first violation must be of an invariant that it breaks."""
    mutant = PLANTED[family][name]
    with mutant.planted():
        for seed in range(HUNT):
            outcome = PLAYS[family](seed, mutant.profile)
            if outcome.violation:
                return outcome.invariant in mutant.breaks, f"seed {seed}, {outcome.violation[:90]}"
    return False, f"nothing within {HUNT} seeds"


def _hunt(family: str, name: str) -> tuple[str, bool, str]:
    return name, *hunt(name, family)


def crashes(mode: str, settled_first: bool, every: int = 1) -> Iterator[tuple[str, str]]:
    """Kill a run at each of its calls, and leave each commit in doubt; what went wrong, if anything.

    A commit in doubt was done: killed at the next call, the run is one that died right behind it.
    """
    profile = replace(ONE, settled_first=settled_first)
    calls = len(_crashed(profile, mode, {}))
    for number in range(0, calls, every):
        for fault in (KILL, UNKNOWN):
            try:
                _crashed(profile, mode, {number: fault})
            except Violation as error:
                yield f"{mode}: {fault} at call {number}", str(error)


def _crashed(profile: Profile, mode: str, faults: dict[int, str]) -> list[str]:
    """One run with the faults, then peace; the ports that it called. Raises Violation."""
    with small():
        schedule = Schedule(7, profile)
        world = schedule.world
        try:
            for _ in range(6):
                schedule.change()
            world.true += 3600
            schedule.begin(mode)
            ports = world.follow(faults)
            schedule.peace()
        finally:
            world.close()
            schedule.home.ledger.close()
    return ports


def _crash(scenario: tuple[str, bool]) -> tuple[str, list[tuple[str, str]]]:
    return f"{scenario[0]}, {'later' if scenario[1] else 'first'} run", list(crashes(*scenario))


def _crash_acting(system: str) -> tuple[str, list[tuple[str, str]]]:
    return f"actions at {system}", list(acting.crashes(system))


def _crash_bookings(policy: Policy) -> tuple[str, list[tuple[str, str]]]:
    return f"bookings, policy {policy}", list(two_ways.crashes(policy))


def _rarely_collect() -> None:
    # What is imported stays, and what a schedule leaves behind is small: looking for it takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    logging.disable(logging.CRITICAL)


def _spread(call: Any, items: Iterable[Any], processes: int, chunk: int = 1) -> Iterator[Any]:
    with get_context("fork").Pool(processes, _rarely_collect) as pool:
        yield from pool.imap_unordered(call, items, chunk)


def seeds(first: int, count: int, processes: int, family: str = "payments") -> int:
    """Play schedules; how many broke an invariant."""
    began, bad, done, seen = time.monotonic(), 0, 0, Counter[str]()
    for found, met in _spread(partial(_play, family), range(first, first + count), processes, 10):
        done, seen = done + 1, seen + met
        if found:
            bad += 1
            print(found, flush=True)
        if done % 1000 == 0:
            print(
                f"{done} schedules, {bad} violations, {done / (time.monotonic() - began) * 60:.0f} a minute", flush=True
            )
    rate = count / (time.monotonic() - began) * 60
    print(f"{count} schedules from seed {first}: {bad} violations, {rate:.0f} a minute")
    print("met:", ", ".join(f"{what} {times}" for what, times in seen.most_common()))
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many schedules to play (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    parser.add_argument("--mutants", action="store_true", help="hunt the planted bugs instead")
    parser.add_argument("--crash", action="store_true", help="crash at every call of a run instead")
    for family in ("actions", "documents", "bookings"):
        text = f"schedules, and planted bugs, of the {family} instead"
        parser.add_argument(f"--{family}", dest="family", action="store_const", const=family, help=text)
    parser.set_defaults(family="payments")
    given = parser.parse_args()
    if given.crash and given.family == "documents":
        parser.error("--crash plays no documents")
    if given.mutants:
        bad, planted = 0, [*PLANTED[given.family]]
        for name, caught, how in _spread(partial(_hunt, given.family), planted, given.workers):
            print(f"{name}: {'' if caught else 'NOT CAUGHT AS IT MUST BE: '}{how}", flush=True)
            bad += not caught
        print(f"{len(planted)} planted bugs, {bad} not caught")
    elif given.crash:
        scenarios, bad = [(mode, later) for mode in ("changes", "rescan") for later in (False, True)], 0
        struck: dict[str, Any] = {
            "payments": (_crash, scenarios),
            "actions": (_crash_acting, acting.SYSTEMS),
            "bookings": (_crash_bookings, [*Policy]),
        }
        for name, found in _spread(*struck[given.family], given.workers):
            print(f"{name}: {len(found)} violations", *(f"\n  {where}: {what}" for where, what in found), flush=True)
            bad += len(found)
    else:
        bad = seeds(given.first, given.seeds, given.workers, given.family)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

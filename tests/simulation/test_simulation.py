"""A slice of the simulation: schedules, the planted bugs, crashes, and that a seed replays."""

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def command() -> ModuleType:
    """`run.py`, which puts its folder on the path of modules."""
    spec = importlib.util.spec_from_file_location("simulation_run", Path(__file__).with_name("run.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulation_run"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("family", "seeds", "faults"),
    [
        (
            "payments",
            60,
            (
                "ledger: kill",
                "ledger: commit unknown",
                "ledger: commit failed",
                "clock jumps",
                "event never",
                "single records looked for on a list",
            ),
        ),
        (
            "actions",
            60,
            ("issuer: late effect", "issuer: reply lost", "issuer: suspend", "issuer: kill", "clock is set"),
        ),
        (
            "documents",
            40,
            ("portal: reply lost", "source: kill", "number given out again", "came late", "sweep missed records"),
        ),
        (
            "bookings",
            40,
            (
                "calendar: reply lost",
                "calendar: late effect",
                "calendar: kill",
                "tokens died",
                "a list left something out",
                "a person got another calendar",
                "an account is away",
                "looked for an event by its booking",
            ),
        ),
    ],
)
def test_no_schedule_breaks_an_invariant(command: ModuleType, family: str, seeds: int, faults: tuple[str, ...]) -> None:
    met = Counter[str]()
    for seed in range(seeds):
        outcome = command.PLAYS[family](seed)
        assert outcome.violation is None, command.show(outcome)
        met += outcome.seen
    for what in faults:
        assert met[what], f"{what} was never met: the simulation has become tame"


@pytest.mark.parametrize(("family", "seed"), [("payments", 11), ("actions", 3), ("documents", 3), ("bookings", 3)])
def test_a_seed_replays_exactly(command: ModuleType, family: str, seed: int) -> None:
    first, again = (command.PLAYS[family](seed) for _ in range(2))
    assert first.trace
    assert first.digest == again.digest


def test_a_seed_replays_exactly_in_another_process(command: ModuleType) -> None:
    played = [command.play(seed).digest for seed in range(20)]
    script = "import run; print(*(run.play(seed).digest for seed in range(20)))"
    for hashed in ("1", "2"):  # the order of sets is another in each
        env = {**os.environ, "PYTHONHASHSEED": hashed}
        where = Path(__file__).parent
        again = subprocess.run([sys.executable, "-c", script], cwd=where, env=env, capture_output=True, check=True)
        assert again.stdout.decode().split() == played


def test_statements_made_once_change_nothing(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    mixes, templates = sys.modules["profiles"], sys.modules["templates"]
    profiles = [None] * 15 + [mixes.DELETES, mixes.FLIPS, mixes.GARBLED, mixes.KILLS, mixes.STOPS]

    def digests() -> list[str]:
        with sys.modules["planted"].fresh():
            return [command.play(seed, profile).digest for seed, profile in enumerate(profiles)]

    made_once = digests()
    monkeypatch.setattr(templates, "MADE", [])
    assert digests() == made_once


@pytest.mark.parametrize("family", ["payments", "actions", "documents", "bookings"])
def test_planted_bugs_are_caught_under_the_faults_that_show_them(command: ModuleType, family: str) -> None:
    """Each fifth of them here; the command hunts them all: run.py --mutants."""
    hunts = {name: command.hunt(name, family) for name in [*command.PLANTED[family]][::5]}
    assert {name: how for name, (caught, how) in hunts.items() if not caught} == {}


def test_a_first_run_may_be_killed_at_any_call(command: ModuleType) -> None:
    assert list(command.crashes("changes", settled_first=False, every=6)) == []


@pytest.mark.parametrize("system", ["stripe", "oblio-error", "smartbill"])
def test_each_call_of_an_action_may_meet_each_fault(command: ModuleType, system: str) -> None:
    assert list(command.acting.crashes(system, every=2)) == []


@pytest.mark.parametrize("policy", ["newest", "ask"])
def test_each_call_of_a_run_of_bookings_may_meet_each_fault(command: ModuleType, policy: str) -> None:
    assert list(command.two_ways.crashes(command.Policy(policy), every=3)) == []

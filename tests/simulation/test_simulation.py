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


def test_no_schedule_breaks_an_invariant(command: ModuleType) -> None:
    met = Counter[str]()
    for seed in range(60):
        outcome = command.play(seed)
        assert outcome.violation is None, command.show(outcome)
        met += outcome.seen
    faults = ("ledger: kill", "ledger: commit unknown", "ledger: commit failed", "clock jumps", "event never")
    for what in (*faults, "single records looked for on a list"):
        assert met[what], f"{what} was never met: the simulation has become tame"


def test_a_seed_replays_exactly(command: ModuleType) -> None:
    first, again = (command.play(11) for _ in range(2))
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
        with sys.modules["mutants"].fresh():
            return [command.play(seed, profile).digest for seed, profile in enumerate(profiles)]

    made_once = digests()
    monkeypatch.setattr(templates, "MADE", [])
    assert digests() == made_once


def test_each_planted_bug_is_caught_under_the_faults_that_show_it(command: ModuleType) -> None:
    hunts = {name: command.hunt(name) for name in command.MUTANTS}
    assert {name: how for name, (caught, how) in hunts.items() if not caught} == {}


def test_a_first_run_may_be_killed_at_any_call(command: ModuleType) -> None:
    assert list(command.crashes("changes", settled_first=False, every=6)) == []


def test_no_schedule_of_actions_breaks_an_invariant(command: ModuleType) -> None:
    met = Counter[str]()
    for seed in range(60):
        outcome = command.acting.play(seed)
        assert outcome.violation is None, command.show(outcome)
        met += outcome.seen
    for fault in ("issuer: late effect", "issuer: reply lost", "issuer: suspend", "issuer: kill", "clock is set"):
        assert met[fault], f"{fault} was never met: the simulation has become tame"


def test_each_bug_planted_in_the_actions_is_caught(command: ModuleType) -> None:
    hunts = {name: command.hunt(name, "actions") for name in command.acting_mutants.MUTANTS}
    assert {name: how for name, (caught, how) in hunts.items() if not caught} == {}


@pytest.mark.parametrize("system", ["stripe", "oblio-error", "smartbill"])
def test_each_call_of_an_action_may_meet_each_fault(command: ModuleType, system: str) -> None:
    assert list(command.acting.crashes(system, every=2)) == []


def test_a_seed_of_actions_replays_exactly(command: ModuleType) -> None:
    assert command.acting.play(3).digest == command.acting.play(3).digest


def test_no_schedule_of_documents_breaks_an_invariant(command: ModuleType) -> None:
    met = Counter[str]()
    for seed in range(40):
        outcome = command.documenting.play(seed)
        assert outcome.violation is None, command.show(outcome)
        met += outcome.seen
    for what in ("portal: reply lost", "source: kill", "number given out again", "came late", "sweep missed records"):
        assert met[what], f"{what} was never met: the simulation has become tame"


def test_each_bug_planted_in_the_documents_is_caught(command: ModuleType) -> None:
    hunts = {name: command.hunt(name, "documents") for name in command.documents_mutants.MUTANTS}
    assert {name: how for name, (caught, how) in hunts.items() if not caught} == {}


def test_a_seed_of_documents_replays_exactly(command: ModuleType) -> None:
    assert command.documenting.play(3).digest == command.documenting.play(3).digest


def test_no_schedule_of_bookings_breaks_an_invariant(command: ModuleType) -> None:
    met = Counter[str]()
    for seed in range(40):
        outcome = command.two_ways.play(seed)
        assert outcome.violation is None, command.show(outcome)
        met += outcome.seen
    for what in (
        "calendar: reply lost",
        "calendar: late effect",
        "calendar: kill",
        "tokens died",
        "a list left something out",
        "a person got another calendar",
        "an account is away",
        "looked for an event by its booking",
    ):
        assert met[what], f"{what} was never met: the simulation has become tame"


def test_each_bug_planted_in_the_two_ways_is_caught(command: ModuleType) -> None:
    hunts = {name: command.hunt(name, "bookings") for name in command.two_ways_mutants.MUTANTS}
    assert {name: how for name, (caught, how) in hunts.items() if not caught} == {}


def test_a_seed_of_bookings_replays_exactly(command: ModuleType) -> None:
    assert command.two_ways.play(3).digest == command.two_ways.play(3).digest

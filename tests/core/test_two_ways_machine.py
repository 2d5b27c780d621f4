"""Random work on both sides, with faults, and then peace: both sides equal, nothing twice, every conflict named."""

import importlib.util
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from accord.bookings import Status
from accord.errors import TryLater
from accord.ledger import pairs
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.schema import metadata
from accord.pairing import Policy


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FAKES, HOMES, OFFICES = _load("fake_calendars"), _load("one_home"), _load("one_office")


class _Clock:
    def __init__(self):
        self.time = 1_800_000_000.0

    def now(self):
        return self.time

    monotonic = now

    def sleep(self, seconds):
        self.time += seconds


class TwoWays(RuleBasedStateMachine):
    """People and runs in any order; an account that loses requests or answers for a while."""

    @initialize(policy=st.sampled_from([*Policy]), rewrites=st.booleans())
    def begin(self, policy, rewrites):
        engine = open_database("sqlite://", "the test's database")
        metadata.create_all(engine)
        clock = _Clock()
        ledger = Ledger(engine, Cipher(new_key()), clock)
        self.office = OFFICES.Office(ledger, clock, HOMES, FAKES, policy)
        self.done = self.office.google.done
        if rewrites:
            self.office.google.rewrites = lambda place: place and f"{place} (map)"
        self.office.book("b0")

    @property
    def keys(self):
        return sorted(key for key, one in self.office.bookings.held.items() if one.status is Status.BOOKED)

    @property
    def events(self):
        google = self.office.google
        return sorted((name, id) for name, of in google.held.items() for id in of)

    @rule(person=st.sampled_from(["ana", "dan", "eva"]), hour=st.integers(8, 17))
    def book(self, person, hour):
        self.office.book(f"b{len(self.office.bookings.held)}", person, hour)

    @precondition(lambda self: self.keys)
    @rule(
        data=st.data(),
        change=st.sampled_from(
            [
                {"start": "2027-02-01T08:00:00", "end": "2027-02-01T09:00:00"},
                {"title": "Another title"},
                {"person": "dan"},
                {"person": "eva"},
                {"status": Status.CANCELLED},
            ]
        ),
    )
    def change_a_booking(self, data, change):
        self.office.clock.sleep(1)
        self.office.bookings.change(data.draw(st.sampled_from(self.keys)), **change)

    @precondition(lambda self: self.events)
    @rule(data=st.data(), what=st.sampled_from(["move", "delete", "place", "title"]))
    def change_an_event(self, data, what):
        self.office.clock.sleep(1)
        google, (name, id) = self.office.google, data.draw(st.sampled_from(self.events))
        if what in ("move", "delete"):
            getattr(google, what)(name, id)
        else:
            google.change(name, id, **{what: "my own"})

    @rule()
    def a_token_dies(self):
        self.office.google.forget_tokens()

    @rule(lost=st.sampled_from(["request", "answer", "nothing"]))
    def lose(self, lost):
        def done(operation):
            outcome = None if lost == "request" else self.done(operation)
            return FAKES.NotDone(TryLater(f"the {lost} is lost")) if lost != "nothing" else outcome

        self.office.google.done = done

    @rule()
    def run(self):
        self.office.attempt()

    def teardown(self):
        if not hasattr(self, "office"):
            return
        here = self.office
        here.google.done = self.done
        for _ in range(6):
            here.clock.sleep(25_000)
            here.run()
        self.agree()
        here.google.asked.clear()
        here.run()
        assert not any(asked.startswith(("create", "update", "delete")) for asked in here.google.asked)
        here.ledger.engine.dispose()

    def agree(self):
        here = self.office
        waiting = {one.key for one in here.ledger.read(lambda c: pairs.conflicts(c, here.ledger.cipher))}
        assert {one.key for one in here.agreement().disagreements} <= waiting
        assert here.standing().conflicts == len(waiting)
        assert here.waiting() == 0
        for key, booking in here.bookings.held.items():
            shown = [*here.google.of("ana@x", key), *here.google.of("dan@x", key), *here.microsoft.of("eva@x", key)]
            assert len(shown) <= 1
            assert key in waiting or bool(shown) == (booking.takes is not None)
            assert msgspec.structs.asdict(booking)["version"] >= 1


TwoWays.TestCase.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=[*HealthCheck]
)
test_two_ways = TwoWays.TestCase

"""The inbox: each hint is dealt with once, and what can not be settled waits ever longer."""

import itertools
import threading

import pytest

from accord.ledger import batches, inbox, leases
from accord.ledger.inbox import Hint

SYNC = "payment-to-account/main"
NOW = 1_000_000.0


def receive(ledger, *hints, now=NOW, sync=SYNC):
    return ledger.write(lambda c: inbox.receive(c, sync, [Hint(*hint) for hint in hints], now))


def claim(ledger, name, now=NOW, most=100, kinds=("customer", "payment", "refund")):
    return [hint[:] for hint in ledger.write(lambda c: inbox.claim_due(c, SYNC, name, now, most, kinds))]


def again(ledger, key, event="again", now=NOW, waits_for=None):
    ledger.write(lambda c: inbox.look_again(c, SYNC, [("payment", key)], event, "why", now, waits_for))


def answer(ledger, name, kind="payment"):
    sealed = batches.Sealed(b"", 1)
    return ledger.write(lambda c: batches.add(c, SYNC, kind, sealed, 0, NOW, claim=name))


def close(ledger, name, *keys, kind="payment"):
    ledger.write(lambda c: inbox.close(c, name, kind, keys))


def waiting(ledger):
    return ledger.read(lambda c: inbox.waiting(c, SYNC))


def test_an_event_is_taken_once_however_often_it_comes(new_ledger):
    ledger = new_ledger()
    both = [("evt_1", "payment", "ch_1"), ("evt_1", "refund", "re_1")]
    receive(ledger, *both)
    receive(ledger, *both, both[0])
    assert claim(ledger, "a") == both
    close(ledger, "a", "ch_1")
    receive(ledger, *both)
    assert waiting(ledger) == 1


def test_all_that_is_due_on_a_record_is_dealt_with_by_one_fetch(new_ledger):
    ledger = new_ledger()
    hints = [("evt_1", "payment", "ch_1"), ("evt_2", "payment", "ch_2"), ("evt_3", "payment", "ch_1")]
    receive(ledger, *hints, ("evt_3", "refund", "ch_1"))
    assert claim(ledger, "a", most=1) == [hints[0], hints[2]]
    close(ledger, "a", "ch_1")
    assert claim(ledger, "b") == [hints[1], ("evt_3", "refund", "ch_1")]


def test_two_receivers_of_the_same_events_in_different_orders_take_each_once(new_ledger, at_once):
    ledger = new_ledger()
    events = [(f"evt_{n}", "payment", f"ch_{n}") for n in range(200)]
    orders = iter([events, events[::-1], events[::2] + events[1::2], events])
    lock = threading.Lock()

    def work():
        with lock:
            mine = next(orders)
        receive(ledger, *mine)

    at_once(work, 4)
    assert waiting(ledger) == 200


def test_what_is_claimed_is_nobody_elses_for_as_long_as_a_lease(new_ledger):
    ledger = new_ledger()
    receive(ledger, ("evt_1", "payment", "ch_1"))
    assert len(claim(ledger, "a")) == 1
    assert claim(ledger, "b", now=NOW + leases.TTL - 1) == []
    assert ledger.read(lambda c: inbox.in_hand(c, SYNC, NOW)) == 1
    assert len(claim(ledger, "b", now=NOW + leases.TTL)) == 1


def test_what_a_batch_answers_is_nobody_elses_until_it_is_settled(new_ledger):
    ledger = new_ledger()
    receive(ledger, ("evt_1", "payment", "ch_1"), ("evt_2", "payment", "ch_2"))
    claim(ledger, "a")
    batch = answer(ledger, "a")
    much_later = NOW + 100 * leases.TTL
    assert claim(ledger, "b", now=much_later) == []
    assert ledger.read(lambda c: inbox.in_hand(c, SYNC, NOW)) == 0
    close(ledger, "a", "ch_1")
    ledger.write(lambda c: batches.remove(c, batch))
    assert claim(ledger, "b", now=much_later) == [("evt_2", "payment", "ch_2")]


def test_a_batch_of_one_kind_keeps_no_hint_of_another_kind(new_ledger):
    """A worker that died between two kinds must not block the second one while the first one is stopped."""
    ledger = new_ledger()
    receive(ledger, ("evt_1", "customer", "cus_1"), ("evt_2", "payment", "ch_2"))
    claim(ledger, "a")
    answer(ledger, "a", "customer")
    assert claim(ledger, "b", now=NOW + leases.TTL) == [("evt_2", "payment", "ch_2")]


def test_hints_of_some_kinds_and_more_than_asked_for_are_left(new_ledger):
    ledger = new_ledger()
    receive(ledger, *((f"evt_{n}", "payment" if n % 2 else "refund", f"x_{n}") for n in range(6)))
    assert [event for event, _, _ in claim(ledger, "a", most=2, kinds=["payment"])] == ["evt_1", "evt_3"]
    assert [event for event, _, _ in claim(ledger, "b", kinds=["refund"])] == ["evt_0", "evt_2", "evt_4"]


def test_other_syncs_are_left_alone(new_ledger):
    ledger = new_ledger()
    receive(ledger, ("evt_1", "payment", "ch_1"), sync="another")
    assert claim(ledger, "a") == []
    assert waiting(ledger) == 0


def test_two_workers_never_claim_the_same_hint(new_ledger, at_once):
    ledger = new_ledger()
    receive(ledger, *((f"evt_{n}", "payment", f"ch_{n}") for n in range(60)))
    names = itertools.count()
    lock = threading.Lock()

    def work():
        found = []
        for _ in range(6):
            with lock:
                name = str(next(names))
            found += claim(ledger, name, most=5)
        return found

    taken = [hint for found in at_once(work, 4) for hint in found]
    assert len(taken) == len(set(taken))
    assert set(taken) | set(claim(ledger, "rest")) == {(f"evt_{n}", "payment", f"ch_{n}") for n in range(60)}


def test_hints_that_came_after_the_claim_stay(new_ledger):
    ledger = new_ledger()
    receive(ledger, ("evt_1", "payment", "ch_1"))
    claim(ledger, "a")
    receive(ledger, ("evt_2", "payment", "ch_1"))
    close(ledger, "a", "ch_1")
    assert claim(ledger, "b") == [("evt_2", "payment", "ch_1")]


def test_what_could_not_be_fetched_is_due_at_once(new_ledger):
    ledger = new_ledger()
    receive(ledger, ("evt_1", "payment", "ch_1"), ("evt_2", "refund", "re_1"), ("evt_3", "payment", "ch_3"))
    claim(ledger, "a")
    ledger.write(lambda c: inbox.release(c, "a", [("payment", "ch_1"), ("refund", "re_1")], NOW + 1))
    assert [event for event, _, _ in claim(ledger, "b", now=NOW + 1)] == ["evt_1", "evt_2"]
    assert ledger.read(lambda c: inbox.unmet(c, "a", "payment")) == ["ch_3"]


def test_looking_again_is_due_at_once_then_waits_ever_longer(new_ledger):
    ledger = new_ledger()
    now = NOW
    again(ledger, "ch_1")
    for turn, wait in enumerate([0, 60, 120, 240, 480, 960, 1920, 3840, 7680, 21600, 21600]):
        assert claim(ledger, "early", now=now + wait - 1) == []
        now += wait
        assert claim(ledger, f"c{turn}", now=now) == [("again", "payment", "ch_1")]
        again(ledger, "ch_1", now=now)
        close(ledger, f"c{turn}", "ch_1")


def test_looking_again_changes_nothing_while_nobody_has_looked(new_ledger):
    ledger = new_ledger()
    for _ in range(5):
        again(ledger, "ch_1")
    assert claim(ledger, "a") == [("again", "payment", "ch_1")]
    again(ledger, "ch_1")
    assert claim(ledger, "b", now=NOW + 60) == [("again", "payment", "ch_1")]


def test_a_hint_that_was_dealt_with_begins_anew(new_ledger):
    ledger = new_ledger()
    for turn in range(4):
        again(ledger, "ch_1")
        assert claim(ledger, f"c{turn}") == [("again", "payment", "ch_1")]
        close(ledger, f"c{turn}", "ch_1")
    assert waiting(ledger) == 0


def test_each_reason_is_a_hint_of_its_own(new_ledger):
    ledger = new_ledger()
    again(ledger, "ch_1")
    again(ledger, "ch_1", event="held", waits_for="customer cus_1")
    assert ledger.read(lambda c: inbox.held(c, SYNC)) == 1
    assert ledger.read(lambda c: inbox.open_keys(c, SYNC, "held", "payment")) == {"ch_1"}
    assert ledger.read(lambda c: inbox.open_keys(c, SYNC, "held", "refund")) == set()
    assert len(claim(ledger, "a")) == 2


@pytest.mark.parametrize(("settled", "due"), [("cus_1", 1), ("cus_2", 0)])
def test_what_waits_for_a_record_is_due_once_that_is_settled(new_ledger, settled, due):
    ledger = new_ledger()
    for turn in range(3):
        again(ledger, "ch_1", event="held", now=NOW + turn * 600, waits_for="customer cus_1")
        claim(ledger, f"c{turn}", now=NOW + turn * 600)
    again(ledger, "ch_1", event="held", now=NOW + 1800, waits_for="customer cus_1")
    assert claim(ledger, "early", now=NOW + 1801) == []
    ledger.write(lambda c: inbox.wake(c, SYNC, "customer", [settled], NOW + 1801))
    assert len(claim(ledger, "woken", now=NOW + 1801)) == due


def test_only_old_hints_that_were_dealt_with_are_forgotten(new_ledger):
    ledger = new_ledger()
    old, young = NOW - 36 * 86_400, NOW - 34 * 86_400
    receive(ledger, ("evt_1", "payment", "ch_1"), ("evt_2", "payment", "ch_2"), now=old)
    receive(ledger, ("evt_3", "payment", "ch_3"), now=young)
    claim(ledger, "a")
    close(ledger, "a", "ch_1", "ch_3")
    assert waiting(ledger) == 1
    ledger.write(lambda c: inbox.forget_old(c, SYNC, NOW))
    receive(ledger, ("evt_2", "payment", "ch_2"), ("evt_3", "payment", "ch_3"))
    assert waiting(ledger) == 1
    receive(ledger, ("evt_1", "payment", "ch_1"))
    assert waiting(ledger) == 2

"""Streams and windows."""

import threading

import pytest

from accord.clock import SystemClock
from accord.errors import Superseded
from accord.ledger import batches, leases, streams
from accord.ledger.engine import Ledger
from accord.ledger.streams import Window

SYNC = "payment-to-account/main"


def plan(ledger, *spans, purpose="backfill", stream="payment", ticket=0):
    ledger.write(lambda c: streams.plan(c, SYNC, stream, purpose, spans, ticket))


def windows(ledger, state="open", stream="payment"):
    return ledger.read(lambda c: streams.in_state(c, SYNC, stream, state))


def claim(ledger, owner, now=0.0, stream="payment"):
    return ledger.write(lambda c: streams.claim(c, SYNC, stream, owner, now))


def test_put_sets_what_it_is_told_and_leaves_the_rest(new_ledger):
    ledger = new_ledger()
    ledger.write(lambda c: streams.put(c, SYNC, "payment", watermark=7))
    ledger.write(lambda c: streams.put(c, SYNC, "payment", unsound_run=3))
    assert ledger.read(lambda c: streams.get(c, SYNC, "payment")) == (
        7,
        None,
        3,
        False,
        0,
        None,
        None,
        None,
        None,
        0,
        0,
    )
    assert ledger.read(lambda c: streams.get(c, SYNC, "refund")) is None


def test_a_stopped_stream_is_known_with_its_reason_until_it_is_released(new_ledger):
    ledger = new_ledger()
    ledger.write(lambda c: streams.put(c, SYNC, "payment", watermark=7, unsound_run=9))
    ledger.write(lambda c: streams.put(c, SYNC, "refund", watermark=7))
    ledger.write(lambda c: streams.put(c, "another", "payment", watermark=7))
    ledger.write(lambda c: streams.put(c, SYNC, "payment", stopped="all unsound"))
    assert ledger.read(lambda c: streams.stopped(c, SYNC)) == {"payment": "all unsound"}
    assert ledger.read(streams.all_stopped) == [(SYNC, "payment", "all unsound")]
    assert not ledger.write(lambda c: streams.release(c, SYNC, "refund", lenient=True))
    assert ledger.write(lambda c: streams.release(c, SYNC, "payment", lenient=True))
    assert ledger.read(lambda c: streams.get(c, SYNC, "payment")) == (7, None, 0, True, 0, None, None, None, None, 0, 0)


def test_empty_spans_open_no_window(new_ledger):
    ledger = new_ledger()
    plan(ledger, (5, 5), (7, 3), (1, 2))
    assert [(w.lo, w.hi) for w in windows(ledger)] == [(1, 2)]


def test_the_newest_window_that_nobody_reads_is_claimed(new_ledger):
    ledger = new_ledger()
    plan(ledger, (0, 10), (10, 20), (20, 30))
    claimed = [claim(ledger, owner) for owner in "abcd"]
    assert [c and c[0].lo for c in claimed] == [20, 10, 0, None]
    assert claim(ledger, "e", now=leases.TTL)[0].lo == 20


def test_a_claim_takes_the_place_that_was_last_stored(new_ledger):
    ledger = new_ledger()
    plan(ledger, (0, 10))
    window, _ = claim(ledger, "a")
    ledger.write(lambda c: streams.advance(c, window, ("ch_5", 5), 10, False))
    assert claim(ledger, "b", now=leases.TTL)[0][4:6] == ("ch_5", 5)


def test_a_window_finished_between_the_look_and_the_lease_is_not_claimed(fresh_databases, open_engine, monkeypatch):
    """PostgreSQL lets another transaction commit between the two statements."""
    ledger = Ledger(open_engine(fresh_databases.ledger()), None, SystemClock())
    plan(ledger, (0, 10), (10, 20))
    window, token = claim(ledger, "a")
    moved = []
    acquire = leases.acquire

    def first_the_other_finishes(connection, name, owner, now):
        if not moved:
            moved.append(True)

            def finish(c):
                leases.release(c, streams.lease_name(window.id), token)
                streams.advance(c, window, ("ch_1", 11), 20, True)

            ledger.write(finish)
        return acquire(connection, name, owner, now)

    monkeypatch.setattr(leases, "acquire", first_the_other_finishes)
    assert claim(ledger, "b")[0].lo == 0
    assert moved


def test_two_workers_never_claim_the_same_window(new_ledger, at_once):
    ledger = new_ledger()
    plan(ledger, *((n, n + 1) for n in range(12)))
    owners = iter(range(100))
    lock = threading.Lock()

    def work():
        with lock:
            owner = str(next(owners))
        return [claim(ledger, f"{owner}:{n}") for n in range(4)]

    got = [one for answers in at_once(work, 4) for one in answers]
    assert sorted(one[0].lo for one in got if one) == list(range(12))


def test_a_split_leaves_the_part_being_read_and_opens_the_older_half(new_ledger):
    ledger = new_ledger()
    plan(ledger, (0, 1000), ticket=7, purpose="rescan")
    window, _ = claim(ledger, "a")
    ledger.write(lambda c: streams.split(c, SYNC, window, 600))
    assert sorted((w.lo, w.hi, w.ticket, w.purpose) for w in windows(ledger)) == [
        (0, 300, 7, "rescan"),
        (300, 1000, 7, "rescan"),
    ]


@pytest.mark.parametrize(("lo", "place"), [(0, 0), (0, 1), (5, 6), (9, 5)])
def test_what_is_too_short_is_not_split(new_ledger, lo, place):
    ledger = new_ledger()
    plan(ledger, (lo, lo + 10))
    window, _ = claim(ledger, "a")
    ledger.write(lambda c: streams.split(c, SYNC, window, place))
    assert [(w.lo, w.hi) for w in windows(ledger)] == [(lo, lo + 10)]


def test_a_window_is_settled_once_it_is_read_and_its_batches_are_gone(new_ledger):
    ledger = new_ledger()
    plan(ledger, (0, 10), (10, 20))
    (newer, _), (older, _) = claim(ledger, "a"), claim(ledger, "b")
    sealed = batches.Sealed(b"", 1)
    batch = ledger.write(lambda c: batches.add(c, SYNC, "payment", sealed, 0, 0.0, window=newer.id))
    ledger.write(lambda c: streams.advance(c, newer, None, 20, True))

    def settled():
        return [w.id for w in ledger.read(lambda c: streams.settled_windows(c, SYNC, "payment"))]

    assert settled() == []
    ledger.write(lambda c: batches.remove(c, batch))
    assert settled() == [newer.id]
    ledger.write(lambda c: streams.advance(c, older, None, 10, True))
    assert settled() == [newer.id, older.id]


def test_a_window_that_is_read_between_two_looks_is_not_settled(fresh_databases, open_engine, monkeypatch):
    """PostgreSQL lets a reader store its last batch between the two statements."""
    ledger = Ledger(open_engine(fresh_databases.ledger()), None, SystemClock())
    plan(ledger, (0, 10))
    window, _ = claim(ledger, "a")
    look = streams.in_state

    def meanwhile(*args):
        def store(c):
            batches.add(c, SYNC, "payment", batches.Sealed(b"", 1), 0, 0.0, window=window.id)
            streams.advance(c, window, None, 10, True)

        if window.id not in stored:
            stored.append(window.id)
            ledger.write(store)
        return look(*args)

    stored = []
    monkeypatch.setattr(streams, "in_state", meanwhile)
    assert ledger.read(lambda c: streams.settled_windows(c, SYNC, "payment")) == []
    assert stored


def test_done_windows_and_their_leases_are_forgotten(new_ledger):
    ledger = new_ledger()
    plan(ledger, (0, 10), (10, 20))
    window, token = claim(ledger, "a")
    ledger.write(lambda c: streams.finish(c, window))
    ledger.write(lambda c: streams.forget_done(c, SYNC))
    assert windows(ledger, "done") == []
    assert len(windows(ledger)) == 1
    with pytest.raises(Superseded):
        ledger.write(lambda c: leases.release(c, streams.lease_name(window.id), token))


def test_other_syncs_and_streams_are_left_alone(new_ledger):
    ledger = new_ledger()
    plan(ledger, (0, 10))
    plan(ledger, (0, 10), stream="refund")
    ledger.write(lambda c: streams.plan(c, "another", "payment", "backfill", [(0, 10)], 0))
    assert len(windows(ledger)) == 1
    assert ledger.read(lambda c: streams.open_count(c, SYNC, "payment")) == 1
    claim(ledger, "a")
    assert claim(ledger, "b") is None
    assert isinstance(claim(ledger, "b", stream="refund")[0], Window)

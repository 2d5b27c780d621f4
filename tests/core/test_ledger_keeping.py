"""Batches, quarantine and entries: what is kept, and for how long."""

import os

import msgspec
import zstandard

from accord.ledger import batches, entries, quarantine
from accord.ledger.entries import Entry
from accord.ledger.quarantine import Unsound

SYNC = "payment-to-account/main"


def add(ledger, pages, gone=(), stream="payment", sync=SYNC):
    sealed = batches.seal(ledger.cipher, sync, stream, pages, list(gone), 1)
    return ledger.write(lambda c: batches.add(c, sync, stream, sealed, 5, 0.0, claim="c"))


def test_a_batch_comes_back_as_it_was_collected(new_ledger):
    ledger = new_ledger()
    pages = [os.urandom(10_000), b"", "é".encode()]
    number = add(ledger, pages, ["ch_1", "ch_2"])
    found = ledger.read(lambda c: batches.load(c, ledger.cipher, SYNC, number))
    assert [*found.pages] == pages
    assert found._replace(packed=b"") == batches.Batch(number, "payment", "c", 5, b"", ["ch_1", "ch_2"])


def test_a_batch_that_an_earlier_version_left_open_is_read(new_ledger):
    ledger = new_ledger()
    old = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(([b"one", b"two"], ["ch_1"])))
    sealed = batches.Sealed(ledger.cipher.seal(old, f"batches:{SYNC}:payment"), 3)
    number = ledger.write(lambda c: batches.add(c, SYNC, "payment", sealed, 5, 0.0))
    found = ledger.read(lambda c: batches.load(c, ledger.cipher, SYNC, number))
    assert ([*found.pages], found.gone) == ([b"one", b"two"], ["ch_1"])


def test_open_batches_of_a_stream_come_oldest_first(new_ledger):
    ledger = new_ledger()
    numbers = [add(ledger, [b""]) for _ in range(3)]
    add(ledger, [b""], stream="refund")
    add(ledger, [b""], sync="another")
    assert ledger.read(lambda c: batches.open_ids(c, SYNC, "payment")) == sorted(numbers)


def test_a_settled_batch_is_gone_and_its_number_is_not_used_again(new_ledger):
    ledger = new_ledger()
    number = add(ledger, [b""])
    assert ledger.write(lambda c: batches.lock(c, number))
    assert ledger.write(lambda c: batches.remove(c, number))
    assert not ledger.write(lambda c: batches.remove(c, number))
    assert not ledger.write(lambda c: batches.lock(c, number))
    assert ledger.read(lambda c: batches.load(c, ledger.cipher, SYNC, number)) is None
    assert add(ledger, [b""]) > number


def keep(ledger, key, *reasons, raw=b"raw", ticket=0):
    row = [Unsound(key, raw, list(reasons))]
    ledger.write(lambda c: quarantine.put(c, ledger.cipher, SYNC, "payment", row, ticket, 7.0))


def kept(ledger):
    return {row.key: row.reasons for row in ledger.read(lambda c: quarantine.listed(c, SYNC))}


def test_a_later_reading_replaces_an_earlier_one_and_never_the_other_way(new_ledger):
    ledger = new_ledger()
    keep(ledger, "ch_1", "old", raw=b"1", ticket=5)
    keep(ledger, "ch_1", "new", raw=b"2", ticket=6)
    keep(ledger, "ch_1", "late", raw=b"3", ticket=4)
    row = ledger.read(quarantine.listed)[0]
    assert (row.key, row.reasons, row.created_at) == ("ch_1", ["new"], 7.0)
    assert ledger.read(lambda c: quarantine.body(c, ledger.cipher, row.id)) == b"2"


def test_a_sound_reading_clears_only_what_is_not_newer_than_itself(new_ledger):
    ledger = new_ledger()
    keep(ledger, "ch_1", "why", ticket=5)
    keep(ledger, "ch_2", "why", ticket=5)
    ledger.write(lambda c: quarantine.clear(c, SYNC, "payment", ["ch_1", "ch_9"], 4))
    assert set(kept(ledger)) == {"ch_1", "ch_2"}
    ledger.write(lambda c: quarantine.clear(c, SYNC, "refund", ["ch_1"], 9))
    ledger.write(lambda c: quarantine.clear(c, SYNC, "payment", ["ch_1"], 5))
    assert set(kept(ledger)) == {"ch_2"}


def test_dropping_says_what_was_dropped(new_ledger):
    ledger = new_ledger()
    keep(ledger, "ch_1", "why")
    number = ledger.read(quarantine.listed)[0].id
    assert ledger.write(lambda c: quarantine.drop(c, number)) == (SYNC, "payment", "ch_1")
    assert ledger.write(lambda c: quarantine.drop(c, number)) is None
    assert ledger.read(lambda c: quarantine.body(c, ledger.cipher, number)) is None
    assert ledger.read(lambda c: quarantine.held(c, SYNC)) == 0


def test_a_story_is_told_in_order(new_ledger):
    ledger = new_ledger()
    for number, change in enumerate(["create", "update", "delete"]):
        some = [Entry("payment", "ch_1", change, "why", number), Entry("payment", "ch_2", "hold", "why", None)]
        ledger.write(lambda c, some=some: entries.append(c, SYNC, "run", 7.5, some))
    told = ledger.read(lambda c: entries.story(c, "ch_1"))
    assert [one[:] for one in told] == [
        (7.5, SYNC, "payment", "ch_1", "create", "why", 0, "run"),
        (7.5, SYNC, "payment", "ch_1", "update", "why", 1, "run"),
        (7.5, SYNC, "payment", "ch_1", "delete", "why", 2, "run"),
    ]
    assert ledger.read(lambda c: entries.story(c, "ch_3")) == []

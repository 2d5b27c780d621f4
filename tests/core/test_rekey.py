"""Everything that the ledger keeps encrypted is encrypted anew under the newest key, on each database."""

import pytest
from sqlalchemy import LargeBinary, func, select

from accord.bookings import Span
from accord.calendars import Event, Mark, Seat
from accord.clock import SystemClock
from accord.errors import Misconfigured, TryLater
from accord.ledger import actions, batches, imports, pairs, quarantine, schema, sealed
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger
from accord.ledger.pairs import Pair, Seen
from accord.ledger.quarantine import Unsound

OLD, NEW = new_key(), new_key()
SEAT = Seat("google/main", "ana@x")
EVENT = Event(
    calendar="ana@x",
    id="e1",
    etag='"1"',
    mark=Mark("s:b1", 0, 3),
    span=Span(1, 2, False),
    zone="UTC",
    title="Visit",
    place="Room",
    updated=5,
)


def under(ledger, keys):
    """The same ledger as one who has these keys opens it."""
    return Ledger(ledger.engine, Cipher(keys), SystemClock())


@pytest.fixture
def ledger(new_ledger, fakes):
    """A ledger with something of each kind under the old key: three batches, one of each other."""
    ledger = new_ledger(cipher=Cipher(OLD))
    pair = Pair("s", "b1", *SEAT, person="ana", state="conflict", event="e1", seen=Seen(EVENT), since=1.0)

    def fill(connection):
        for stream in ("payment", "refund", "payment"):
            batch = batches.seal(ledger.cipher, "s", stream, [b"page"], [], 1)
            batches.add(connection, "s", stream, batch, 1, 0.0)
        quarantine.put(connection, ledger.cipher, "s", "payment", [Unsound("ch_1", b"raw", ["why"])], 1, 0.0)
        imports.put(connection, ledger.cipher, "smartbill/main", {"WEB0001": b"line"})
        pairs.save(connection, ledger.cipher, [pair._replace(booking=fakes.booking("b1")), pair._replace(key="b2")])
        actions.want(connection, "issue", "stripe/main", "payment", "oblio/main", ["ch_2", "ch_3"], 0.0)
        wanted = actions.due(connection, "issue", "stripe/main", "oblio/main", 1.0)[0]
        actions.change(connection, wanted, payload=actions.seal(ledger.cipher, wanted, b"what is sent"))

    ledger.write(fill)
    return ledger


ALL = {"batches": 3, "quarantine": 1, "imports": 1, "actions": 1, "pairs": 2, "conflicts": 1}


def test_no_column_of_encrypted_bytes_is_left_out():
    kept = {column for table in schema.metadata.sorted_tables for column in table.c}
    assert {place.column for place in sealed._PLACES} == {c for c in kept if isinstance(c.type, LargeBinary)}


def test_once_all_is_encrypted_anew_the_old_key_is_not_needed(ledger, fakes):
    both, new = under(ledger, f"{NEW},{OLD}"), under(ledger, NEW)
    assert sealed.look(ledger) == ({}, {})
    assert sealed.look(both) == (ALL, {})
    assert sealed.look(new) == ({}, ALL)
    assert sealed.rekey(both) == (ALL, {})
    assert sealed.look(new) == ({}, {})
    assert sealed.rekey(both) == ({}, {}), "nothing is written twice"

    with new.engine.connect() as connection:
        for batch in connection.scalars(select(schema.batches.c.id)).all():
            assert [*batches.load(connection, new.cipher, "s", batch).pages] == [b"page"]
        for row in quarantine.listed(connection):
            assert quarantine.body(connection, new.cipher, row.id) == b"raw"
        assert imports.load(connection, new.cipher, "smartbill/main", ["WEB0001"]) == {"WEB0001": b"line"}
        found = pairs.of(connection, new.cipher, "s", ["b1"])["b1"][0]
        assert (found.seen, found.booking) == (Seen(EVENT), fakes.booking("b1"))
        rows = actions.due(connection, "issue", "stripe/main", "oblio/main", 1.0)
        assert sorted(filter(None, (actions.payload(new.cipher, row) for row in rows))) == [b"what is sent"]


def test_what_no_key_opens_is_told_and_left(ledger):
    third = new_key()
    other = under(ledger, third)
    other.write(lambda c: imports.put(c, other.cipher, "smartbill/main", {"WEB0002": b"later"}))
    both = under(ledger, f"{NEW},{third}")
    kept = sealed.rekey(both)
    assert kept == ({"imports": 1}, ALL)
    with pytest.raises(Misconfigured, match=r"3 rows of batches, 1 row of quarantine, .* put the key that was in use"):
        kept.require_opened()
    assert sealed.rekey(under(ledger, f"{NEW},{OLD}")) == (ALL, {})


def test_what_a_worker_writes_meanwhile_stays(ledger):
    class Busy(Ledger):
        def write(self, work):
            super().write(lambda c: imports.put(c, self.cipher, "smartbill/main", {"WEB0001": b"newer"}))
            return super().write(work)

    busy = Busy(ledger.engine, Cipher(f"{NEW},{OLD}"), SystemClock())
    assert "imports" not in sealed.rekey(busy).older
    kept = busy.read(lambda c: imports.load(c, Cipher(NEW), "smartbill/main", ["WEB0001"]))
    assert kept == {"WEB0001": b"newer"}


def test_what_is_broken_off_goes_on_where_it_stood(ledger):
    lines = {f"WEB{number:04}": b"line" for number in range(1, 2 * sealed._CHUNK + 2)}
    ledger.write(lambda c: imports.put(c, ledger.cipher, "smartbill/main", lines))
    both = under(ledger, f"{NEW},{OLD}")

    class BreaksOff(Ledger):
        left = 3

        def write(self, work):
            if not self.left:
                raise TryLater("the ledger is away")
            self.left -= 1
            return super().write(work)

    with pytest.raises(TryLater):
        sealed.rekey(BreaksOff(both.engine, both.cipher, both.clock))
    done = sealed._CHUNK
    assert sealed.look(both).older["imports"] == len(lines) - done
    assert sealed.rekey(both).older["imports"] == len(lines) - done
    assert sealed.look(under(ledger, NEW)) == ({}, {})
    assert both.read(lambda c: c.scalar(select(func.count()).select_from(schema.imports))) == len(lines)

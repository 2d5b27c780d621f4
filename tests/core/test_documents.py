"""Documents of a source that tells of no events, all the way into the portal."""

from dataclasses import replace

import pytest

from accord import collect, numbering
from accord.compare import reconcile
from accord.documents import State
from accord.errors import Misconfigured, TryLater
from accord.ledger import batches, entries
from accord.plan import DAY, Mode
from accord.ports import CursorGone
from accord.records import Kind
from accord.run import Tally
from accord.standing import stand

KIND = Kind.DOCUMENT
NEWEST = 4  # documents on the list of what is new
UNCHANGED = Tally(unchanged=NEWEST, read=NEWEST)


@pytest.fixture
def service(shops):
    """A service that lists documents by id, and tells of nothing that happens."""

    return shops.Documents(NEWEST)


@pytest.fixture
def home(new_ledger, homes, clock, service, noted_portal):
    service.clock = clock.now
    return homes.Home(new_ledger(clock), service, noted_portal, kinds={KIND})


@pytest.fixture
def stored(monkeypatch):
    """How many records each stored batch held."""
    sizes, add = [], batches.add

    def noted(connection, sync, stream, sealed, *rest, **named):
        sizes.append(sealed.count)
        return add(connection, sync, stream, sealed, *rest, **named)

    monkeypatch.setattr(batches, "add", noted)
    return sizes


@pytest.fixture
def ten(home, service, shops, clock):
    """Ten documents, d_1 to d_10, that the portal shows."""
    service.put(*(shops.document(f"d_{n}", n) for n in range(1, 11)))
    home.run()
    clock.jump(600)
    home.target.written.clear()
    return home


def shown(home, field="total"):
    return {key: row[field] for key, row in home.shown(KIND).items()}


def test_the_first_run_reads_all_of_history(home, service, shops, clock):
    service.put(*(shops.document(f"d_{n}", n, total=n) for n in range(1, 11)))
    assert home.run().created == 10
    assert service.fetched == [], "no record is read twice"
    assert shown(home) == {f"d_{n}": n for n in range(1, 11)}
    now = stand(home.ledger, home.sync)
    assert (now.records, now.share, now.agreed) == (10, 1.0, True)


def test_a_later_run_writes_what_the_portal_does_not_show_so(ten, service, shops):
    service.put(shops.document("d_10", 10, total=5), shops.document("d_11", 11, total=6))
    tally = ten.run()
    assert (tally.read, tally.created, tally.updated, tally.unchanged) == (NEWEST, 1, 1, NEWEST - 2)
    assert ten.target.written == ["d_11", "d_10"]
    assert shown(ten) == {f"d_{n}": 12_100 for n in range(1, 10)} | {"d_10": 5, "d_11": 6}


def test_what_is_changed_back_is_shown_as_it_was(ten, service, shops, clock):
    for total in (5, 12_100, 5, 12_100):
        service.put(shops.document("d_9", 9, total=total))
        assert ten.run().updated == 1
        assert shown(ten)["d_9"] == total
        clock.jump(600)
    assert [change for change, _ in ten.told("d_9")] == ["create", *["update"] * 4]


def test_what_is_changed_back_while_the_change_waits_is_shown_as_it_is(ten, service, shops):
    """As after a worker that died between reading and settling."""
    service.put(shops.document("d_9", 9, total=5))
    ten.plan()
    ten.collect(KIND)
    assert len(ten.open_batches(KIND)) == 1
    service.put(shops.document("d_9", 9))
    ten.run()
    assert shown(ten)["d_9"] == 12_100


def test_an_unchanged_run_writes_nothing(ten, clock):
    read, told = stand(ten.ledger, ten.sync).read_until, ten.told("d_10")
    assert ten.run() == UNCHANGED
    assert (ten.target.written, ten.told("d_10")) == ([], told)
    assert stand(ten.ledger, ten.sync).read_until == int(clock.now()) - 300 > read


def test_a_vanished_document_is_found_by_the_rescan_and_shown_as_deleted(ten, service, clock):
    service.remove(KIND, "d_3")
    assert ten.run() == UNCHANGED
    clock.jump(2 * DAY)  # nights that nobody ran count as missed
    assert ten.run().deleted == 1
    assert service.fetched == [(KIND, "d_3")]
    assert ten.target.written == ["d_3"]
    assert [key for key, gone in shown(ten, "deleted").items() if gone] == ["d_3"]
    assert stand(ten.ledger, ten.sync).agreed


def test_a_change_beyond_what_is_new_is_found_by_the_rescan(ten, service, shops):
    service.put(shops.document("d_2", 2, state=State.PAID))
    assert ten.run() == UNCHANGED
    ten.plan(Mode.NIGHTLY)
    assert ten.run().updated == 1
    assert shown(ten, "state")["d_2"] == State.PAID


def test_an_unsound_document_goes_to_quarantine_once(ten, service, shops, clock):
    service.put(shops.document("d_9", 9, total=5))
    service.break_(KIND, "d_9", b'{"key": "d_9", "id": "d_9"}')
    assert ten.run().quarantined == 1
    assert [*ten.quarantined()] == ["d_9"]
    clock.jump(600)
    ten.run()
    assert [one.change for one in ten.ledger.read(lambda c: entries.story(c, "d_9"))] == ["create", "quarantine"]
    service.break_(KIND, "d_9", b'{"key": "d_9", "id": "d_9", "otherwise": 1}')
    assert ten.run().quarantined == 1


@pytest.mark.parametrize("total", [5, 12_100], ids=["changed", "as before"])
def test_a_document_that_is_sound_again_leaves_the_quarantine(ten, service, shops, clock, total):
    service.break_(KIND, "d_9", b'{"key": "d_9", "id": "d_9"}')
    ten.run()
    clock.jump(600)
    service.mend()
    service.put(shops.document("d_9", 9, total=total))
    ten.run()
    assert ten.quarantined() == {}
    assert shown(ten)["d_9"] == total
    assert stand(ten.ledger, ten.sync).agreed


def test_a_list_of_what_is_new_that_loses_its_place_is_read_from_its_beginning(ten, service, shops, monkeypatch):
    """No id says where to go on in the order of time; the place that was stored must not be asked for again."""
    monkeypatch.setattr(collect, "BATCH", 2)
    service.put(*(shops.document(f"d_{n}", n, total=5) for n in range(7, 11)))
    ten.plan()
    service.before = shops.failing(None, CursorGone())
    with pytest.raises(TryLater, match="list of document objects changed while it was read"):
        ten.collect(KIND)
    ten.run()
    assert {key for key, total in shown(ten).items() if total == 5} == {"d_7", "d_8", "d_9", "d_10"}
    assert stand(ten.ledger, ten.sync).agreed


def test_the_nights_share_what_is_known_and_the_last_reaches_all(ten, service, shops, clock):
    service.discovery = replace(service.discovery, turns=3)
    spans = []
    for _ in range(3):
        clock.jump(DAY)
        ten.plan(Mode.NIGHTLY)
        spans += [(w.lo, w.hi) for w in ten.windows(KIND) if w.purpose == "rescan"]
        ten.run()
    assert [lo for lo, _ in spans] == [1, 5, 8]
    assert [hi for _, hi in spans] == [5, 8, int(clock.now())]


def test_both_sides_are_compared_by_the_whole_list(ten, service, shops):
    compared = reconcile(service, ten.target, ten.sync.connection)
    assert (compared.records, compared.complete) == (10, True)
    service.put(shops.document("d_1", 1, total=5))
    compared = reconcile(service, ten.target, ten.sync.connection)
    assert [(one.key, one.how) for one in compared.disagreements] == [("d_1", "differs")]


@pytest.mark.parametrize("bounds", [(DAY, None), (None, DAY), (DAY, 2 * DAY)])
def test_days_bound_no_list_in_the_order_of_ids(home, bounds):
    with pytest.raises(Misconfigured, match="can not be read by days"):
        home.plan(Mode.RESCAN, *bounds)
    assert home.windows(KIND) == []


def test_the_portal_counts_documents_by_where_they_stand(home, service, shops):
    service.put(
        *(shops.document(f"d_{n}", n, state=state) for n, state in enumerate((State.PAID, State.PAID, "draft")))
    )
    home.run()
    assert home.target.states(home.sync.connection) == {"draft": 1, "paid": 2}
    assert home.target.states("oblio/other") == {}


def test_numbers_given_twice_and_gaps_are_told_by_what_the_ledger_knows(home, service, shops, clock):
    service.put(*(shops.document(f"d_{n}", n) for n in (1, 2, 4)), shops.document("d_9", 9, number="0002"))
    home.run()
    known = numbering.known(home.ledger, home.sync.connection)
    assert [*map(str, numbering.gaps(known))] == ["ACC 3"]
    assert numbering.twice(known) == [numbering.Twice("ACC", "0002", 2)]
    service.remove(KIND, "d_9")
    service.remove(KIND, "d_2")
    clock.jump(2 * DAY)
    home.run()
    known = numbering.known(home.ledger, home.sync.connection)
    assert numbering.twice(known) == []
    assert [*map(str, numbering.gaps(known))] == ["ACC 2 to 3"]

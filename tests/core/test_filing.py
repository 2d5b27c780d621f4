"""PDFs of documents, from the source into the archive and by name into the portal, through the whole core."""

import json

import pytest

from accord.archive import open_archive
from accord.clock import SystemClock
from accord.documents import State
from accord.errors import Refused, TryLater
from accord.filing import APART, Filing
from accord.ledger import files, inbox
from accord.records import Kind
from accord.standing import stand
from accord.systems.portal import Portal

KIND = Kind.DOCUMENT


@pytest.fixture
def service(shops):
    """A service that lists documents by id and prints them, or fails to."""

    class Service(shops.Documents):
        def __init__(self):
            super().__init__(newest=100)
            self.printed, self.fails = [], {}

        def pdf(self, one):
            self.printed.append(one.key)
            if one.key in self.fails:
                raise self.fails[one.key]
            return b"%PDF-1.7 " + one.record.number.encode() + one.record.client.name.encode()

        def close(self):
            pass

    return Service()


@pytest.fixture
def archive(tmp_path):
    return open_archive(f"file://{tmp_path}/archive", {}, "the archive")


@pytest.fixture
def home(new_ledger, homes, clock, service, archive, fresh, open_engine):
    service.clock = clock.now
    ledger = new_ledger(clock)
    filing = Filing(service, archive, ledger, "stripe/main")
    return homes.Home(ledger, filing, Portal(open_engine(fresh.portal()), SystemClock()), kinds={KIND})


def pdfs(home):
    return {key: row["pdf"] for key, row in home.shown(KIND).items()}


def origins(home):
    return {key: json.loads(row["origins_json"]).get("pdf") for key, row in home.shown(KIND).items()}


def unfiled(home):
    return home.ledger.read(lambda c: inbox.unfiled(c, home.sync.name))


def test_a_new_document_is_shown_with_its_pdf_after_one_run(home, service, shops, archive):
    service.put(shops.document("d_1"))
    home.run()
    assert archive.read(pdfs(home)["d_1"]).startswith(b"%PDF-1.7 0001")
    assert origins(home) == {"d_1": "archive"}
    assert (service.printed, unfiled(home)) == (["d_1"], 0)


def test_a_run_with_nothing_changed_asks_for_no_pdf(home, service, shops, clock):
    service.put(shops.document("d_1"))
    home.run()
    clock.jump(600)
    assert home.run().updated == 0
    assert (service.printed, len(service.fetched)) == (["d_1"], 1)


def test_many_old_documents_are_filed_one_by_one_and_shown_at_once(home, service, shops, clock):
    service.put(*(shops.document(f"d_{n}", n) for n in range(1, 11)))
    assert home.run().created == 10
    assert set(pdfs(home)) == {f"d_{n}" for n in range(1, 11)}
    assert (service.printed, unfiled(home)) == (["d_10"], 9)
    assert set(origins(home).values()) == {"archive", None}
    now = stand(home.ledger, home.sync)
    assert now.agreed, "a PDF that is still to be archived is no disagreement"
    clock.jump(10 * APART)
    home.run()
    assert (sorted(service.printed), unfiled(home)) == (sorted(pdfs(home)), 0)
    assert home.ledger.read(lambda c: files.count(c, "stripe/main")) == 10


def test_a_payment_needs_no_other_pdf(home, service, shops, clock):
    service.put(shops.document("d_1"))
    home.run()
    name = pdfs(home)["d_1"]
    service.put(shops.document("d_1", paid=12_100, state=State.PAID))
    clock.jump(600)
    home.run()
    assert home.shown(KIND)["d_1"]["state"] == "paid"
    assert (pdfs(home)["d_1"], service.printed) == (name, ["d_1"])


def test_an_edited_document_is_printed_anew_and_the_first_pdf_stays(home, service, shops, clock, archive):
    service.put(shops.document("d_1"))
    home.run()
    before = pdfs(home)["d_1"]
    service.put(shops.document("d_1", number="0002"))
    clock.jump(600)
    home.run()
    after = pdfs(home)["d_1"]
    assert archive.read(before) != archive.read(after)


@pytest.mark.parametrize("error", [TryLater("away"), Refused("it has no PDF")])
def test_a_pdf_that_can_not_be_had_holds_up_nothing_and_is_asked_for_again(home, service, shops, clock, error, caplog):
    service.fails["d_1"] = error
    service.put(shops.document("d_1"))
    assert home.run().created == 1
    assert (pdfs(home), origins(home), unfiled(home)) == ({"d_1": None}, {"d_1": None}, 1)
    assert f"the PDF of document d_1 is not archived yet: {error}" in caplog.text
    service.put(shops.document("d_1", paid=100, state=State.PARTLY_PAID))
    clock.jump(5)
    assert home.run().updated == 1, "a payment is not held up"
    asked = len(service.printed)
    clock.jump(5)
    home.run()
    assert len(service.printed) == asked, "it waits before it asks again"
    service.fails.clear()
    clock.jump(3600)
    home.run()
    assert (origins(home), unfiled(home)) == ({"d_1": "archive"}, 0)


def test_drafts_and_what_is_deleted_have_no_pdf(home, service, shops, clock):
    service.put(shops.document("d_1", state=State.DRAFT, number=None), shops.document("d_2", 2))
    home.run()
    service.remove(KIND, "d_2")
    clock.jump(2 * 86_400)
    home.run()
    assert service.printed == ["d_2"]
    assert unfiled(home) == 0


def test_an_archive_that_comes_later_makes_no_document_another_one(home, service, shops, clock):
    service.put(shops.document("d_1"), shops.document("d_2", 2))
    filing, home.shop = home.shop, service
    home.collector.source = service
    home.run()
    home.shop = home.collector.source = filing
    clock.jump(600)
    tally = home.run()
    assert (tally.unchanged, tally.updated) == (2, 1), "what is settled already agrees; one is filed at once"
    assert origins(home) == {"d_1": None, "d_2": "archive"}

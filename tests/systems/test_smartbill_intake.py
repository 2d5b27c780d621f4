"""An export of SmartBill's web application beside what the API tells: neither undoes what the other knows better."""

import pytest

from accord.documents import State
from accord.ledger.schema import imports
from accord.plan import DAY, Mode
from accord.sandbox.smartbill.company import CIF
from accord.systems.smartbill import export, intake

SERIES = ("WEB", "EXP")


@pytest.fixture
def take(firm):
    """Import an export, or that of this moment; what became of its lines."""

    def take(body=None):
        read = export.read(body or firm.account.export(), SERIES)
        return intake.take(firm.home.sync, firm.home.ledger, CIF, read)

    return take


def test_history_is_shown_as_the_export_tells_it_and_then_as_the_api_does(firm, take):
    firm.account.issue(10)
    firm.account.issue(20)
    firm.account.pay("0002", 24.20)
    assert take() == (2, 0, 0, [])
    assert firm.unsettled == 2
    firm.home.settle_all()
    assert firm.asked().get("/invoice/pdf", 0) == 0
    assert firm.shown() == {"WEB/1/1": State.ISSUED, "WEB/2/1": State.PAID}
    assert firm.shown("paid")["WEB/2/1"] is None, "how much of it is not in the export"
    assert firm.run().updated == 2
    assert firm.shown("paid")["WEB/2/1"] == 2420
    assert firm.shown("lines_json")["WEB/1/1"] is not None
    assert firm.agreed


def test_the_same_export_again_changes_nothing(firm, take):
    firm.account.issue(10)
    take()
    firm.run()
    firm.asked()
    assert take() == (0, 0, 1, [])
    assert firm.unsettled == 0
    assert firm.home.run()[:3] == (0, 0, 0)


def test_an_export_that_agrees_with_what_is_shown_asks_for_nothing(three, take):
    assert take().new == 3
    assert (three.unsettled, three.home.hints()) == (0, 0)


def test_what_only_the_export_tells_stays_when_the_api_is_read_again(firm, take):
    firm.account.switch(kind="pdf_html", rate=1)  # so that nobody but the export tells of the client
    firm.account.issue(10)
    firm.account.issue(20)
    firm.cancel("0002")
    firm.account.issue(30, series="EXP", currency="EUR")
    firm.run()
    assert set(firm.shown("client_name").values()) == {None}
    assert take().new == 3
    assert firm.run().updated == 3
    for state in (State.ISSUED, State.PARTLY_PAID, State.PAID):
        assert firm.shown() == {"WEB/1/1": state, "WEB/2/1": State.CANCELLED, "EXP/1/1": State.ISSUED}
        assert firm.shown("currency")["EXP/1/1"] == "EUR"
        assert set(firm.shown("client_name").values()) == {"Moara de Probă SRL"}
        if state is not State.PAID:
            firm.account.pay("0001", 6.05)
        firm.home.plan(Mode.RESCAN)
        firm.run(DAY)
    assert firm.shown("paid")["WEB/1/1"] == 1210


def test_an_old_export_does_not_take_back_a_payment(three, take):
    old = three.account.export()
    three.account.pay("0001", 12.10)
    three.run()
    assert three.shown()["WEB/1/1"] == State.PAID
    take(old)
    three.run()
    three.home.plan(Mode.RESCAN)
    three.run()
    assert three.shown()["WEB/1/1"] == State.PAID


def test_a_cancellation_is_known_at_once_by_the_export(three, take):
    three.cancel("0001")
    take()
    three.run()
    assert three.shown()["WEB/1/1"] == State.CANCELLED
    three.account.change("PUT", "/invoice/restore", seriesname="WEB", number="0001")
    assert take() == (0, 1, 2, [])
    three.run()
    assert three.shown()["WEB/1/1"] == State.ISSUED


def test_an_export_of_a_deleted_invoice_tells_nothing_of_the_one_that_took_its_number(three, take):
    old = three.account.export()
    three.delete("0003")
    three.account.issue(30, client={"name": "Altcineva SRL", "vatCode": "RO90000041", "country": "Romania"})
    three.run()
    take(old)
    three.run()
    three.home.plan(Mode.RESCAN)
    three.run()
    assert three.shown("client_name")["WEB/3/2"] == "Altcineva SRL"


def test_an_export_of_an_invoice_that_is_gone_does_not_bring_it_back(three, take):
    old = three.account.export()
    three.delete("0003")
    three.run()
    take(old)
    assert three.unsettled == 0
    three.run()
    assert list(three.shown()) == ["WEB/1/1", "WEB/2/1"]


def test_lines_that_can_not_be_taken_are_named_without_what_they_hold(firm, take, monkeypatch):
    for price in (10, 20, 30, 40):
        firm.account.issue(price)
    company = firm.account.smartbill.company
    company.documents["f WEB 0001"]["net"] = "9.00"
    company.documents["f WEB 0002"]["number"] = "0003"
    company.documents["f WEB 0004"]["issued"] = "2026-13-01"
    found = take()
    assert found[:3] == (0, 0, 0)
    assert found.refused == [
        (5, "net and VAT do not come to the total - at `net`"),
        (6, "its number stands on another line, with other values"),
        (7, "its number stands on another line, with other values"),
        (8, "Data emiterii is no day"),
    ]


def test_what_is_kept_of_an_export_is_encrypted(three, take):
    take()
    with three.home.ledger.engine.connect() as connection:
        bodies = connection.execute(imports.select()).all()
    assert len(bodies) == 3
    assert all(b"Moara" not in row.body for row in bodies)


def test_an_import_beside_a_run_shows_nothing_older(three, take):
    """The export is taken in between a reading and its settling."""
    three.cancel("0002")
    three.account.pay("0001", 12.10)
    three.clock.sleep(DAY)
    three.home.plan()
    three.home.collect("document")
    take()
    three.home.settle_all()
    assert three.shown()["WEB/1/1"] == State.PAID
    three.run()
    assert three.shown() == {"WEB/1/1": State.PAID, "WEB/2/1": State.CANCELLED, "WEB/3/1": State.ISSUED}
    assert three.agreed

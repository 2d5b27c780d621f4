"""Invoices of SmartBill, found number by number, all the way into the portal: the core with the sandbox behind it."""

import re

import pytest

from accord.documents import State
from accord.errors import Misconfigured, Refused, TryLater
from accord.plan import DAY, Mode
from accord.records import Kind
from accord.sandbox.smartbill.service import TOKEN
from accord.systems.smartbill import polling
from accord.systems.smartbill import source as smartbill

KIND = Kind.DOCUMENT
END = 2**53  # behind whatever stands on a list
EVERY = 300  # seconds between two runs


def test_the_first_run_reads_all_of_history(firm):
    for price in (10, 20, 30):
        firm.account.issue(price)
    firm.account.issue(40, series="EXP", currency="EUR")
    assert firm.run().created == 4
    assert firm.shown("total") == {"WEB/1/1": 1210, "WEB/2/1": 2420, "WEB/3/1": 3630, "EXP/1/1": 4840}
    assert firm.shown("currency")["EXP/1/1"] == "EUR"
    assert firm.shown("number")["WEB/1/1"] == "0001"
    assert firm.agreed
    assert firm.asked()["/series"] == 1


def test_new_numbers_are_found_by_the_next_run(three):
    three.account.issue(40)
    tally = three.run()
    assert (tally.created, tally.unchanged, tally.read) == (1, 1, 2)
    assert three.shown("total")["WEB/4/1"] == 4840


def test_a_run_with_nothing_new_asks_little(three):
    assert three.run()[:3] == (0, 0, 0)
    # The last one with its PDF, in case its number was given out again; how the other two are paid.
    assert three.asked() == {"/series": 1, "/invoice/paymentstatus": 3, "/invoice/pdf": 1}


def test_missing_numbers_leave_gaps(three):
    three.account.smartbill.company.series["WEB"]["next"] += 2
    three.account.issue(60)
    assert three.run().created == 1
    assert list(three.shown()) == ["WEB/1/1", "WEB/2/1", "WEB/3/1", "WEB/6/1"]


def test_a_counter_that_was_set_forward_by_hand_is_followed(three):
    three.account.smartbill.company.series["WEB"]["next"] = 5_000
    three.run()
    assert three.asked()["/invoice/paymentstatus"] < 100
    three.account.issue(60)
    assert three.run().created == 1
    assert three.shown("number")["WEB/5000/1"] == "5000"


def test_a_deleted_last_number_is_shown_as_deleted_and_comes_again_as_another_invoice(three):
    three.delete("0003")
    assert three.run().deleted == 1
    assert list(three.shown()) == ["WEB/1/1", "WEB/2/1"]
    three.account.issue(31)
    assert three.run().created == 1
    assert three.shown("total") == {"WEB/1/1": 1210, "WEB/2/1": 2420, "WEB/3/2": 3751}
    assert list(three.shown(deleted=True)) == ["WEB/3/1"]
    assert three.run()[:3] == (0, 0, 0)
    assert three.agreed


def test_numbers_given_out_again_between_two_runs_are_other_invoices(three):
    three.account.pay("0003", 36.30)
    three.run()
    for number in ("0003", "0002"):
        three.delete(number)
    for price in (21, 31, 40):
        three.account.issue(price)
    tally = three.run()
    assert (tally.created, tally.deleted) == (3, 2)
    assert three.shown("total") == {"WEB/1/1": 1210, "WEB/2/2": 2541, "WEB/3/2": 3751, "WEB/4/1": 4840}
    assert three.shown()["WEB/3/2"] == State.ISSUED, "what was paid of the one before is not paid of this one"


def test_the_same_total_for_another_client_is_another_invoice(three):
    three.delete("0003")
    three.account.issue(30, client={"name": "Altcineva SRL", "vatCode": "RO90000041", "country": "Romania"})
    assert three.run()[:3] == (1, 0, 1)
    assert three.shown("client_name")["WEB/3/2"] == "Altcineva SRL"


def test_payments_are_followed(three):
    three.account.pay("0001", 5)
    assert three.run().updated == 1
    assert (three.shown()["WEB/1/1"], three.shown("paid")["WEB/1/1"]) == (State.PARTLY_PAID, 500)
    three.account.pay("0001", 7.10)
    assert three.run().updated == 1
    assert (three.shown()["WEB/1/1"], three.shown("paid")["WEB/1/1"]) == (State.PAID, 1210)
    three.asked()
    three.run()
    assert three.asked()["/invoice/paymentstatus"] == 2, "what is paid is no longer asked for"


def test_a_cancelled_invoice_is_found_within_a_day(three):
    three.cancel("0001")
    for _ in range(DAY // EVERY):
        three.run()
    assert three.shown()["WEB/1/1"] == State.CANCELLED
    assert three.asked()["/invoice/pdf"] < DAY // EVERY + 10, "beside that of the last one, a PDF a day"


def test_a_storno_takes_its_invoice_back(three):
    three.account.post("/invoice/reverse", seriesName="WEB", number="0002")
    assert three.run()[:2] == (1, 1)
    assert three.shown() == {
        "WEB/1/1": State.ISSUED,
        "WEB/2/1": State.REVERSED,
        "WEB/3/1": State.ISSUED,
        "WEB/4/1": State.STORNO,
    }
    assert three.shown("reverses")["WEB/4/1"] == "WEB 0002"
    three.delete("0004")
    three.run()
    three.run(DAY)
    assert three.shown()["WEB/2/1"] == State.ISSUED, "nothing takes it back any more"


def test_the_invoice_of_a_proforma_is_shown_and_the_proforma_is_not(three):
    number = three.account.issue(series="PRO", path="/estimate/v2")
    assert three.run()[:3] == (0, 0, 0)
    three.account.issue(useEstimateDetails=True, estimate={"seriesName": "PRO", "number": number})
    assert three.run().created == 1
    assert len(three.shown()) == 4


def test_a_block_by_another_program_is_waited_out(three):
    three.account.issue(40)
    three.account.switch(kind="rate_limit")
    with pytest.raises(TryLater) as blocked:
        three.run()
    assert not isinstance(blocked.value, Misconfigured)
    assert 500 < blocked.value.after <= 600
    with pytest.raises(TryLater):
        three.run(60)
    assert three.asked()["/series"] == 1, "nobody asks during the block"
    assert three.run(600).created == 1
    assert three.agreed


@pytest.mark.parametrize("status", [403, 429])
def test_a_block_is_no_matter_of_credentials(three, status):
    three.account.behave(block_status=status)
    three.account.switch(kind="rate_limit")
    with pytest.raises(TryLater) as blocked:
        three.run()
    assert "token" not in str(blocked.value)
    three.run(700)
    assert three.agreed


def test_a_token_that_is_refused_is_a_matter_of_credentials(three):
    three.account.switch(kind="unauthorized", rate=1)
    with pytest.raises(Misconfigured, match="e-mail and token are not valid"):
        three.run()


def test_a_block_in_the_middle_loses_nothing(firm):
    for price in range(1, 40):
        firm.account.issue(price)
    limits, clock = firm.account.smartbill.limits, firm.clock
    ends, wait = clock.now() + EVERY + 30, clock.sleep

    def sleep(seconds):
        wait(seconds)
        if clock.now() >= ends and not limits.blocks:
            limits.block(TOKEN, clock.now())

    clock.sleep = sleep
    with pytest.raises(TryLater):
        firm.run()
    assert 20 < firm.unsettled + len(firm.shown()) < 39
    firm.run(700)
    assert set(firm.shown()) == {f"WEB/{number}/1" for number in range(1, 40)}
    # Each of them; one of which the block took the first answer; of those known by then the last, and two once a day.
    assert firm.asked()["/invoice/pdf"] == 39 + 1 + 3
    assert limits.blocks == 1


def test_a_pdf_that_can_not_be_read_leaves_unknown_what_only_it_tells(firm):
    firm.account.switch(kind="pdf_html", rate=1)
    firm.account.issue(10)
    firm.account.issue(20)
    firm.account.pay("0002", 24.20)
    firm.run()
    assert firm.shown() == {"WEB/1/1": State.UNKNOWN, "WEB/2/1": State.PAID}
    assert set(firm.shown("currency").values()) == {None}
    assert set(firm.shown("total").values()) == {None}
    firm.account.smartbill.faults.clear()
    firm.run(DAY)
    assert firm.shown("total")["WEB/1/1"] == 1210
    assert firm.shown()["WEB/1/1"] == State.ISSUED


def test_a_pdf_of_another_number_is_unsound_and_holds_up_nobody(three, monkeypatch):
    paper = three.account.smartbill.company.documents["f WEB 0001"]
    three.account.issue(40)
    row = three.account.smartbill.company.documents["f WEB 0004"]
    monkeypatch.setitem(row, "number", paper["number"])
    three.account.issue(50)
    assert three.run().quarantined == 1
    assert list(three.home.quarantined()) == ["WEB/4/1"]
    assert "WEB/5/1" in three.shown()


def test_what_was_stored_is_read_again_by_a_mended_parser(three, monkeypatch):
    three.account.issue(40)
    three.clock.sleep(EVERY)
    three.home.plan()
    three.home.collect(KIND)
    monkeypatch.setattr("accord.systems.smartbill.pdf._DUE", re.compile(r"Data \(zi/luna/an\): (\d\d/\d\d/\d{4})"))
    three.home.settle_all()
    assert three.shown("due_on")["WEB/4/1"] == three.shown("issued_on")["WEB/4/1"]


def test_a_rescan_finds_an_edit_and_what_was_missed(three):
    row = three.account.smartbill.company.documents["f WEB 0001"]
    three.account.pay("0001", 12.10)
    three.run()
    row["mentions"] = "edited"
    three.home.plan(Mode.RESCAN)
    assert three.run().updated == 1
    assert three.shown("mentions")["WEB/1/1"] == "edited"
    assert list(three.shown()) == ["WEB/1/1", "WEB/2/1", "WEB/3/1"], "an edit is no other invoice"


def test_a_rescan_asks_alone_for_what_it_did_not_find(three):
    three.account.issue(40)
    three.run()
    del three.account.smartbill.company.documents["f WEB 0002"]
    three.home.plan(Mode.RESCAN)
    assert three.run().deleted == 1
    assert list(three.shown(deleted=True)) == ["WEB/2/1"]


def test_an_invoice_that_is_fetched_alone_is_never_one_that_stood_there_before(three):
    source = three.home.shop
    assert source.fetch(KIND, "WEB/3/1") is not None
    three.delete("0003")
    assert source.fetch(KIND, "WEB/3/1") is None
    three.account.issue(31)
    assert source.fetch(KIND, "WEB/3/1") is None
    three.run()
    assert source.fetch(KIND, "WEB/3/1") is None
    assert source.fetch(KIND, "WEB/3/2") is not None


def test_an_invoice_that_is_fetched_alone_was_edited_where_the_next_one_stands_as_it_did(three):
    source = three.home.shop
    three.account.smartbill.company.documents["f WEB 0002"]["issued"] = "2025-01-31"
    assert source.fetch(KIND, "WEB/2/1") is not None
    three.delete("0003")
    three.delete("0002")
    for price in (21, 31, 40):
        three.account.issue(price)
    assert source.fetch(KIND, "WEB/2/1") is None, "another one, though it is not the last by now"


def test_numbers_given_out_again_while_history_is_read_are_other_invoices(three, monkeypatch):
    monkeypatch.setattr(smartbill, "PAGE", 1)
    source = three.home.shop
    page = source.page(KIND, 0, END, None)
    assert [one.key for one in source.records(KIND, page.body)] == ["WEB/3/1"]
    three.delete("0003")
    three.delete("0002")
    for price in (21, 31, 40):
        three.account.issue(price)
    page = source.page(KIND, 0, END, page.last.key)
    assert [(one.key, one.record.deleted) for one in source.records(KIND, page.body)] == [
        ("WEB/2/1", True),
        ("WEB/2/2", False),
    ]


def test_a_number_of_the_day_and_a_counter_stands_behind_all_others(firm):
    firm.account.smartbill.company.series["EXP"]["next"] = 20_261_126_001
    for _ in range(2):
        firm.account.issue(series="EXP")
    firm.account.issue()
    firm.run()
    assert firm.shown("position") == {"EXP/20261126001/1": 10**9, "EXP/20261126002/1": 10**9, "WEB/1/1": 1}
    firm.home.plan(Mode.RESCAN)
    assert firm.run()[:3] == (0, 0, 0)


def test_only_the_series_that_are_named_are_read(firm):
    firm.home.shop._only = frozenset({"EXP"})
    firm.account.issue()
    firm.account.issue(series="EXP")
    firm.run()
    assert list(firm.shown()) == ["EXP/1/1"]


def test_a_new_series_is_found_with_its_newest_invoices(three):
    for price in (1, 2, 3):
        three.account.issue(price, series="EXP")
    assert three.run().created == 3


def test_two_workers_settle_one_account(three, homes):
    """Whoever reads first, no state is shown that is older than one that was."""
    other = three.home.beside()
    three.account.pay("0001", 5)
    three.clock.sleep(EVERY)
    three.home.plan()
    three.home.collect(KIND)
    three.account.pay("0001", 7.10)
    other.open_recent(0, int(three.clock.now()), KIND)
    other.collect(KIND)
    newest = max(other.open_batches(KIND))
    other.settle_batch(newest)
    assert three.shown()["WEB/1/1"] == State.PAID
    three.home.settle_all()
    assert three.shown()["WEB/1/1"] == State.PAID
    three.run()
    assert three.shown()["WEB/1/1"] == State.PAID
    assert three.agreed


def test_where_very_many_are_open_each_has_its_turn(firm, monkeypatch):
    monkeypatch.setattr(polling, "FEW", 10)
    monkeypatch.setattr(polling, "APART", 60)
    for price in range(1, 32):
        firm.account.issue(price)
    firm.run()
    firm.asked()
    for number in range(1, 31):
        firm.account.pay(f"{number:04}", 0.5)
    asked = []
    while sum(firm.shown("paid").values()) < 30 * 50:
        firm.run()
        asked.append(firm.asked()["/invoice/paymentstatus"])
        assert len(asked) <= 1 + 31 * 60 // EVERY, "all of them have had their turn by then"
    assert max(asked) < 25


def test_the_pdf_of_an_invoice_that_was_just_fetched(three):
    source = three.home.shop
    (one,) = source.records(KIND, source.fetch(KIND, "WEB/2/1"))
    assert source.pdf(one).startswith(b"%PDF-")
    del three.account.smartbill.company.documents["f WEB 0002"]
    with pytest.raises(Refused, match="has no invoice WEB/2/1 any more"):
        source.pdf(one)


def test_a_series_that_is_shown_no_more_keeps_its_invoices(three):
    three.account.issue(40, series="EXP")
    three.run()
    three.account.smartbill.company.series["WEB"]["type"] = "archived"
    three.account.pay("0001", 5)
    assert three.run().updated == 1
    three.home.plan(Mode.RESCAN)
    tally = three.run()
    assert (tally.created, tally.updated, tally.deleted) == (0, 0, 0)
    assert tally.unchanged >= 4, "its three were met again"
    assert three.agreed

"""Invoices found number by number: new ones, gaps, deleted ones, numbers given out again, and all of history."""

from collections.abc import Callable
from typing import Any

import pytest

from accord.errors import TryLater
from accord.systems.smartbill import SmartBill
from accord.systems.smartbill.client import Series
from accord.systems.smartbill.walk import (
    Fingerprint,
    Found,
    Gap,
    Gone,
    Known,
    differs,
    history,
    spellings,
    walk,
    width_of,
)

WEB = "WEB"


def web(client: SmartBill) -> Series:
    return next(one for one in client.series() if one.name == WEB)


class Memory:
    """What a workflow would keep of a series."""

    def __init__(self) -> None:
        self.top = 0
        self.seen: dict[int, Fingerprint] = {}
        self.written: dict[int, str] = {}

    def known(self) -> Known:
        return Known(self.top, None, self.seen)

    def take(self, step: Found | Gap | Gone) -> str:
        """Remember a step, and say it briefly."""
        if isinstance(step, Found):
            known = step.number in self.seen
            self.seen[step.number] = step.fingerprint
            self.written[step.number] = step.written
            self.top = max(self.top, step.number)
            return f"{step.number} {'another' if step.another else 'same' if known else 'new'}"
        if isinstance(step, Gone):
            self.seen.pop(step.number)
            self.top = max(self.seen, default=0)
        return f"{step.number} {type(step).__name__.lower()}"


def walked(client: SmartBill, memory: Memory) -> list[str]:
    return [memory.take(step) for step in walk(client, web(client), memory.known())]


def test_new_numbers_upwards_and_nothing_twice(account: Any, client: SmartBill) -> None:
    memory = Memory()
    for price in (10, 20, 30):
        account.issue(price)
    assert walked(client, memory) == ["1 new", "2 new", "3 new"]
    assert memory.written == {1: "0001", 2: "0002", 3: "0003"}
    assert walked(client, memory) == ["3 same"]
    account.issue()
    assert walked(client, memory) == ["3 same", "4 new"]


def test_a_restart_in_the_middle_goes_on_where_it_was(account: Any, new_client: Callable[..., SmartBill]) -> None:
    memory = Memory()
    for price in (10, 20, 30, 40):
        account.issue(price)
    client = new_client()
    steps = walk(client, web(client), memory.known())
    assert [memory.take(next(steps)) for _ in range(2)] == ["1 new", "2 new"]
    del steps, client
    assert walked(new_client(), memory) == ["2 same", "3 new", "4 new"]


def test_a_counter_that_falls_means_that_the_last_was_deleted(account: Any, client: SmartBill) -> None:
    memory = Memory()
    for price in (10, 20, 30):
        account.issue(price)
    walked(client, memory)
    for number in ("0003", "0002"):
        account.change("DELETE", "/invoice", seriesname=WEB, number=number)
    assert walked(client, memory) == ["3 gone", "2 gone", "1 same"]
    account.issue(20)
    assert walked(client, memory) == ["1 same", "2 new"]


def test_a_number_that_was_given_out_again_between_two_walks(account: Any, client: SmartBill) -> None:
    memory = Memory()
    for price in (10, 20, 30):
        account.issue(price)
    walked(client, memory)
    for number in ("0003", "0002"):
        account.change("DELETE", "/invoice", seriesname=WEB, number=number)
    for price in (21, 31, 40):
        account.issue(price)
    assert walked(client, memory) == ["3 another", "2 another", "1 same", "4 new"]


def test_another_client_under_the_same_number_and_total(account: Any, client: SmartBill) -> None:
    memory = Memory()
    account.issue(50)
    walked(client, memory)
    account.change("DELETE", "/invoice", seriesname=WEB, number="0001")
    account.issue(50, client={"name": "Altcineva SRL", "vatCode": "RO90000041", "country": "Romania"})
    assert walked(client, memory) == ["1 another"]


def test_a_cancelled_invoice_is_the_same_one(account: Any, client: SmartBill) -> None:
    memory = Memory()
    account.issue()
    walked(client, memory)
    account.pay("0001", 20)
    assert walked(client, memory) == ["1 same"]
    account.change("PUT", "/invoice/cancel", seriesname=WEB, number="0001")
    assert walked(client, memory) == ["1 same"]


def test_missing_numbers_are_named(account: Any, client: SmartBill) -> None:
    memory = Memory()
    account.issue()
    account.smartbill.company.series[WEB]["next"] += 2
    account.issue()
    assert walked(client, memory) == ["1 new", "2 gap", "3 gap", "4 new"]


def test_the_last_number_deleted_behind_the_walks_back(account: Any, client: SmartBill) -> None:
    memory = Memory()
    account.issue()
    series = web(client)._replace(next_number=3)  # as it was before the second was deleted
    assert [memory.take(step) for step in walk(client, series, memory.known())] == ["1 new", "2 gap"]
    assert walked(client, memory) == ["1 same"]
    account.issue(7)
    assert walked(client, memory) == ["1 same", "2 new"]


def test_an_invoice_whose_pdf_can_not_be_had_is_told_all_the_same(account: Any, client: SmartBill) -> None:
    account.issue()
    account.switch(kind="pdf_html")
    (found,) = walk(client, web(client), Memory().known())
    assert isinstance(found, Found)
    assert found.text is None
    assert found.lacking == "SmartBill gave something else than a PDF"
    assert found.status.paid is False
    assert repr(found) == "<Found 1>"


def test_a_block_ends_a_walk_and_another_goes_on(account: Any, client: SmartBill) -> None:
    memory = Memory()
    for price in (10, 20):
        account.issue(price)
    steps = walk(client, web(client), memory.known())
    memory.take(next(steps))
    account.switch(kind="rate_limit")
    with pytest.raises(TryLater):
        next(steps)
    account.clock.sleep(601)
    assert walked(client, memory) == ["1 same", "2 new"]


def history_of(client: SmartBill, series: Series, below: int | None = None, width: int | None = None) -> list[str]:
    memory = Memory()
    return [memory.take(step) for step in history(client, series, below or series.next_number, width)]


def test_history_goes_down_to_the_start(account: Any, client: SmartBill) -> None:
    for price in (10, 20, 30):
        account.issue(price)
    account.smartbill.company.series[WEB]["next"] += 1
    account.issue()
    assert history_of(client, web(client)) == ["5 new", "4 gap", "3 new", "2 new", "1 new"]
    assert history_of(client, web(client), below=3) == ["2 new", "1 new"]


def test_a_series_that_began_at_1001_has_no_thousand_gaps(account: Any, client: SmartBill) -> None:
    for _ in range(2):
        account.issue(series="AB-2")
    series = next(one for one in client.series() if one.name == "AB-2")
    account.calls()
    gaps = [f"{number} gap" for number in range(1000, 980, -1)]
    assert history_of(client, series) == ["1002 new", "1001 new", *gaps]
    assert account.calls()["by_endpoint"]["/invoice/paymentstatus"] <= 50


def test_a_series_without_invoices(client: SmartBill) -> None:
    assert history_of(client, web(client)) == []
    assert walked(client, Memory()) == []


@pytest.mark.parametrize(
    ("number", "width", "written"),
    [
        (44, None, ["0044", "44", "044", "00044", "000044", "0000044", "00000044"]),
        (44, 3, ["044", "44"]),
        (44, 0, ["44"]),
        (12345, 4, ["12345"]),
        (1234, None, ["1234", "01234", "001234", "0001234", "00001234"]),
    ],
)
def test_how_a_number_may_be_written(number: int, width: int | None, written: list[str]) -> None:
    assert spellings(number, width) == written


@pytest.mark.parametrize(("number", "written", "width"), [(44, "0044", 4), (44, "44", 0), (1234, "1234", None)])
def test_the_width_is_learned_from_what_was_found(number: int, written: str, width: int | None) -> None:
    assert width_of(number, written) == width


def test_the_width_is_learned_once(account: Any, client: SmartBill) -> None:
    for _ in range(10):
        account.issue(series="EXP")  # plain numbers
    series = next(one for one in client.series() if one.name == "EXP")
    account.calls()
    steps = list(walk(client, series, Known(0, None, {})))
    assert [step.written for step in steps if isinstance(step, Found)] == [str(n) for n in range(1, 11)]
    assert account.calls()["by_endpoint"]["/invoice/paymentstatus"] == 11


def test_a_counter_with_zeros_tells_the_width(account: Any, client: SmartBill) -> None:
    account.behave(next_number="string")
    for _ in range(2):
        account.issue(series="AB-2")
    series = next(one for one in client.series() if one.name == "AB-2")
    assert series.width == 6
    found = [step for step in walk(client, series, Known(1000, None, {})) if isinstance(step, Found)]
    assert [step.written for step in found] == ["001001", "001002"]


def test_behind_many_gaps_history_looks_for_what_is_known_alone(account: Any, client: SmartBill) -> None:
    for price in (10, 20):
        account.issue(price)
    account.smartbill.company.series[WEB]["next"] = 1_000
    account.issue()
    account.calls()
    found = [step.number for step in history(client, web(client), 1_001, 4, [2]) if isinstance(step, Found)]
    assert found == [1000, 2, 1]
    assert account.calls()["by_endpoint"]["/invoice/paymentstatus"] < 50


def test_behind_many_gaps_a_walk_goes_on_below_the_counter(account: Any, client: SmartBill) -> None:
    memory = Memory()
    account.issue()
    walked(client, memory)
    account.issue()
    account.smartbill.company.series[WEB]["next"] = 1_000
    account.issue()
    account.calls()
    assert [said for said in walked(client, memory) if "gap" not in said] == ["1 same", "2 new", "1000 new"]
    assert account.calls()["by_endpoint"]["/invoice/paymentstatus"] < 100


@pytest.mark.parametrize(
    ("now", "another"),
    [
        (Fingerprint("1", "vat:c", "2026-01-01"), False),
        (Fingerprint("2", "vat:c", "2026-01-01"), True),
        (Fingerprint("1", "vat:d", "2026-01-01"), True),
        (Fingerprint("1", "vat:c", "2026-01-02"), True),
        (Fingerprint("1", "name:c", "2026-01-01"), False),
        (Fingerprint("1", None, None), False),
        (Fingerprint(None, None, "2026-01-02"), True),
    ],
)
def test_by_what_an_invoice_is_known_again(now: Fingerprint, another: bool) -> None:
    assert differs(Fingerprint("1", "vat:c", "2026-01-01"), now) is another

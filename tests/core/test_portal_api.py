"""The portal behind an HTTP API does what every target must, whatever happens between it and Accord."""

import itertools
import json
import logging
import random
import threading
from contextlib import closing

import httpx
import msgspec
import pytest

from accord.budget import SharedBudget
from accord.documents import Document, Origin, Party
from accord.errors import Misconfigured, Refused, TryLater
from accord.records import Kind
from accord.sandbox.app import application, build
from accord.sandbox.direct import Direct
from accord.sandbox.portal.service import READER, TOKEN
from accord.sandbox.serve import served

KIND = Kind.DOCUMENT
MAIN, EU = "oblio/main", "smartbill/eu"


@pytest.fixture
def portal(connect_portal, homes):
    return connect_portal(fan_out=homes.Straight())


@pytest.fixture
def row(shops):
    def row(key, total=1, rev=1, **fields):
        return rev, shops.document(key, total=total, **fields)

    return row


def totals(portal, connection=MAIN):
    at = portal.fields(KIND).index("total")
    return {key: values[at] for key, _, values in portal.read(connection, KIND)}


def switch(sandbox, **fault):
    sandbox.portal.faults.add(fault)


def test_every_field_comes_back_as_it_was_written(portal, tried):
    fit = {"currency": "EUR", "issued_on": "2026-01-31", "due_on": "2026-02-28"}
    full = msgspec.structs.replace(tried.made_up(KIND, "full"), **fit)
    gone = tried.empty(KIND, "gone", deleted=True)
    assert portal.write(MAIN, KIND, [(1, full), (1, gone), (1, tried.empty(KIND, "none"))]) == {}
    read = {key: (deleted, values) for key, deleted, values in portal.read(MAIN, KIND)}
    assert portal.fields(KIND) == Document.fields()
    for record in (full, gone, tried.empty(KIND, "none")):
        assert read[record.key] == (record.deleted, tuple(getattr(record, field) for field in Document.fields()))


def test_a_document_whose_pdf_is_awaited_is_shown_without_saying_so(portal, row):
    rev, document = row("d_1", pdf=None, origins={"total": Origin.API, "pdf": Origin.AWAITED})
    assert portal.write(MAIN, KIND, [(rev, document)]) == {}
    [(key, _, values)] = portal.read(MAIN, KIND)
    assert key == "d_1"
    assert values[portal.fields(KIND).index("origins_json")] == '{"total":"api"}'
    assert values == tuple(getattr(document, field) for field in Document.fields())


def test_keys_may_hold_whatever_a_service_puts_in_them(portal, row):
    keys = ["WEB/1/0", "..", "a b&c=d", "ș", "%2F", "?", "#", "+"]
    portal.write(MAIN, KIND, [row(key, total=n) for n, key in enumerate(keys)])
    assert totals(portal) == {key: n for n, key in enumerate(keys)}


def test_a_later_rev_is_never_overwritten(portal, row):
    portal.write(MAIN, KIND, [row("d_1", 5, rev=5)])
    assert portal.write(MAIN, KIND, [row("d_1", 4, rev=4), row("d_2", 4, rev=4)]) == {}
    assert totals(portal) == {"d_1": 5, "d_2": 4}
    portal.write(MAIN, KIND, [row("d_1", 6, rev=6)])
    assert totals(portal) == {"d_1": 6, "d_2": 4}


def test_whatever_the_order_the_latest_rev_stays(portal, row):
    for number, revs in enumerate(itertools.permutations(range(1, 5))):
        for rev in revs:
            portal.write(MAIN, KIND, [row(f"d_{number}", rev, rev=rev)])
    assert {*totals(portal).values()} == {4}


def test_writers_at_once_leave_the_latest_rev(connect_portal, row, at_once):
    chance = random.Random(7)
    lists = [[(rev, n) for rev in chance.sample(range(1, 40), 8) for n in range(6)] for _ in range(4)]
    todo, lock = iter(lists), threading.Lock()

    def work():
        with lock:
            mine = next(todo)
        chance.shuffle(mine)
        worker = connect_portal()
        for start in range(0, len(mine), 6):
            worker.write(MAIN, KIND, [row(f"d_{n}", rev, rev=rev) for rev, n in mine[start : start + 6]])

    at_once(work, 4)
    highest = max(rev for one in lists for rev, _ in one)
    by_key = {f"d_{n}": max(rev for one in lists for rev, m in one if m == n) for n in range(6)}
    assert totals(connect_portal()) == by_key
    assert connect_portal().highest_rev(MAIN) == highest


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_workers_the_one_with_the_later_rev_is_shown_whoever_comes_last(connect_portal, row, first):
    one, other = connect_portal(), connect_portal()
    one.write(MAIN, KIND, [row("d_1", first, rev=first)])
    other.write(MAIN, KIND, [row("d_1", 3 - first, rev=3 - first)])
    assert totals(one) == {"d_1": 2}


def test_a_worker_that_slept_does_no_harm(connect_portal, sandbox, row, homes, monkeypatch, clock):
    """Its PUT was heard and its answer lost; before it asks again, another worker has gone on."""
    late, other = connect_portal(fan_out=homes.Straight()), connect_portal()
    monkeypatch.setattr(clock, "sleep", lambda _: other.write(MAIN, KIND, [row("d_1", 9, rev=9)]))
    switch(sandbox, kind="drop_answer", method="PUT")
    assert late.write(MAIN, KIND, [row("d_1", 4, rev=4)]) == {}
    assert totals(other) == {"d_1": 9}


def test_two_connections_in_one_portal_do_not_mix(portal, row):
    portal.write(MAIN, KIND, [row("d_1", 1, rev=9)])
    portal.write(EU, KIND, [row("d_1", 2, rev=8)])
    assert (totals(portal), totals(portal, EU)) == ({"d_1": 1}, {"d_1": 2})
    assert [portal.highest_rev(name) for name in (MAIN, EU, "oblio/none")] == [9, 8, 0]


def test_a_document_that_is_refused_holds_up_no_other_and_tells_no_value(portal, row):
    secret = {"client": Party(name="Ana Canary"), "currency": "canary"}
    refused = portal.write(MAIN, KIND, [row("d_1"), row("d_2", **secret), row("d_3")])
    assert refused == {"d_2": "the portal refuses it (422): /problems/unfit at /document/currency"}
    assert totals(portal).keys() == {"d_1", "d_3"}
    assert portal.write(MAIN, KIND, [row("d_2", rev=2)]) == {}


def test_where_all_of_many_are_refused_the_portal_does_not_fit(portal, row):
    assert len(portal.write(MAIN, KIND, [row(f"d_{n}", currency="x") for n in range(20)])) == 20
    with pytest.raises(Misconfigured, match=r"/document/currency; no document is taken, so look at what"):
        portal.write(MAIN, KIND, [row(f"d_{n}", currency="x") for n in range(21)])


def test_writing_nothing_asks_nothing(portal, way):
    assert portal.write(MAIN, KIND, []) == {}
    assert way.sent == []


def test_the_time_of_agreement_is_there_to_be_read_and_never_goes_back(portal):
    assert portal.last_agreed(MAIN) is None
    for at in (1_800_000_000.7, 1_800_000_500.0, 1_800_000_100.0):
        portal.agreed(MAIN, at)
    assert (portal.last_agreed(MAIN), portal.last_agreed(EU)) == (1_800_000_500, None)


def test_a_portal_has_a_name_of_its_own(connect_portal, sandbox, clock):
    portal = connect_portal()
    portal.check()
    assert portal.identity() == connect_portal().identity() == sandbox.portal.store.id
    other = build(now=clock.now, payments=0)
    assert connect_portal(send=Direct(other)).identity() != portal.identity()


def test_an_answer_that_is_dropped_after_the_work_is_asked_for_again(portal, sandbox, way, row):
    switch(sandbox, kind="drop_answer", method="PUT", times=2)
    assert portal.write(MAIN, KIND, [row("d_1", 5, rev=3)]) == {}
    assert totals(portal) == {"d_1": 5}
    assert len(way.puts) == 3
    assert len({*way.puts}) == 1, "the same request, by its key too"


@pytest.mark.parametrize(
    "kind", ["drop_before", "drop_midway", "server_error", "html_502", "truncated_json", "rate_limit"]
)
def test_trouble_that_passes_is_waited_out(connect_portal, sandbox, row, kind):
    switch(sandbox, kind=kind, method="PUT", times=4)
    portal = connect_portal()
    assert portal.write(MAIN, KIND, [row(f"d_{n}", n) for n in range(50)]) == {}
    assert totals(portal) == {f"d_{n}": n for n in range(50)}


@pytest.mark.parametrize("kind", ["drop_before", "drop_answer", "drop_midway"])
def test_connections_that_break_are_no_matter_over_sockets_either(connect_portal, sandbox, row, kind):
    with served(application(sandbox)) as url, closing(connect_portal(url=url, send=None)) as portal:
        switch(sandbox, kind=kind, method="PUT", times=5)
        assert portal.write(MAIN, KIND, [row(f"d_{n}", n) for n in range(100)]) == {}
        assert totals(portal) == {f"d_{n}": n for n in range(100)}
    assert sandbox.portal.stats.shown()["by_status"]["201"] >= 95


def test_429_in_the_middle_pauses_and_all_are_shown(portal, sandbox, row, noted, connect_portal, homes):
    portal = connect_portal(fan_out=homes.Straight(), budget=noted)
    portal.write(MAIN, KIND, [row("d_1")])
    switch(sandbox, kind="rate_limit", retry_after="4")
    portal.write(MAIN, KIND, [row("d_2"), row("d_3")])
    assert [note for note in noted.notes if note[0] == "pause"] == [("pause", None, 4)]
    assert totals(portal).keys() == {"d_1", "d_2", "d_3"}


def test_at_its_rate_no_request_is_one_too_many(connect_portal, sandbox, clock, in_memory, row):
    """Two workers share the portal's limit through the ledger."""
    sandbox.portal.limits.per_second = 50
    ledger = in_memory()
    shared = [SharedBudget("portal", per_endpoint=None, in_all=50, ledger=ledger, clock=clock) for _ in range(2)]
    workers = [connect_portal(budget=budget) for budget in shared]
    began = clock.monotonic()
    for start in range(0, 600, 100):
        worker = workers[start // 100 % 2]
        worker.write(MAIN, KIND, [row(f"d_{n}") for n in range(start, start + 100)])
    assert sandbox.portal.stats.shown()["throttled"] == 0
    assert clock.monotonic() - began == pytest.approx(12, abs=1)
    with pytest.raises(TryLater, match="429"):  # without a rate
        connect_portal().write(MAIN, KIND, [row(f"d_{n}", rev=2) for n in range(100)])


class Killed(BaseException):
    """The worker ends here, without any clearing up."""


class Dying:
    """A fan-out whose worker dies before the n-th call."""

    def __init__(self, at):
        self.left = at

    def repeat(self, step, width):
        while True:
            if self.left == 0:
                raise Killed
            self.left -= 1
            if not step():
                return


@pytest.mark.parametrize("at", range(5))
def test_a_worker_that_is_killed_between_two_puts_is_followed_by_one_that_does_the_same(
    connect_portal, sandbox, way, row, at
):
    rows = [row(f"d_{n}", n, rev=7) for n in range(4)]
    with pytest.raises(Killed):
        connect_portal(fan_out=Dying(at)).write(MAIN, KIND, rows)
    first = list(way.puts)
    assert len(first) == at
    assert connect_portal().write(MAIN, KIND, rows) == {}
    assert {*first} <= {*way.puts[at:]}, "the same requests, by their keys"
    assert totals(connect_portal()) == {f"d_{n}": n for n in range(4)}
    assert sandbox.portal.store.shelf(MAIN).highest_rev == 7


def test_the_same_document_makes_the_same_request_however_it_was_read(portal, way, row):
    found = {"total": Origin.API, "number": Origin.PDF}
    portal.write(MAIN, KIND, [row("d_1", origins=found)])
    portal.write(MAIN, KIND, [row("d_1", origins=dict(reversed(found.items())))])
    portal.write(MAIN, KIND, [row("d_1", origins=found, rev=2)])
    one, again, later = [key for _, key in way.puts]
    assert one == again != later


def test_what_was_taken_before_trouble_is_not_sent_again_by_the_same_worker(portal, sandbox, way, row):
    rows = [row(f"d_{n}", n) for n in range(10)]
    portal.write(MAIN, KIND, rows[:1])
    way.sent.clear()
    real, left = way.handle_request, iter(range(4))

    def failing(request):
        if next(left, None) is None:
            way.sent.append(request)
            return httpx.Response(503)
        return real(request)

    way.handle_request = failing
    with pytest.raises(TryLater, match="the portal answered 503"):
        portal.write(MAIN, KIND, rows)
    assert totals_of(sandbox) == {f"d_{n}": n for n in range(4)}
    way.handle_request = real
    way.sent.clear()
    assert portal.write(MAIN, KIND, rows) == {}
    assert [key for key, _ in way.puts] == [f"d_{n}" for n in range(4, 10)]
    assert totals(portal) == {f"d_{n}": n for n in range(10)}


def totals_of(sandbox):
    return {key: kept.document["total"] for key, kept in sandbox.portal.store.shelf(MAIN).documents.items()}


def test_after_an_error_no_more_is_sent_than_was_under_way(connect_portal, sandbox, way, row):
    switch(sandbox, kind="unauthorized", rate=1)
    with pytest.raises(Misconfigured):
        connect_portal().write(MAIN, KIND, [row(f"d_{n}") for n in range(500)])
    assert len(way.sent) <= 2 * 17


def test_a_portal_that_breaks_the_rule_about_revs_is_told_of(portal, sandbox, row):
    switch(sandbox, kind="lower_rev")
    with pytest.raises(Misconfigured, match=r"given rev 7 of document d_1 and shows rev 6: .* tell whoever runs it"):
        portal.write(MAIN, KIND, [row("d_1", rev=7)])


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, Misconfigured, "the token of the Portal API account block main not, or no longer; set a new one"),
        (403, Misconfigured, "the token of the Portal API account block main may not read and write"),
        (404, Misconfigured, "no portal API at the base_url of the Portal API account block main"),
        (405, Misconfigured, "no portal API at the base_url"),
        (429, TryLater, "the portal answered 429"),
        (500, TryLater, "the portal answered 500"),
        (503, TryLater, "the portal answered 503"),
        (409, TryLater, "the portal answered 409"),
        (412, Refused, "the portal answered 412"),
        (302, Refused, "redirects are not followed"),
    ],
)
def test_what_other_answers_mean(connect_portal, row, status, error, said):
    portal = connect_portal(send=httpx.MockTransport(lambda _: httpx.Response(status, text="<p>canary</p>")))
    for call in (portal.check, lambda: portal.write(MAIN, KIND, [row("d_1")]), lambda: portal.agreed(MAIN, 1.0)):
        with pytest.raises(error, match=said) as caught:
            call()
        assert "canary" not in str(caught.value)


def test_a_token_that_may_only_read_is_named(connect_portal, row):
    portal = connect_portal(token=READER)
    with pytest.raises(Misconfigured, match="may only read from the portal"):
        portal.check()
    with pytest.raises(Misconfigured, match="may not read and write documents"):
        portal.write(MAIN, KIND, [row("d_1")])


@pytest.mark.parametrize("body", [{}, {"api": "portal/2", "id": "x", "writes": True}, [], {"api": 1, "id": "x"}])
def test_another_api_at_the_address_is_told_of(connect_portal, body):
    portal = connect_portal(send=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    with pytest.raises(Misconfigured, match="base_url"):
        portal.check()


def test_a_proxy_s_page_in_place_of_an_answer_is_tried_later(connect_portal, row):
    portal = connect_portal(send=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>")))
    for call in (portal.check, lambda: portal.write(MAIN, KIND, [row("d_1")]), lambda: [*portal.read(MAIN, KIND)]):
        with pytest.raises(TryLater, match="was it a proxy's page"):
            call()


def test_a_list_of_several_pages_is_read_to_its_end(portal, way, row, homes):
    portal.write(MAIN, KIND, [row(f"d_{n:04}", n) for n in range(450)])
    way.sent.clear()
    assert len(totals(portal)) == 450
    assert len(way.sent) == 3


def test_a_list_that_goes_round_is_told_of(connect_portal):
    page = {"documents": [], "next": "d_1"}
    portal = connect_portal(send=httpx.MockTransport(lambda _: httpx.Response(200, json=page)))
    with pytest.raises(Misconfigured, match="goes round"):
        [*portal.read(MAIN, KIND)]


@pytest.mark.parametrize("spoil", [{"state": "canary"}, {"total": "12.10"}, {"lines": 5}, {"deleted": None}])
def test_a_document_that_the_portal_shows_spoilt_differs_and_stops_nothing(portal, sandbox, row, spoil):
    portal.write(MAIN, KIND, [row("d_1"), row("d_2")])
    sandbox.portal.store.shelf(MAIN).documents["d_1"].document.update(spoil)
    read = {key: values for key, _, values in portal.read(MAIN, KIND)}
    assert {*read["d_1"]} == {None}
    assert read["d_2"][0] == "d_2"


def test_fields_that_the_portal_leaves_out_are_none(portal, sandbox, row):
    portal.write(MAIN, KIND, [row("d_1", mentions=None)])
    del sandbox.portal.store.shelf(MAIN).documents["d_1"].document["mentions"]
    assert totals(portal) == {"d_1": 1}


def test_nothing_of_a_document_and_no_token_is_logged_or_shown(portal, sandbox, row, caplog):
    caplog.set_level(logging.DEBUG)
    switch(sandbox, kind="drop_answer", method="PUT")
    secret = {"client": Party(name="Canary SRL", email="canary@example.com"), "mentions": "canary"}
    portal.write(MAIN, KIND, [row("d_1", **secret), row("d_2", currency="canary")])
    [*portal.read(MAIN, KIND)]
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "PUT /portal/v1/document" in logged
    assert "canary" not in logged.lower()
    assert TOKEN not in logged
    assert "canary" not in json.dumps([repr(portal), repr(vars(portal))]).lower()

"""A company's invoices from Oblio, as the sandbox plays it, all the way into the portal."""

import contextlib
import random
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from accord import collect
from accord.archive import open_archive
from accord.budget import NeverOpen, Unlimited
from accord.errors import Misconfigured, TryLater
from accord.filing import Filing
from accord.identity import require_same_account
from accord.ledger import files, inbox, streams
from accord.plan import DAY, Mode
from accord.reading import as_page
from accord.records import Kind
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.oblio import changes, documents, lists, seed, shop
from accord.sandbox.oblio.errors import OblioError
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.wire import Ask
from accord.standing import stand
from accord.systems.oblio import Credentials, Invoices, Known, Rates, connect

KIND = Kind.DOCUMENT
NAME = "stripe/main"  # of the connection, as a home has it
LIST = "/docs/invoice/list"
WEEKS = 40 * DAY


class Firm:
    """What people do at Oblio, and a way to its API on which something may happen before a list is given."""

    def __init__(self, clock):
        self.sandbox = build(now=clock.now, payments=0)
        self.oblio, self._clock = self.sandbox.oblio, clock
        seed.fill(self.oblio.store, invoices=230, seed=1)
        self.company = self.oblio.store.company(shop.CIF)
        self.between = []  # what happens before each list, one after the other
        self.alone = []  # what was asked for by itself
        self.client = httpx.Client(transport=self)
        self._direct = Direct(self.sandbox, clock.sleep)

    def __enter__(self):
        return self._direct

    def __exit__(self, *_):
        pass

    def handle_request(self, request):
        if request.url.path.endswith(LIST):
            self.alone += [key] if (key := request.url.params.get("id")) else []
            if self.between:
                self.between.pop(0)()
        return self._direct.handle_request(request)

    def close(self):
        pass

    def issue(self, **call):
        usual = {"client": self.company.clients[0], "seriesName": "MDP", "products": [{"name": "Sac", "price": 121}]}
        return documents.create(self.oblio.store, self.company, "invoice", usual | call, Settings())["id"]

    def _named(self, key):
        row = self.company.documents[key]
        return {"seriesName": row["seriesName"], "number": row["number"]}

    def pay(self, key, **part):
        documents.collect(self.oblio.store, self.company, self._named(key) | {"collect": {"type": "Card"} | part})

    def storno(self, key):
        call = {"seriesName": "MDP", "referenceDocument": {"type": "Factura"} | self._named(key)}
        return documents.create(self.oblio.store, self.company, "invoice", call, Settings())["id"]

    def change(self, how, key):
        getattr(changes, how)(self.oblio.store, self.company, "invoice", self._named(key))

    def send(self, key):
        changes.send(self.oblio.store, self.company, self._named(key), Settings(spv_seconds=3_000))

    def listed(self, **only):
        """How many invoices are on a list."""
        params = {"limitPerPage": "100", **only}
        pages = [
            lists.page(self.oblio.store, self.company, "invoice", params | {"offset": str(at)}, "", lists.View())
            for at in range(0, 1_000, 100)
        ]
        return sum(len(msgspec.json.decode(page)) for page in pages)

    def day(self, days):
        """The day so many days from now."""
        return (
            datetime.fromtimestamp(self._clock.now() + days * 86_400, ZoneInfo("Europe/Bucharest")).date().isoformat()
        )

    def row(self, key):
        return self.company.documents[key]

    def find(self, series="MDP", **like):
        """The newest invoice that is like this, free of all that changes elsewhere."""
        plain = {"canceled": "0", "storno": "0", "reversed_by": [], "draft": "0"} | like
        rows = [row for row in self.company.documents.values() if row["type"] == "Factura"]
        rows = [row for row in rows if row["seriesName"] == series and plain.items() <= row.items()]
        return rows[len(rows) // 3]["id"]

    def calls(self):
        """Answers to each endpoint since it was last looked."""
        found = dict(self.oblio.stats.by_endpoint)
        self.oblio.stats.reset()
        return found

    def fault(self, **wanted):
        self.oblio.faults.add({"path": f"/api{LIST}"} | wanted)


@pytest.fixture
def firm(clock):
    made = Firm(clock)
    made.oblio.stats.reset()
    return made


@pytest.fixture
def new_source(firm, clock):
    """Makes the source as each run has one of its own."""

    def new_source(ledger, admit=lambda _: None, budget=None, secret=CLIENT_SECRET):
        client = connect(
            base_url="http://sandbox.test/oblio/api",
            cif=shop.CIF,
            credentials=lambda: Credentials(CLIENT_ID, secret),
            budget=budget or Unlimited(),
            breaker=NeverOpen(),
            clock=clock,
            client=firm.client,
        )
        return Invoices(client, Known(ledger, NAME), clock, admit)

    return new_source


@pytest.fixture
def home(new_ledger, homes, clock, new_source, noted_portal):
    ledger = new_ledger(clock)
    return homes.Home(ledger, new_source(ledger), noted_portal, kinds={KIND})


@pytest.fixture
def read(home, firm, clock):
    """Everything is in the portal, and some weeks have passed."""
    home.run()
    assert agrees(home, firm)
    clock.jump(WEEKS)
    home.run()
    clock.jump(600)
    home.target.written.clear()
    firm.calls()
    return home


def agrees(home, firm):
    """Whether the portal shows what Oblio has, and nothing else as being there."""
    rows = [row for row in firm.company.documents.values() if row["type"] == "Factura"]
    there = {key: row for key, row in home.shown(KIND).items() if not row["deleted"]}
    shown = {key: (row["series"], row["number"], row["total"]) for key, row in there.items()}
    wanted = {row["id"]: (row["seriesName"], row["number"], round(float(row["total"]) * 100)) for row in rows}
    assert shown == wanted
    paid = {row["id"]: round(sum(float(one["value"]) for one in row["collects"]) * 100) for row in rows}
    assert {key: row["paid"] for key, row in there.items()} == paid
    assert {key for key, row in there.items() if row["state"] == "cancelled"} == {
        row["id"] for row in rows if row["canceled"] == "1"
    }
    return stand(home.ledger, home.sync).agreed


def test_the_first_run_reads_all_of_history(home, firm):
    tally = home.run()
    assert tally.created == len([row for row in firm.company.documents.values() if row["type"] == "Factura"])
    assert agrees(home, firm)
    issuers = {row["issuer_name"] for row in home.shown(KIND).values()}
    assert issuers == {"Prăvălia Exemplu SRL"}
    assert firm.calls() == {
        "POST /authorize/token": 1,
        "GET /nomenclature/companies": 1,
        "GET /docs/invoice/list": -(-tally.created // 100) + 2,  # and the end, and a look back
    }


@pytest.mark.parametrize("batch", [5_000, 20])
def test_a_run_with_nothing_changed_asks_little_and_writes_nothing(read, firm, monkeypatch, batch):
    monkeypatch.setattr(collect, "BATCH", batch)
    assert read.run().again == 0, "no invoice is read twice"
    assert read.target.written == []
    unpaid, lately = firm.listed(collected="0", canceled="0"), firm.listed(issuedAfter=firm.day(-15))
    assert firm.calls() == {"GET /docs/invoice/list": 1 + unpaid // 100 + 1 + lately // 100 + 1}


def test_what_is_new_appears_once(read, firm):
    keys = [firm.issue(issueDate=day) for day in ("2026-12-30", "2019-01-07")]  # also what is dated back
    assert read.run().created == 2
    assert sorted(read.target.written) == sorted(keys)
    assert read.run().created == 0
    assert agrees(read, firm)


@pytest.mark.parametrize("part", [{}, {"value": "0.5"}], ids=["all", "a part"])
def test_a_payment_of_an_old_invoice_arrives_with_the_next_run(read, firm, part):
    key = firm.find(collects=[])
    firm.pay(key, **part)
    assert read.run().updated == 1
    assert read.target.written == [key]
    assert read.shown(KIND)[key]["state"] == ("partly paid" if part else "paid")
    assert agrees(read, firm)


def test_many_payments_at_once_arrive_with_the_next_run(read, firm):
    rows = [
        r for r in firm.company.documents.values() if (r["type"], r["canceled"], r["storno"]) == ("Factura", "0", "0")
    ]
    open_ = [r["id"] for r in rows if not r["collects"] and not r["reversed_by"]]
    for _ in range(60):
        open_.append(firm.issue())
    for _ in range(100):
        firm.issue()
    read.run()
    firm.alone.clear()
    for key in open_:
        firm.pay(key)
    assert read.run().updated == len(open_) > 60
    assert sorted(firm.alone) == sorted(set(firm.alone)), "each is asked for once"
    assert len(firm.alone) > 60
    assert agrees(read, firm)


def test_an_invoice_that_is_cancelled_and_restored(read, firm, clock):
    key = firm.find(collects=[], spv=None)
    for how, state in (("cancel", "cancelled"), ("restore", "issued")):
        firm.change(how, key)
        assert read.run().updated == 1
        assert read.shown(KIND)[key]["state"] == state
        clock.jump(600)
    assert agrees(read, firm)


def test_an_edit_of_an_open_invoice(read, firm):
    key = firm.find(collects=[], spv=None)
    call = {"client": firm.company.clients[1], "products": [{"name": "Roată", "price": 242}]}
    documents.edit(firm.oblio.store, firm.company, firm._named(key) | call)
    assert read.run().updated == 1
    assert read.shown(KIND)[key]["total"] == 24_200
    assert agrees(read, firm)


def test_a_storno_shows_at_once_and_what_it_takes_back_as_well_while_it_is_unpaid(read, firm):
    key = firm.find(collects=[])
    storno = firm.storno(key)
    tally = read.run()
    assert (tally.created, tally.updated) == (1, 1)
    shown = read.shown(KIND)
    assert (shown[storno]["state"], shown[key]["state"]) == ("storno", "reversed")


def test_of_what_was_paid_the_night_shows_that_it_is_taken_back(read, firm):
    key = min(k for k, row in read.shown(KIND).items() if row["state"] == "paid" and row["series"] == "MDP")
    firm.storno(key)
    assert read.run().created == 1
    assert read.shown(KIND)[key]["state"] == "paid"
    read.plan(Mode.NIGHTLY)
    read.run()
    assert read.shown(KIND)[key]["state"] == "reversed"
    assert agrees(read, firm)


def test_what_the_tax_authority_says_of_a_new_one_and_of_an_old_one_that_is_paid(read, firm, clock):
    old = firm.issue()
    firm.pay(old)
    read.run()
    clock.jump(WEEKS)
    new = firm.issue()
    firm.send(new)
    firm.send(old)
    read.plan(Mode.NIGHTLY)  # no list shows sooner that an old one was sent
    read.run()
    assert {read.shown(KIND)[key]["einvoice"] for key in (new, old)} == {"processing"}
    clock.jump(3_600)
    read.run()
    assert {read.shown(KIND)[key]["einvoice"] for key in (new, old)} == {"accepted"}
    firm.alone.clear()
    read.run()
    assert firm.alone == [], "none is asked for by itself any more"


def test_a_number_that_is_deleted_and_used_again_is_another_invoice(read, firm, clock):
    first = firm.issue()
    read.run()
    clock.jump(600)
    firm.change("delete", first)
    second = firm.issue(products=[{"name": "Sac", "price": 99}])
    assert firm.row(second)["number"] == read.shown(KIND)[first]["number"]
    tally = read.run()
    assert (tally.created, tally.deleted) == (1, 1)
    shown = read.shown(KIND)
    assert (shown[first]["deleted"], shown[second]["deleted"], shown[second]["total"]) == (True, False, 9_900)
    assert agrees(read, firm)


def test_one_that_is_deleted_far_down_the_list_is_found_by_the_night(read, firm, clock):
    key = firm.issue(seriesName="B-24")
    firm.pay(key)
    for _ in range(120):
        firm.issue()
    read.run()
    clock.jump(600)
    firm.row(key)["collects"] = []
    firm.change("delete", key)
    assert read.run().deleted == 0
    read.plan(Mode.NIGHTLY)
    assert read.run().deleted == 1
    assert agrees(read, firm)


@pytest.mark.parametrize("batch", [5_000, 100])
def test_a_list_that_shifts_while_it_is_read_loses_nothing(home, firm, monkeypatch, batch):
    """New ones come, and last numbers go, between the pages of the first reading."""
    monkeypatch.setattr(collect, "BATCH", batch)
    last = firm.issue()
    firm.between = [lambda: None, firm.issue, lambda: firm.change("delete", last_of(firm, "MDP")), firm.issue]
    firm.between += [lambda: firm.change("delete", last_of(firm, "MDP"))] * 2
    assert home.run().again == 0
    home.run()
    assert last in home.shown(KIND)
    assert agrees(home, firm)


def last_of(firm, series):
    rows = [r for r in firm.company.documents.values() if (r["type"], r["seriesName"]) == ("Factura", series)]
    rows[-1].update(collects=[], spv=None)
    return rows[-1]["id"]


def test_what_a_rescan_leaves_out_is_not_deleted(read, firm):
    """It is walked twice, and both times one goes while a page's edge is crossed."""
    for _ in range(8):
        firm.issue()
    read.run()
    gone = lambda: firm.change("delete", last_of(firm, "MDP"))  # noqa: E731
    firm.between = [lambda: None, gone, gone, lambda: None, gone, gone, gone, gone]
    read.plan(Mode.NIGHTLY)
    firm.alone.clear()
    read.run()
    assert agrees(read, firm)
    there = [key for key in firm.alone if key in firm.company.documents]
    assert there, "the walks have left some out"


def test_lists_that_are_empty_all_at_once_delete_nothing(read, firm):
    before = read.shown(KIND)
    for row in firm.company.documents.values():
        row["born"] += 10**9  # no list shows it
    read.run()
    assert read.shown(KIND) == before
    read.plan(Mode.NIGHTLY)
    read.run()
    assert read.shown(KIND) == before
    assert KIND in read.ledger.read(lambda c: streams.stopped(c, read.sync.name))


FAULTS = [
    {"kind": "rate_limit", "status": 429},
    {"kind": "rate_limit", "status": 403},
    {"kind": "unauthorized"},
    {"kind": "server_error"},
    {"kind": "html_502"},
    {"kind": "truncated_json"},
    {"kind": "drop_answer"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}")
@pytest.mark.parametrize("after", [0, 2])
def test_trouble_in_mid_run(home, firm, fault, after):
    firm.between = [*([lambda: None] * after), lambda: firm.fault(**fault)]
    try:
        home.run()
    except TryLater:
        home.run()
    key = firm.find(collects=[])
    firm.pay(key)
    firm.between = [*([lambda: None] * after), lambda: firm.fault(**fault)]
    try:
        home.run()
    except TryLater:
        home.run()
    assert agrees(home, firm)


@pytest.mark.parametrize("seed_", [1, 2])
def test_a_busy_week_beside_readings_and_trouble(home, firm, new_source, clock, monkeypatch, seed_):
    """People are at work before, between and during the readings, some of which break off."""
    dice = random.Random(seed_)
    monkeypatch.setattr(collect, "BATCH", 120)
    usual = home.plan

    def work():
        for _ in range(dice.randrange(4)):
            shop.live(firm.oblio, dice)

    def trouble():
        firm.fault(**dice.choice([fault for fault in FAULTS if fault["kind"] != "unauthorized"]))

    for turn in range(14):
        firm.between = [dice.choice([work, work, trouble, lambda: None]) for _ in range(12)]
        home.shop = home.collector.source = new_source(home.ledger)
        home.plan = (lambda: usual(Mode.NIGHTLY)) if turn % 4 == 3 else usual
        with contextlib.suppress(TryLater):
            home.run()
        clock.jump(DAY / 2)
        work()
    firm.between = []
    firm.oblio.faults.clear()
    home.plan = lambda: usual(Mode.NIGHTLY)
    home.run()
    assert agrees(home, firm)


def test_a_token_that_ends_with_each_page(home, firm):
    firm.between = [firm.oblio.tokens.revoke, lambda: None] * 3  # the second is the same list with a new token
    home.run()
    assert agrees(home, firm)


def test_both_limits_are_kept_and_waited_out_where_others_use_them_up(home, firm, new_source, clock):
    firm.oblio.settings.limit = True
    home.shop.oblio = new_source(home.ledger, budget=Rates(NAME, home.ledger, clock)).oblio

    def use_up():
        for token in firm.oblio.tokens.dump()["ends"]:
            bearer = {"authorization": f"Bearer {token}"}
            for _ in range(31):
                firm.oblio.answer(Ask("GET", "/api/nomenclature/companies", "", b"", bearer))

    firm.between = [lambda: None, use_up]
    home.run()
    assert agrees(home, firm)


def test_the_company_is_told_before_anything_is_read(home, firm, new_source):
    told = []

    def refuse(owner):
        told.append(str(owner))
        raise Misconfigured("another company")

    home.shop = home.collector.source = new_source(home.ledger, refuse)
    with pytest.raises(Misconfigured, match="another company"):
        home.run()
    assert told[0] == f"account {shop.CIF.removeprefix('RO')} at Oblio"
    assert "GET /docs/invoice/list" not in firm.calls()


def test_a_connection_reads_one_company(home, new_source):
    first = new_source(home.ledger, lambda owner: require_same_account(home.sync, home.ledger, owner))
    first.fetch(KIND, "880001")
    other = new_source(home.ledger, lambda owner: require_same_account(home.sync, home.ledger, owner))
    other.oblio._cif = shop.SECOND_CIF
    with pytest.raises(Misconfigured, match=r"so far account .* at Oblio was read"):
        other.fetch(KIND, "880001")


def test_what_is_kept_is_read_again_without_oblio(home, firm):
    page = home.shop.page(KIND, 0, 10**9, None)
    (one,) = home.shop.records(KIND, home.shop.fetch(KIND, firm.find()))
    firm.fault(kind="server_error", path="", times=1_000)
    found = list(home.shop.records(KIND, page.body))
    assert (len(found), page.count, page.has_more) == (100, 100, True)
    assert {each.record.issuer.vat_id for each in found} == {shop.CIF}
    assert one.record.issuer == found[0].record.issuer
    again = list(home.shop.records(KIND, as_page([each.raw for each in found])))
    assert [each.record for each in again] == [each.record for each in found]


def test_pages_are_bounded(home, firm):
    ids = sorted(int(row["id"]) for row in firm.company.documents.values() if row["type"] == "Factura")
    lo, hi = ids[5], ids[-150]
    keys, after, more = [], None, True
    while more:
        page = home.shop.page(KIND, lo, hi, after)
        keys += [one.key for one in home.shop.records(KIND, page.body)]
        after, more = page.last and page.last.key, page.has_more
    assert keys == [str(id_) for id_ in reversed(ids) if lo <= id_ < hi]


def test_an_unsound_invoice_is_kept_and_holds_up_no_other(read, firm):
    key = firm.find(collects=[])
    firm.issue()
    firm.fault(kind="wrong_type", object=key, field="total", value="12,50", times=1_000)
    assert read.run().created == 1
    assert [*read.quarantined()] == [key]
    assert read.quarantined()[key] == ["Text that is no decimal number - at `$.total`"]


def test_places_name_no_one(home, firm):
    page = home.shop.page(KIND, 0, 10**9, None)
    place = msgspec.json.decode(page.last.key)
    assert set(place) <= {"offset", "newest", "oldest", "lowest", "last", "again", "same"}
    assert not any(client["name"] in page.last.key for client in firm.company.clients)


def test_a_deletion_is_refused_where_oblio_would(firm):
    """What these tests delete is the last of a series."""
    first = firm.issue()
    firm.issue()
    with pytest.raises(OblioError):
        firm.change("delete", first)


def test_the_pdf_of_a_new_invoice_is_archived_in_the_same_run(
    new_ledger, homes, clock, firm, new_source, noted_portal, tmp_path
):
    ledger = new_ledger(clock)
    archive = open_archive(f"file://{tmp_path}/archive", {}, "the archive")
    source = Filing(new_source(ledger), archive, ledger, NAME)
    home = homes.Home(ledger, source, noted_portal, kinds={KIND})
    home.run()
    clock.jump(600)
    home.run()
    assert agrees(home, firm), "what is shown without a PDF so far agrees all the same"
    new = firm.issue()
    clock.jump(600)
    home.run()
    shown = home.shown(KIND)
    assert archive.read(shown[new]["pdf"]).startswith(b"%PDF-")
    filed = ledger.read(lambda c: files.count(c, NAME))
    assert sum(row["pdf"] is not None for row in shown.values()) == filed > 100
    assert ledger.read(lambda c: inbox.unfiled(c, home.sync.name)) == 0

"""Actions: wanted once, intended before they are sent, and driven to an end whatever is answered."""

import contextlib
from collections.abc import Sequence

import pytest

from accord import acting, actions
from accord.actions import Look, NotNeeded, Twin, Waits
from accord.documents import Party
from accord.errors import LeftAlone, Misconfigured, NotSent, Refused, TryLater, Unclear
from accord.invoicing import IssueInvoice, Paid
from accord.ledger import actions as rows
from accord.ledger import entries, leases
from accord.ledger.cipher import Cipher, new_key
from accord.records import Kind, Payment
from accord.sync import Sync

SYNC = Sync("payment-to-account/main", "stripe/main", "accounts/main")


def payment(key="ch_1", **changed):
    values = {"status": "succeeded", "amount": 1000, "captured": 1000, "refunded": 0, "disputed": False, "created": 100}
    values |= {"customer": "cus_1", "intent": "pi_1", "currency": "RON", "failure_code": None, "leg": None}
    return Payment(key=key, **{**values, **changed})


class Scripted:
    """An action whose answers a test writes down: an error is raised, anything else is given."""

    name, kind, since, account = "invoices", Kind.PAYMENT, 100, "books/main"
    waits = Waits(30, 600, 120)

    def __init__(self, heeds=None, steps=("invoice",)):
        self.heeds, self.steps = heeds, steps
        self.composed, self.sends, self.looks = [], [], []
        self.answers, self.found, self.date = [], [], None

    def wants(self, record):
        return record.status == "succeeded"

    def overtaken(self, record):
        return "take it back" if record.refunded else None

    def compose(self, key, mark):
        self.composed.append(key)
        return b"%s %d" % (key.encode(), len(self.composed))

    def before(self, sent):
        return self.date, {"noted": len(self.sends)}

    def send(self, sent, until):
        self.sends.append((sent.step, sent.mark, sent.payload))
        return self._next(self.answers, Twin("doc_1", "A", "0001"))

    def find(self, sent):
        self.looks.append(sent.mark)
        found = self._next(self.found, [])
        return Look(found, self.date)

    def _next(self, script, otherwise):
        answer = script.pop(0) if script else otherwise
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def ledger(new_ledger, clock):
    return new_ledger(clock)


@pytest.fixture
def want(ledger):
    def want(action, *records: Payment) -> None:
        ledger.write(lambda c: actions.want(c, SYNC, [action], records or [payment()], ledger.now(c)))

    return want


@pytest.fixture
def act(ledger):
    return lambda *declared, owner="w": dict(acting.act(SYNC, declared, ledger, owner, "run"))


@pytest.fixture
def shown(ledger):
    def shown() -> Sequence[rows.Row]:
        return ledger.read(rows.listed)

    return shown


def test_an_action_is_done_once_however_often_it_is_asked_for(want, act, shown, ledger):
    action = Scripted()
    for _ in range(3):
        want(action)
        act(action)
    (row,) = shown()
    assert (row.state, row.twin, row.series, row.number) == ("done", "doc_1", "A", "0001")
    assert len(action.sends) == 1
    told = ledger.read(lambda c: entries.story(c, "ch_1"))
    assert [(one.change, one.because) for one in told] == [("action done", "invoices: A 0001")]


def test_what_is_older_than_the_action_or_asks_for_nothing_is_left_alone(want, shown):
    want(Scripted(), payment(created=99), payment("ch_2", status="failed"), payment("ch_3", deleted=True))
    assert shown() == []


def test_what_an_action_made_asks_for_none(want, act, shown):
    action = Scripted()
    want(action)
    act(action)
    want(action, payment("doc_1"), payment("ch_2"))
    assert [row.key for row in shown()] == ["ch_1", "ch_2"]


def test_the_payload_is_kept_encrypted_and_the_mark_stays(want, act, shown, ledger):
    action = Scripted(heeds=3600.0)
    action.answers = [TryLater("no answer")]
    want(action)
    act(action)
    (row,) = shown()
    assert row.state == "sending"
    assert b"ch_1" not in row.payload
    ledger.clock.sleep(61)
    act(action)
    assert action.composed == ["ch_1"]
    assert len({(mark, payload) for _, mark, payload in action.sends}) == 1
    assert len(action.sends) == 2


def test_each_intention_is_kept_under_the_newest_key(want, act, shown, ledger):
    action, old, new = Scripted(heeds=3600.0), new_key(), new_key()
    action.answers = [TryLater("no answer"), TryLater("no answer")]
    want(action)
    for keys in (old, f"{new},{old}"):
        ledger.cipher = Cipher(keys)
        act(action)
        ledger.clock.sleep(61)
    assert rows.payload(Cipher(new), shown()[0]) == action.sends[0][2]


def test_without_keys_it_waits_until_nothing_can_come_of_it_any_more(want, act, shown, ledger):
    action = Scripted()
    action.answers = [TryLater("no answer")]
    want(action)
    for _ in range(15):
        act(action)
        ledger.clock.sleep(49)
    assert len(action.sends) == 1  # 735 s of 750
    ledger.clock.sleep(16)
    assert act(action) == {"done": 1}
    assert len(action.sends) == 2


def test_by_the_other_systems_clock_where_it_is_told(want, act, ledger):
    action = Scripted()
    action.answers, action.date = [TryLater("no answer")], 1000.0
    want(action)
    act(action)
    ledger.clock.jump(90_000)  # set by somebody, while hardly any time has passed
    action.date = 1005.0
    act(action)
    assert len(action.sends) == 1
    ledger.clock.sleep(747)
    action.date = 1752.0
    act(action)
    assert len(action.sends) == 2


def test_a_clock_that_is_set_back_makes_it_wait_anew(want, act, shown, ledger):
    action = Scripted()
    action.answers = [TryLater("no answer")]
    want(action)
    act(action)
    ledger.clock.jump(-90_000)
    act(action)
    ledger.clock.sleep(749)
    act(action)
    assert len(action.sends) == 1
    ledger.clock.sleep(2)
    assert act(action) == {"done": 1}


def test_what_is_found_is_taken_and_what_was_made_as_well_is_told(want, act, shown, ledger):
    action = Scripted()
    action.answers, action.found = [TryLater("no answer")], [[Twin("doc_7", "A", "7"), Twin("doc_8", "A", "8")]]
    want(action)
    act(action)
    ledger.clock.sleep(750)
    assert act(action) == {"done": 1}
    assert shown()[0].number == "7"
    assert shown()[0].why == "made as well: A 8; take back what is too many"
    assert len(action.sends) == 1


def test_nobody_else_acts_at_an_account_without_keys_while_one_is_in_doubt(want, act, shown, ledger):
    action = Scripted()
    action.answers = [TryLater("no answer")]
    want(action, payment("ch_1"), payment("ch_2"))
    act(action)
    assert [row.state for row in shown()] == ["sending", "wanted"]
    ledger.clock.sleep(751)
    assert act(action) == {"done": 2}


def test_nor_what_was_wanted_when_it_was_done_at_another_account(want, act, shown, ledger):
    before, now = Scripted(), Scripted()
    now.account = "books/new"
    now.answers = [TryLater("no answer")]
    want(now, payment("ch_1"))
    want(before, payment("ch_2"))
    act(now)
    assert [row.state for row in shown()] == ["sending", "wanted"]
    ledger.clock.sleep(751)
    assert act(now) == {"done": 2}


def test_a_lease_of_another_worker_is_waited_for(want, act, shown, ledger):
    action = Scripted()
    want(action)
    ledger.write(lambda c: leases.acquire(c, "action:books/main", "other", ledger.now(c)))
    assert act(action) == {}
    ledger.clock.sleep(61)
    assert act(action) == {"done": 1}


def test_a_refusal_is_an_end_and_a_refused_repetition_is_not_until_it_is_looked_up(want, act, shown, ledger):
    keyed = Scripted(heeds=3600.0)
    keyed.answers = [Refused("it says no")]
    want(keyed)
    assert act(keyed) == {"refused": 1}
    keyed.answers = [TryLater("no answer"), Refused("the key was used")]
    want(keyed, payment("ch_2"))
    act(keyed)
    ledger.clock.sleep(61)
    act(keyed)
    assert {row.key: row.state for row in shown()} == {"ch_1": "refused", "ch_2": "sending"}
    ledger.clock.sleep(751)
    keyed.found = [[Twin("doc_2")]]
    assert act(keyed) == {"done": 1}


def test_a_refused_repetition_of_which_nothing_is_found_is_refused(want, act, shown, ledger):
    keyed = Scripted(heeds=3600.0)
    keyed.answers = [TryLater("no answer"), Refused("the VAT name is unknown")]
    want(keyed)
    for seconds in (61, 751):
        act(keyed)
        ledger.clock.sleep(seconds)
    assert act(keyed) == {"refused": 1}
    assert shown()[0].why == "the VAT name is unknown"


def test_a_key_that_is_too_old_is_not_relied_upon(want, act, ledger):
    keyed = Scripted(heeds=600.0)
    keyed.answers = [TryLater("no answer"), TryLater("no answer")]
    want(keyed)
    act(keyed)
    ledger.clock.sleep(599)
    act(keyed)
    ledger.clock.sleep(121)
    act(keyed)
    assert len(keyed.sends) == 2
    ledger.clock.sleep(751)
    assert act(keyed) == {"done": 1}


def test_what_can_not_be_looked_up_is_unknown_and_says_what_to_look_at(want, act, shown, ledger, caplog):
    action = Scripted()
    action.answers, action.found = [TryLater("no answer")], [Unclear("look at A 7")]
    want(action)
    act(action)
    ledger.clock.sleep(751)
    assert act(action) == {"unknown": 1}
    assert (shown()[0].state, shown()[0].why) == ("unknown", "look at A 7")
    assert "unknown: look at A 7" in caplog.text
    assert act(action) == {}


def test_after_many_attempts_a_person_is_asked(want, act, shown, ledger):
    keyed = Scripted(heeds=1e9)
    keyed.answers = [TryLater("no answer") for _ in range(100)]
    want(keyed)
    for _ in range(acting.MOST):
        assert act(keyed) == {}
        ledger.clock.sleep(acting.LONGEST + 1)
    assert act(keyed) == {"unknown": 1}
    assert "24 requests were not answered" in shown()[0].why
    assert len(keyed.sends) == acting.MOST


@pytest.mark.parametrize("heeds", [None, 3600.0])
def test_what_was_not_sent_is_sent_later_and_counts_as_no_attempt(want, act, shown, ledger, heeds):
    action = Scripted(heeds=heeds)
    action.answers = [LeftAlone("it is left in peace", 120), NotSent("too late")]
    want(action)
    act(action)
    assert (shown()[0].state, shown()[0].attempt) == ("wanted", 0)
    for seconds in (119, 1, 61):
        act(action)
        ledger.clock.sleep(seconds)
    assert act(action) == {"done": 1}
    assert action.looks == []


def test_a_wrong_setting_is_told_once_everything_else_was_done(want, act, shown, ledger):
    wrong, right = Scripted(), Scripted()
    right.name = "others"
    wrong.answers = [Misconfigured("the token is not valid")]
    want(wrong)
    want(right)
    with pytest.raises(Misconfigured, match="token"):
        act(wrong, right)
    assert {row.name: row.state for row in shown()} == {"invoices": "wanted", "others": "done"}
    ledger.clock.sleep(61)
    assert act(wrong) == {"done": 1}


def test_what_is_not_to_be_done_any_more_is_refused_before_anything_is_sent(want, act, shown):
    action = Scripted()
    action.compose = lambda key, mark: (_ for _ in ()).throw(Refused("it was refunded"))
    want(action)
    assert act(action) == {"refused": 1}
    assert (shown()[0].why, action.sends) == ("it was refunded", [])


def test_steps_are_made_one_after_the_other_each_with_its_own_doubt(want, act, shown, ledger):
    action = Scripted(steps=("proforma", "invoice"))
    action.answers = [Twin("p_1", "P", "1"), TryLater("no answer")]
    want(action)
    act(action)
    assert [step for step, *_ in action.sends] == ["proforma", "invoice"]
    assert '"proforma":["p_1","P","1"]' in shown()[0].note
    ledger.clock.sleep(751)
    assert act(action) == {"done": 1}
    assert [step for step, *_ in action.sends] == ["proforma", "invoice", "invoice"]


def test_a_person_has_it_begun_anew_under_another_mark(want, act, shown, ledger):
    action = Scripted()
    action.answers = [Refused("the VAT name is unknown")]
    want(action)
    act(action)
    (row,) = shown()
    assert ledger.write(lambda c: rows.again(c, row, ledger.now(c)))
    assert not ledger.write(lambda c: rows.again(c, row, ledger.now(c)))
    assert act(action) == {"done": 1}
    assert len({mark for _, mark, _ in action.sends}) == 2
    assert not ledger.write(lambda c: rows.again(c, shown()[0], ledger.now(c)))


def test_which_payments_ask_for_an_invoice():
    wants = lambda **changed: IssueInvoice.wants(None, payment(**changed))  # noqa: E731
    assert wants()
    assert wants(captured=700)
    unlike = [{"status": "pending"}, {"captured": 0}, {"refunded": 1}, {"disputed": True}]
    assert not any(wants(**changed) for changed in unlike)


def test_what_was_sent_to_an_account_that_is_no_more_used_is_for_a_person(want, act, shown, ledger):
    before, now = Scripted(heeds=3600.0), Scripted(heeds=3600.0)
    now.account = "books/new"
    before.answers = [TryLater("no answer")]
    want(before, payment("ch_1"))
    act(before)
    want(before, payment("ch_2"))
    assert act(now) == {"unknown": 1, "done": 1}
    assert {row.key: (row.state, row.account) for row in shown()} == {
        "ch_1": ("unknown", "books/main"),
        "ch_2": ("done", "books/new"),
    }
    assert "look for accord-" in shown()[0].why


@pytest.mark.parametrize("error", [NotSent("too late"), Misconfigured("the token is not valid")])
def test_what_was_not_sent_to_it_is_done_at_the_new_account(want, act, shown, ledger, error):
    before, now = Scripted(heeds=3600.0), Scripted(heeds=3600.0)
    now.account = "books/new"
    before.answers = [error]
    want(before)
    with contextlib.suppress(Misconfigured):
        act(before)
    ledger.clock.sleep(acting.PAUSE)
    assert act(now) == {"done": 1}
    assert (shown()[0].account, before.looks) == ("books/new", [])


def test_what_is_not_needed_is_skipped_and_no_payload_is_kept_behind_an_end(want, act, shown):
    action = Scripted()
    action.compose = lambda key, mark: (_ for _ in ()).throw(NotNeeded("it belongs to an invoice"))
    want(action)
    assert act(action) == {"skipped": 1}
    other = Scripted()
    want(other, payment("ch_2"))
    assert act(other) == {"done": 1}
    assert [row.payload for row in shown()] == [None, None]


def test_what_is_in_doubt_is_looked_up_before_more_than_fit_a_turn_that_wait_for_it(
    ledger, want, act, clock, monkeypatch
):
    monkeypatch.setattr(rows, "MANY", 2)
    action = Scripted()
    for key in ("ch_1", "ch_2"):
        want(action, payment(key))
    action.compose = raising(TryLater("away"))
    act(action)
    clock.jump(10)
    want(action, payment("ch_3"))
    del action.compose
    action.answers = [TryLater("no answer")]
    act(action)
    assert [sent[2] for sent in action.sends] == [b"ch_3 1"]
    clock.jump(2 * action.waits.quiet)
    for _ in range(4):
        act(action)
        clock.jump(2 * action.waits.quiet)
    assert {*ledger.read(rows.counts)} == {"done"}


def test_what_fails_again_and_again_holds_up_nothing_that_was_wanted_later(ledger, want, act, clock, monkeypatch):
    monkeypatch.setattr(rows, "MANY", 2)
    action = Scripted(heeds=86_400)
    composed = action.compose
    action.compose = lambda key, mark: composed(key, mark) if key == "ch_3" else raising(TryLater("unreadable"))()
    for key in ("ch_1", "ch_2", "ch_3"):
        want(action, payment(key))
        clock.jump(1)
    for _ in range(3):
        act(action)
        clock.jump(300)
    assert [sent[2] for sent in action.sends] == [b"ch_3 1"]


def test_what_is_given_back_after_it_was_done_is_told_until_a_person_has_dealt_with_it(want, act, shown, ledger):
    action = Scripted()
    want(action)
    act(action)
    want(action, payment(refunded=500))
    (row,) = shown()
    assert (row.state, row.why, row.number) == ("overtaken", "take it back", "0001")
    assert ledger.read(lambda c: rows.stuck(c, SYNC.connection, {Kind.PAYMENT})) == {"overtaken": 1}
    assert not ledger.write(lambda c: rows.again(c, row, ledger.now(c))), "that would be a second one"
    ledger.write(lambda c: rows.change(c, row, state="dropped"))
    want(action, payment(refunded=500))
    assert shown()[0].state == "dropped"
    assert ledger.read(lambda c: rows.stuck(c, SYNC.connection, {Kind.PAYMENT})) == {}
    action.overtaken = lambda record: "take the rest back"
    want(action, payment(refunded=1000))
    assert (shown()[0].state, shown()[0].why) == ("overtaken", "take the rest back")
    assert act(action) == {}


def test_what_is_given_back_while_an_answer_is_awaited_is_told_once_it_is_done(want, act, shown, clock):
    action = Scripted(heeds=3600)
    action.answers = [TryLater("no answer")]
    want(action)
    act(action)
    want(action, payment(refunded=500))
    assert shown()[0].state == "sending"
    action.found = [[Twin("doc_1", "A", "0001")]]
    clock.jump(120)
    act(action)
    assert (shown()[0].state, shown()[0].why) == ("overtaken", "take it back")


def test_nothing_is_stuck_where_no_action_ever_was(ledger, want):
    assert ledger.read(lambda c: rows.stuck(c, SYNC.connection, {Kind.PAYMENT})) is None
    want(Scripted())
    assert ledger.read(lambda c: rows.stuck(c, SYNC.connection, {Kind.PAYMENT})) == {}
    assert ledger.read(lambda c: rows.stuck(c, SYNC.connection, {Kind.REFUND})) is None


def test_which_payments_have_overtaken_their_invoice():
    overtaken = lambda **changed: IssueInvoice.overtaken(None, payment(**changed))  # noqa: E731
    assert overtaken() is None
    assert overtaken(refunded=250).startswith("2.50 RON of the payment was given back since: issue a storno")
    assert overtaken(disputed=True).startswith("the payment was disputed since")


class Books(Scripted):
    """An issuer that is another one's than so far."""

    def __init__(self):
        super().__init__(heeds=3600.0)
        self.another = False

    def admit(self):
        if self.another:
            raise Misconfigured("another company")

    def payload(self, order):
        return order.mark.encode()


class Till:
    """Where payments are read."""

    def paid(self, key):
        return Paid(key, 1000, "RON", "cus_1", Party(name="Ana"))


@pytest.mark.parametrize("composed", [False, True])
def test_nothing_is_issued_in_another_companys_name(want, act, shown, clock, composed):
    books = Books()
    want(IssueInvoice(0, Till(), books, clock))
    if composed:
        books.answers = [NotSent("later")]
        act(IssueInvoice(0, Till(), books, clock))
        clock.jump(120)
    books.another, sent = True, len(books.sends)
    for _ in range(2):
        with pytest.raises(Misconfigured, match="another company"):
            act(IssueInvoice(0, Till(), books, clock))
        clock.jump(120)
    assert (len(books.sends), books.looks) == (sent, [])
    assert shown()[0].state == "wanted"
    books.another = False
    assert act(IssueInvoice(0, Till(), books, clock)) == {"done": 1}


def raising(error):
    def fail(*_):
        raise error

    return fail

"""Records and links: what was accepted, and what the target shows."""

from accord.ledger import links
from accord.ledger.links import Intent, Link

TARGET, SOURCE, KIND = "accounts/main", "stripe/main", "payment"


def intend(ledger, batch, *intents, target=TARGET, ticket=0):
    rows = [Intent(*intent) for intent in intents]
    ledger.write(lambda c: links.intend(c, target, SOURCE, KIND, batch, ticket, rows))


def intent(key, rev, hash_="h1", deleted=False, position=5, facts=None):
    return (key, rev, hash_, deleted, position, facts or {"customer": "cus_1", "amount": 2**53 + 1})


def done(ledger, batch, target=TARGET):
    ledger.write(lambda c: links.done(c, target, batch))


def load(ledger, *keys, target=TARGET):
    return ledger.read(lambda c: links.load(c, target, SOURCE, KIND, keys))


def test_an_intention_is_sending_until_its_outcome(new_ledger):
    ledger = new_ledger()
    intend(ledger, 7, intent("ch_1", 1))
    assert load(ledger, "ch_1", "ch_2") == {"ch_1": Link("ch_1", "sending", 1, None, "h1", 7, False)}
    assert ledger.read(lambda c: links.sending(c, TARGET, SOURCE)) == 1
    done(ledger, 7)
    assert load(ledger, "ch_1") == {"ch_1": Link("ch_1", "done", 1, "h1", "h1", 7, False)}
    assert ledger.read(lambda c: links.sending(c, TARGET, SOURCE)) == 0


def test_what_the_target_shows_is_kept_until_the_next_outcome(new_ledger):
    ledger = new_ledger()
    intend(ledger, 7, intent("ch_1", 1))
    done(ledger, 7)
    intend(ledger, 8, intent("ch_1", 2, "h2", deleted=True))
    assert load(ledger, "ch_1")["ch_1"] == Link("ch_1", "sending", 2, "h1", "h2", 8, True)
    done(ledger, 8)
    assert load(ledger, "ch_1")["ch_1"].hash == "h2"


def test_the_outcome_of_a_batch_is_not_that_of_a_later_one(new_ledger):
    ledger = new_ledger()
    intend(ledger, 7, intent("ch_1", 1), intent("ch_2", 1))
    intend(ledger, 8, intent("ch_1", 2, "h2"))
    done(ledger, 7)
    assert [(link.state, link.hash) for link in load(ledger, "ch_1", "ch_2").values()] == [
        ("sending", None),
        ("done", "h1"),
    ]


def test_only_what_the_target_has_been_shown_is_known(new_ledger):
    ledger = new_ledger()
    intend(ledger, 7, intent("ch_1", 1))
    known = lambda: ledger.read(lambda c: links.known(c, TARGET, SOURCE, KIND, ["ch_1", "ch_2"]))  # noqa: E731
    assert known() == {}
    done(ledger, 7)
    assert known() == {"ch_1": {"customer": "cus_1", "amount": 2**53 + 1}}
    intend(ledger, 8, intent("ch_1", 2, "h2"))
    assert "ch_1" in known()


def test_many_keys_are_looked_up_at_once(new_ledger):
    ledger = new_ledger()
    keys = [f"ch_{n}" for n in range(6_000)]
    intend(ledger, 7, *(intent(key, 1) for key in keys))
    assert len(load(ledger, *keys)) == 6_000


def test_each_target_has_links_of_its_own(new_ledger):
    ledger = new_ledger()
    intend(ledger, 7, intent("ch_1", 1))
    intend(ledger, 8, intent("ch_1", 2), target="accounts/other")
    done(ledger, 8, target="accounts/other")
    assert load(ledger, "ch_1")["ch_1"].state == "sending"
    assert load(ledger, "ch_1", target="accounts/other")["ch_1"].state == "done"


def test_confirming_moves_the_rev_forward_only(new_ledger):
    ledger = new_ledger()
    intend(ledger, 7, intent("ch_1", 3), intent("ch_2", 9))
    done(ledger, 7)
    ledger.write(lambda c: links.confirm(c, TARGET, SOURCE, KIND, 8, 0, 5, ["ch_1", "ch_2", "ch_3"]))
    found = load(ledger, "ch_1", "ch_2", "ch_3")
    assert {key: (link.rev, link.batch, link.state) for key, link in found.items()} == {
        "ch_1": (5, 8, "done"),
        "ch_2": (9, 7, "done"),
    }


def test_unseen_are_the_live_ones_of_a_stretch_that_nobody_saw_since(new_ledger):
    ledger = new_ledger()
    intend(
        ledger,
        7,
        intent("before", 1, position=9),
        intent("first", 1, position=10),
        intent("gone", 1, position=15, deleted=True),
        intent("read before, settled after", 9, position=19),
        intent("behind", 1, position=20),
        ticket=4,
    )
    intend(ledger, 8, intent("seen", 6, position=15), ticket=5)
    unseen, among = ledger.read(lambda c: links.unseen(c, TARGET, SOURCE, KIND, 10, 20, 5))
    assert (sorted(unseen), among) == (["first", "read before, settled after"], 3)
    assert ledger.read(lambda c: links.live(c, TARGET, SOURCE, KIND)) == 5


def test_the_oldest_record_is_the_oldest_that_is_there(new_ledger):
    """A tombstone stands nowhere: its position says nothing."""
    ledger = new_ledger()
    assert ledger.read(lambda c: links.oldest(c, SOURCE)) is None
    intend(ledger, 7, intent("ch_1", 1, position=50), intent("ch_2", 1, position=40))
    intend(ledger, 8, intent("ch_3", 2, deleted=True, position=0))
    assert ledger.read(lambda c: links.oldest(c, SOURCE)) == 40

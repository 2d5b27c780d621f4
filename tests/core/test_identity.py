"""One account to a connection, one connection to an account, one target to a sync."""

import pytest

from accord.errors import Misconfigured
from accord.identity import assign, require_same_account, require_same_target, take_over
from accord.ledger import counters, streams
from accord.ports import Owner
from accord.sync import Sync

ONE, OTHER, NAMELESS = Owner("acct_1", "test"), Owner("acct_2", "test"), Owner(None, "test")


def sync(name, accounts="main"):
    return Sync(f"payment-to-account/{name}", f"stripe/{name}", f"accounts/{accounts}")


def read(ledger, name):
    """A run of this connection was planned."""
    ledger.write(lambda c: streams.put(c, f"payment-to-account/{name}", "payment", watermark=1))


def test_a_connection_stays_with_its_account(new_ledger):
    ledger = new_ledger()
    require_same_account(sync("eu"), ledger, ONE)
    require_same_account(sync("eu"), ledger, ONE)
    with pytest.raises(Misconfigured, match="one of account acct_2 in test mode, but so far account acct_1"):
        require_same_account(sync("eu"), ledger, OTHER)
    require_same_account(sync("us"), ledger, OTHER)


def test_an_account_is_read_by_one_connection_only(new_ledger):
    ledger = new_ledger()
    require_same_account(sync("eu"), ledger, ONE)
    with pytest.raises(Misconfigured, match="acct_1 in test mode is read by stripe/eu already") as caught:
        require_same_account(sync("us"), ledger, ONE)
    assert "change that of stripe/eu" in str(caught.value)
    # Nothing of the attempt stays: with a key of its own the connection is as good as new.
    require_same_account(sync("us"), ledger, OTHER)


def test_keys_that_do_not_tell_their_account_are_not_taken_for_one(new_ledger):
    ledger = new_ledger()
    require_same_account(sync("eu"), ledger, NAMELESS)
    require_same_account(sync("us"), ledger, NAMELESS)


def test_a_sync_stays_with_its_target(new_ledger):
    ledger = new_ledger()
    require_same_target(sync("eu"), ledger)
    with pytest.raises(Misconfigured, match="settled into accounts/main so far, not into accounts/other"):
        require_same_target(sync("eu", "other"), ledger)


def test_what_was_never_read_may_be_changed(new_ledger):
    ledger = new_ledger()
    assign(sync("eu"), ledger, ONE, ["stripe/eu"])
    assign(sync("eu", "other"), ledger, OTHER, ["stripe/eu"])
    assign(sync("us"), ledger, ONE, ["stripe/eu", "stripe/us"])
    with pytest.raises(Misconfigured, match="read by stripe/us already"):
        assign(sync("eu", "other"), ledger, ONE, ["stripe/eu", "stripe/us"])
    require_same_account(sync("eu", "other"), ledger, OTHER)


def test_a_target_that_was_never_settled_into_may_be_changed_though_another_sync_reads_the_connection(new_ledger):
    ledger = new_ledger()
    assign(sync("eu"), ledger, ONE, ["stripe/eu"])
    read(ledger, "eu")
    for portal in ("wrong", "right"):
        assign(Sync("invoice-to-portal/stripe-eu", "stripe/eu", f"portal/{portal}"), ledger, ONE, ["stripe/eu"])
    with pytest.raises(Misconfigured, match="settled into accounts/main so far"):
        assign(sync("eu", "other"), ledger, ONE, ["stripe/eu"])


def test_a_connection_that_is_gone_and_was_never_read_gives_its_account_free(new_ledger):
    ledger = new_ledger()
    assign(sync("eu"), ledger, ONE, [])
    assign(sync("europe"), ledger, ONE, ["stripe/europe"])
    read(ledger, "europe")
    with pytest.raises(Misconfigured, match="read by stripe/europe already"):
        assign(sync("eu"), ledger, ONE, [])


def test_what_was_read_stays_as_it_is(new_ledger):
    ledger = new_ledger()
    assign(sync("eu"), ledger, ONE, [])
    read(ledger, "eu")
    with pytest.raises(Misconfigured, match="so far account acct_1"):
        assign(sync("eu"), ledger, OTHER, [])
    with pytest.raises(Misconfigured, match="settled into accounts/main so far"):
        assign(sync("eu", "other"), ledger, ONE, [])
    assign(sync("eu"), ledger, ONE, [])


@pytest.mark.parametrize("restored", [False, True])
def test_a_new_or_restored_ledger_takes_over_what_the_target_shows(new_home, homes, new_ledger, fresh, shops, restored):
    """Without it, the target would keep its rows: their revs are later than any that such a ledger takes."""
    home = new_home.begin()
    for amount in range(1, 6):
        home.read_all(shops.payment("ch_1", amount=amount))
        home.settle_all()
    ledger = new_ledger(home.ledger.clock)
    again = homes.Home(ledger, home.shop, home.target).begin()
    if restored:  # from the time when it had settled the first amount
        again.read_all(shops.payment("ch_1", amount=1))
        again.settle_all()
    take_over(again.sync, ledger, home.link("ch_1").rev)
    again.read_all(shops.payment("ch_1", amount=6))
    again.settle_all()
    assert again.shown()["ch_1"]["amount"] == 6


def test_a_ledger_that_is_ahead_stays_as_it_is(new_ledger):
    ledger = new_ledger()
    ledger.write(lambda c: counters.raise_to(c, "stripe/eu", 9))
    take_over(sync("eu"), ledger, 5)
    assert ledger.read(lambda c: counters.ticket(c, "stripe/eu")) == 9

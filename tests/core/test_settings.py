"""What the environment says."""

import pytest

from accord import settings
from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.ledger.cipher import new_key
from accord.ledger.upgrade import upgrade


@pytest.fixture
def environment(monkeypatch, tmp_path):
    values = {"ACCORD_LEDGER_URL": f"sqlite:///{tmp_path}/l.db", "ACCORD_LEDGER_KEY": new_key()}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_ledger_that_the_environment_names(environment, clock, tmp_path):
    ledger = settings.open_ledger(clock)
    assert ledger.read(ledger.now) == clock.now()
    assert ledger.engine.url.database == f"{tmp_path}/l.db"
    ledger.engine.dispose()


def test_without_a_clock_it_lives_in_real_time(environment):
    ledger = settings.open_ledger()
    ledger.engine.dispose()
    assert isinstance(ledger.clock, SystemClock)


def test_a_missing_url_is_named_with_an_example(environment):
    environment.setenv("ACCORD_LEDGER_URL", "")
    with pytest.raises(Misconfigured, match="ACCORD_LEDGER_URL is not set; set it to, for example"):
        settings.open_ledger()


@pytest.mark.parametrize("key", [None, "", "no key"])
def test_a_new_key_is_advised_only_where_there_is_no_ledger_yet(environment, tmp_path, key):
    ledger = settings.open_ledger()
    if key is None:
        environment.delenv("ACCORD_LEDGER_KEY")
    else:
        environment.setenv("ACCORD_LEDGER_KEY", key)
    with pytest.raises(
        Misconfigured, match=r"ACCORD_LEDGER_KEY is n.*no ledger in .*l\.db yet, so make a key, and keep it: python -c"
    ):
        settings.open_ledger()
    assert list(tmp_path.iterdir()) == [], "looking for a ledger makes none"
    upgrade(ledger.engine)
    ledger.engine.dispose()
    with pytest.raises(Misconfigured, match="set it to the key that this ledger was written with") as raised:
        settings.open_ledger()
    assert "new_key" not in str(raised.value)


def test_the_ledger_that_is_asked_for_has_its_tables(environment):
    with pytest.raises(Misconfigured, match="accord db upgrade"):
        settings.current_ledger()
    ledger = settings.open_ledger()
    upgrade(ledger.engine)
    ledger.engine.dispose()
    settings.current_ledger().engine.dispose()


def test_a_relative_path_is_refused_since_runs_start_elsewhere(environment):
    environment.setenv("ACCORD_LEDGER_URL", "sqlite:///ledger.db")
    with pytest.raises(Misconfigured, match=r"ACCORD_LEDGER_URL has the relative path ledger\.db"):
        settings.open_ledger()


def test_a_malformed_key_is_refused_without_being_shown(environment):
    environment.setenv("ACCORD_LEDGER_KEY", "CANARYSECRET")
    with pytest.raises(Misconfigured, match="ACCORD_LEDGER_KEY") as raised:
        settings.open_ledger()
    assert "CANARY" not in str(raised.value)

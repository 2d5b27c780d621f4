"""What the environment says."""

import pytest

from accord import settings
from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.ledger.cipher import new_key


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


@pytest.mark.parametrize("name", ["ACCORD_LEDGER_URL", "ACCORD_LEDGER_KEY"])
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named_with_an_example(environment, name, value):
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(Misconfigured, match=f"{name} is not set; set it to, for example"):
        settings.open_ledger()


def test_a_relative_path_is_refused_since_runs_start_elsewhere(environment):
    environment.setenv("ACCORD_LEDGER_URL", "sqlite:///ledger.db")
    with pytest.raises(Misconfigured, match=r"ACCORD_LEDGER_URL has the relative path ledger\.db"):
        settings.open_ledger()


def test_a_malformed_key_is_refused_without_being_shown(environment):
    environment.setenv("ACCORD_LEDGER_KEY", "CANARYSECRET")
    with pytest.raises(Misconfigured, match="ACCORD_LEDGER_KEY") as raised:
        settings.open_ledger()
    assert "CANARY" not in str(raised.value)

"""The blocks keep Prefect's own standards, and refuse what is wrong before anything is read or written."""

from pathlib import Path

import pytest
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import HttpUrl, SecretStr, ValidationError

from accord import settings
from accord.clock import SystemClock
from accord.errors import Misconfigured
from blocks import AccountsDatabase, StripeAccount


@pytest.mark.parametrize("block", [StripeAccount, AccountsDatabase])
class TestStandards(BlockStandardTestSuite):
    """Description, documentation, code example and field descriptions: they are the labels of the form in the UI."""

    @pytest.fixture
    def block(self, block: type[StripeAccount | AccountsDatabase]) -> type[StripeAccount | AccountsDatabase]:
        return block

    def test_has_a_valid_image(self, block: type[StripeAccount | AccountsDatabase]) -> None:
        """None: a browser that shows the UI of a server without internet would wait for it in vain."""
        assert block._logo_url is None


@pytest.mark.parametrize(
    ("key", "mode", "said"),
    [
        ("sk_live_1", "test", "live mode, but mode is test"),
        ("rk_test_1", "live", "test mode, but mode is live"),
        ("pk_test_1", "test", "publishable"),
        ("hello", "test", "no Stripe key"),
    ],
)
def test_a_key_of_the_other_mode_is_refused(ledger_environment: Path, key: str, mode: str, said: str) -> None:
    account = StripeAccount(api_key=SecretStr(key), mode=mode)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match=said) as caught:
        account.connect("stripe/main", settings.open_ledger(), lambda account: None)
    assert key not in str(caught.value)


def test_a_name_that_is_no_plain_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="accounts"):
        StripeAccount(api_key=SecretStr("rk_test_1"), accounts="{{ prefect.variables.x }}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///accounts.db", "relative path"),
        ("mysql://localhost/shop", "mysql; Accord works with sqlite and postgresql"),
        ("not a url", "not a database URL"),
    ],
)
def test_a_database_that_does_not_fit_is_refused_by_name(url: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        AccountsDatabase(url=SecretStr(url)).connect(SystemClock())


def test_a_malformed_mapping_says_what_is_wrong(tmp_path: Path) -> None:
    url = SecretStr(f"sqlite:///{tmp_path / 'a.db'}")
    mapping = {"payment": {"table": "mine", "columns": {"key": "id", "colour": "x", "deleted": "gone"}}}
    with pytest.raises(Misconfigured, match="payment names colour; its fields are"):
        AccountsDatabase(url=url, mapping=mapping).connect(SystemClock())


def test_secrets_are_not_shown() -> None:
    account = StripeAccount(api_key=SecretStr("rk_test_canary"))
    accounts = AccountsDatabase(url=SecretStr("postgresql://me:canary@db/shop"))
    assert "canary" not in repr(account) + repr(accounts) + account.model_dump_json() + accounts.model_dump_json()


def test_a_key_does_not_travel_in_the_clear() -> None:
    with pytest.raises(ValidationError, match="https"):
        StripeAccount(api_key=SecretStr("rk_test_1"), base_url=HttpUrl("http://api.stripe.example"))

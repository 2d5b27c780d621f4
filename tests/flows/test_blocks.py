"""The blocks keep Prefect's own standards, and refuse what is wrong before anything is read or written."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import HttpUrl, SecretStr, ValidationError

from accord import settings
from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.ports import Owner
from accord.records import Kind
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.oblio import shop
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.portal.service import TOKEN
from accord.sandbox.serve import served
from blocks import (
    AccountsDatabase,
    BookingsDatabase,
    DocumentArchive,
    GoogleCalendarAccount,
    InvoiceIssuing,
    MicrosoftCalendarAccount,
    OblioAccount,
    PortalApiAccount,
    PortalDatabase,
    SmartBillAccount,
    StripeAccount,
)

Database = type[AccountsDatabase] | type[PortalDatabase]


@pytest.mark.parametrize(
    "block",
    [
        StripeAccount,
        OblioAccount,
        SmartBillAccount,
        AccountsDatabase,
        PortalDatabase,
        BookingsDatabase,
        PortalApiAccount,
        DocumentArchive,
        GoogleCalendarAccount,
        InvoiceIssuing,
        MicrosoftCalendarAccount,
    ],
)
class TestStandards(BlockStandardTestSuite):
    """Description, documentation, code example and field descriptions: they are the labels of the form in the UI."""

    @pytest.fixture
    def block(self, block: type[Block]) -> type[Block]:
        return block

    def test_has_a_valid_image(self, block: type[Block]) -> None:
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


@pytest.mark.parametrize("field", ["accounts", "portal"])
def test_a_name_that_is_no_plain_name_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        StripeAccount(**{"api_key": SecretStr("rk_test_1"), field: "{{ prefect.variables.x }}"})  # type: ignore[arg-type]


def test_invoices_are_followed_where_there_is_a_portal_for_them(ledger_environment: Path) -> None:
    account = StripeAccount(api_key=SecretStr("rk_test_1"), mode="test")
    assert account.portal is None
    source = account.connect_invoices("stripe/main", settings.open_ledger(), lambda owner: None)
    assert source.discovery.events > 0
    source.close()


@pytest.mark.parametrize("block", [AccountsDatabase, PortalDatabase])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///accounts.db", "relative path"),
        ("mysql://localhost/shop", "mysql; Accord works with sqlite and postgresql"),
        ("not a url", "not a database URL"),
    ],
)
def test_a_database_that_does_not_fit_is_refused_by_name(block: Database, url: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        block(url=SecretStr(url)).connect(SystemClock())


@pytest.mark.parametrize(("block", "kind"), [(AccountsDatabase, "payment"), (PortalDatabase, "document")])
def test_a_malformed_mapping_says_what_is_wrong(tmp_path: Path, block: Database, kind: str) -> None:
    url = SecretStr(f"sqlite:///{tmp_path / 'a.db'}")
    mapping = {kind: {"table": "mine", "columns": {"key": "id", "colour": "x", "deleted": "gone"}}}
    with pytest.raises(Misconfigured, match=f"{kind} names colour; its fields are"):
        block(url=url, mapping=mapping).connect(SystemClock())


@pytest.mark.parametrize("block", [AccountsDatabase, PortalDatabase])
def test_a_new_database_is_given_tables_that_fit(tmp_path: Path, block: Database) -> None:
    target = block(url=SecretStr(f"sqlite:///{tmp_path / 'a.db'}")).connect(SystemClock())
    target.create_tables()
    target.check()
    target.close()


def test_secrets_are_not_shown() -> None:
    account = StripeAccount(api_key=SecretStr("rk_test_canary"))
    url = SecretStr("postgresql://me:canary@db/shop")
    oblio = OblioAccount(email="me@firm.example", secret=SecretStr("canary"), cif="RO90000014")
    portal = PortalApiAccount(base_url=HttpUrl("https://portal.example"), token=SecretStr("canary"))
    for block in (account, oblio, smartbill(), AccountsDatabase(url=url), PortalDatabase(url=url), portal):
        assert "canary" not in repr(block) + block.model_dump_json()


GOOGLE: dict[str, Any] = {"client_id": "me", "client_secret": SecretStr("canary"), "refresh_token": SecretStr("canary")}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {**GOOGLE, "refresh_token": None},
        {**GOOGLE, "service_account": SecretStr("canary")},
        {"client_id": "me", "service_account": SecretStr("canary")},
    ],
)
def test_google_is_reached_in_one_way(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="or service_account alone") as caught:
        GoogleCalendarAccount(**fields)
    assert "canary" not in str(caught.value)


def test_google_s_secrets_are_not_shown_and_a_key_file_that_is_none_is_told(ledger_environment: Path) -> None:
    for fields in (GOOGLE, {"service_account": SecretStr("canary")}):
        block = GoogleCalendarAccount(**fields)
        assert "canary" not in repr(block) + block.model_dump_json()
    client = block.connect("google/main", settings.open_ledger())
    with pytest.raises(Misconfigured, match="no key of a service account"):
        client.changes("ana@accord.test", None)
    client.close()


def test_a_key_does_not_travel_in_the_clear() -> None:
    for field in ("base_url", "token_url"):
        with pytest.raises(ValidationError, match="https"):
            GoogleCalendarAccount(**GOOGLE, **{field: HttpUrl("http://google.example")})
    with pytest.raises(ValidationError, match="https"):
        StripeAccount(api_key=SecretStr("rk_test_1"), base_url=HttpUrl("http://api.stripe.example"))
    with pytest.raises(ValidationError, match="https"):
        PortalApiAccount(token=SecretStr("t"), base_url=HttpUrl("http://portal.example/v1"))
    with pytest.raises(ValidationError, match="https"):
        oblio(base_url=HttpUrl("http://www.oblio.example/api"))


def test_a_portal_takes_up_a_token_that_is_changed_while_it_is_written_to(ledger_environment: Path) -> None:
    """Over a socket, as a worker reaches it: the block in use has the old token, the saved one the new."""
    sandbox = build(payments=0)
    with served(application(sandbox)) as url:
        portal = HttpUrl(f"{url}/portal/v1")
        PortalApiAccount(base_url=portal, token=SecretStr("old")).save("main", overwrite=True)
        account = PortalApiAccount.load("main")
        target = account.connect("portal-api/main", settings.open_ledger())  # type: ignore[union-attr]
        with pytest.raises(Misconfigured, match="the token of the Portal API account block main not, or no longer"):
            target.check()
        PortalApiAccount(base_url=portal, token=SecretStr(TOKEN)).save("main", overwrite=True)
        target.check()
        assert target.identity() == sandbox.portal.store.id
        target.close()


def test_an_archive_keeps_what_its_options_say_to_itself(tmp_path: Path) -> None:
    block = DocumentArchive(url="s3://papers", options={"secret_access_key": "hidden"})  # type: ignore[arg-type]
    assert "hidden" not in repr(block)
    with pytest.raises(Misconfigured, match="the URL of the document archive block must name an absolute folder"):
        DocumentArchive(url="file://archive").connect()
    DocumentArchive(url=f"file://{tmp_path}/archive").connect().check()


def oblio(**given: Any) -> OblioAccount:
    return OblioAccount(**{"email": CLIENT_ID, "secret": SecretStr(CLIENT_SECRET), "cif": shop.CIF} | given)


@pytest.mark.parametrize("cif", ["RO 90000014", "ro90000014", "90000014"])
def test_a_company_is_named_with_and_without_ro(cif: str) -> None:
    assert oblio(cif=cif).cif == cif


@pytest.mark.parametrize(
    ("field", "value"), [("cif", "our firm"), ("cif", ""), ("portal", "{{ prefect.variables.x }}"), ("email", "")]
)
def test_a_field_that_does_not_fit_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError, match=field):
        oblio(**{field: value})


@pytest.fixture
def sandbox() -> Sandbox:
    return build(payments=200)


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[OblioAccount]:
    with served(application(sandbox)) as url:
        yield oblio(base_url=HttpUrl(f"{url}/oblio/api"), rate_of_reads=None, rate_of_documents=None)


def test_a_company_at_oblio_is_read(ledger_environment: Path, account: OblioAccount) -> None:
    told: list[Owner] = []
    source = account.connect("oblio/main", settings.open_ledger(), told.append)
    page = source.page(Kind.DOCUMENT, 0, 10**9, None)
    source.close()
    assert (page.count, page.has_more) == (100, True)
    assert abs((page.date or 0) - time.time()) < 60
    assert [str(one) for one in told] == [f"account {shop.CIF.removeprefix('RO')} at Oblio"]


def test_a_secret_that_is_changed_is_taken_up_by_a_run_under_way(
    ledger_environment: Path, account: OblioAccount, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    account._block_document_name = "main"
    saved = account.model_copy(update={"secret": SecretStr("no longer right")})
    monkeypatch.setattr(OblioAccount, "load", lambda name: saved)
    source = account.connect("oblio/main", settings.open_ledger(), lambda _: None)
    source.fetch(Kind.DOCUMENT, "880001")
    sandbox.oblio.tokens.revoke()
    with pytest.raises(Misconfigured, match=r"does not accept the e-mail and the secret.*connect oblio --name main"):
        source.fetch(Kind.DOCUMENT, "880001")
    saved = account
    assert source.fetch(Kind.DOCUMENT, "880001") is not None
    source.close()


def test_the_rates_are_shared_through_the_ledger(ledger_environment: Path, account: OblioAccount) -> None:
    slow = account.model_copy(update={"rate_of_reads": 1.0})
    ledger = settings.open_ledger()
    workers = [slow.connect("oblio/main", ledger, lambda _: None) for _ in range(2)]
    began = time.monotonic()
    for source in workers * 2:
        source.fetch(Kind.DOCUMENT, "880001")
    assert time.monotonic() - began > 2, "six calls at one a second, of which one or two go at once"
    for source in workers:
        source.close()


def smartbill(**given: Any) -> SmartBillAccount:
    return SmartBillAccount(**{"email": "me@firm.example", "token": SecretStr("canary"), "cif": "RO90000017"} | given)


@pytest.mark.parametrize(
    "wrong", [{"cif": "Firma SRL"}, {"portal": "My portal"}, {"rate_in_all": 3}, {"base_url": "http://ws.example"}]
)
def test_a_smartbill_account_that_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        smartbill(**wrong)


def test_a_smartbill_account_says_whose_invoices_it_reads(ledger_environment: Path) -> None:
    told: list[Owner] = []
    smartbill().connect("smartbill/main", settings.open_ledger(), told.append).close()
    assert [str(one) for one in told] == ["account 90000017 at SmartBill"]
    with pytest.raises(Misconfigured, match="needs the e-mail"):
        smartbill(email="me:you@firm").connect("smartbill/main", settings.open_ledger(), told.append)

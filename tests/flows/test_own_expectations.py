"""What a project adds to the expectations from its own module, and what happens when that is broken."""

import itertools
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from accord.batch import Prepared
from accord.errors import Misconfigured, Refused
from accord.records import Customer, Kind, Payment, Record, Refund

NOW, THEN = 1_800_000_000.0, 1_700_000_000
CANARY = "Jane Canary"


def customer(number: int, **fields: Any) -> Record:
    plain = {"name": CANARY, "email": None, "currency": None, "delinquent": False, "created": THEN}
    return Customer(**{"key": f"cus_{number}", **plain, **fields})


def payment(number: int, **fields: Any) -> Record:
    money = {"amount": 1000, "captured": 0, "refunded": 0, "currency": "EUR"}
    empty = dict.fromkeys(("customer", "intent", "failure_code", "leg"))
    return Payment(
        **{"key": f"ch_{number}", "status": "failed", "disputed": False, "created": THEN, **money, **empty, **fields}
    )


def refund() -> Record:
    empty = dict.fromkeys(("payment", "status", "reason", "failure_reason", "leg"))
    return Refund(key="re_1", amount=5, currency="EUR", created=THEN, **empty)


def examine(*records: Record) -> dict[int, list[str]]:
    from tasks.expectations.examine import examine

    none = [""] * len(records)
    return examine(Prepared(1, records[0].kind, 1, None, list(records), none), NOW)


@pytest.fixture(autouse=True)
def _fresh_suites() -> Iterator[None]:
    """Suites are kept for the life of a process; here each test has its own."""
    from tasks.expectations import suites

    for clear in (suites.suite.cache_clear, suites.keys.cache_clear):
        clear()
    yield
    for clear in (suites.suite.cache_clear, suites.keys.cache_clear):
        clear()


Install = Callable[[str], str]
_serial = itertools.count()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a project with an entry point `shop` on the path, as installing it would; the name of its module."""

    def installed(source: str) -> str:
        module = f"shop_expectations_{next(_serial)}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{module}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[accord.expectations]\nshop = {module}:expectations\n")
        monkeypatch.syspath_prepend(tmp_path)
        return module

    return installed


OWN = """
    from accord.records import Kind
    from great_expectations import expectations as gx
    from tasks.expectations import Rule

    def expectations(kind):
        if kind is Kind.CUSTOMER:
            has = gx.ExpectColumnValuesToNotBeNull(column="email", mostly=0.1)
            return [Rule("email", has, "A customer of the shop has an e-mail address", "warning")]
        return []
"""


def test_a_project_adds_an_expectation_from_its_own_module(install: Install) -> None:
    from tasks.expectations import suites

    module = install(OWN)
    found = examine(customer(0), customer(1, email="jane@example.com"))
    assert found == {0: ["A customer of the shop has an e-mail address"]}
    assert suites.suite(Kind.CUSTOMER).homes["shop.email"].endswith(f"({module}:expectations)")
    assert suites.severities(Kind.CUSTOMER)["A customer of the shop has an e-mail address"] == "warning"
    assert "shop.email" not in suites.suite(Kind.PAYMENT).rules
    assert examine(payment(0)) == {}


def test_two_rules_that_expect_the_same_are_both_evaluated(install: Install) -> None:
    install("""
        from accord.records import Kind
        from great_expectations import expectations as gx
        from tasks.expectations import Rule

        def expectations(kind):
            same = gx.ExpectColumnValuesToNotBeNull(column="name")
            return [Rule("one", same, "One title"), Rule("other", same, "Another title")] if kind == "customer" else []
    """)
    assert examine(customer(0, name=None)) == {0: ["One title", "Another title"]}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import module_that_is_not_there", "ModuleNotFoundError"),
        ("expectations = 5", "TypeError"),
        (f"def expectations(kind): raise ValueError('{CANARY}')", "ValueError"),
        ("def expectations(kind): return ['a text']", "must give tasks.expectations.Rule, not str"),
        (
            "from great_expectations import expectations as gx\nfrom tasks.expectations import Rule\n"
            "def expectations(kind): return [Rule('rows', gx.ExpectTableRowCountToBeBetween(min_value=1), 'Rows')]",
            "shop.rows must hold an expectation about single records",
        ),
        (
            "from great_expectations import expectations as gx\nfrom tasks.expectations import Rule\n"
            "def expectations(kind): return [Rule('a', gx.ExpectColumnValuesToNotBeNull(column='key'), ' ')]",
            "shop.a needs a title",
        ),
        (
            "from great_expectations import expectations as gx\nfrom tasks.expectations import Rule\n"
            "rule = Rule('a', gx.ExpectColumnValuesToNotBeNull(column='key'), 'A key')\n"
            "def expectations(kind): return [rule, rule]",
            "shop.a has an id that is taken",
        ),
        (
            "from great_expectations import expectations as gx\nfrom tasks.expectations import Rule\n"
            "def expectations(kind): return [Rule('a', gx.ExpectColumnValuesToNotBeNull(column='key'), 'A', 'fatal')]",
            "shop.a must be of severity critical, warning, info",
        ),
    ],
)
def test_what_can_not_be_used_is_named_with_its_entry_point(install: Install, source: str, says: str) -> None:
    module = install(source)
    with pytest.raises(Misconfigured, match="the entry point shop of accord") as caught:
        examine(customer(0))
    assert says in str(caught.value)
    assert f"{module}:expectations" in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        ("gx.ExpectColumnValuesToNotBeNull(column='shoe_size')", "there is no column shoe_size"),
        ("gx.ExpectColumnValuesToBeBetween(column='name', min_value=1)", "it raised TypeError"),
    ],
)
def test_an_expectation_that_can_not_be_evaluated_is_never_taken_for_passed(
    install: Install, expectation: str, says: str
) -> None:
    module = install(f"""
        from great_expectations import expectations as gx
        from tasks.expectations import Rule

        def expectations(kind):
            return [Rule("broken", {expectation}, "A broken one")]
    """)
    with pytest.raises(Refused, match="A broken one") as caught:
        examine(customer(0), customer(1))
    assert says in str(caught.value)
    assert f"shop.broken (A broken one) of the entry point shop of accord.expectations ({module}:" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_the_demo_shows_one_that_sound_payments_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.expectations import suites

    point = EntryPoint("demo", "deployments.demo_expectations:expectations", suites.GROUP)
    monkeypatch.setattr(suites, "entry_points", lambda group: [point])
    found = examine(payment(0, amount=10**12 - 1), payment(1, amount=10**12))
    assert found == {1: ["A payment is below the shop's limit of twelve digits"]}
    assert examine(refund()) == {}

"""VAT rates by day, and check digits of VAT ids and IBANs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.ro import cui

from accord.vat import is_romanian, may_be_iban, may_be_vat_id, rates_in_force

OLD, NEW = {"19", "9", "5", "0"}, {"21", "11", "0"}
ALL = OLD | NEW | {"20", "24", "8", "-19", "9.5", "0.19"}


@pytest.mark.parametrize(
    ("day", "known"),
    [
        ("2000-01-01", OLD),
        ("2025-07-31", OLD),
        ("2025-08-01", NEW | {"9"}),
        ("2026-07-31", NEW | {"9"}),
        ("2026-08-01", NEW),
        ("2031-01-01", NEW),
    ],
)
def test_the_rates_in_force_on_a_day(day: str, known: set[str]) -> None:
    assert {rate for rate in ALL if rates_in_force([rate], day, takes_back=False)} == known
    kept = known | OLD if day < "2025-08-01" else OLD | NEW
    assert {rate for rate in ALL if rates_in_force([rate], day, takes_back=True)} == kept


def test_rates_count_by_their_value_and_each_of_them() -> None:
    assert rates_in_force(["21.00", "11.0", "0.0000", "-0"], "2026-08-01", takes_back=False)
    assert not rates_in_force(["21", "19"], "2026-08-01", takes_back=False)
    assert rates_in_force([], "2026-08-01", takes_back=False)
    assert not rates_in_force(["SDD"], "2026-08-01", takes_back=False)
    assert not rates_in_force(["NaN"], "2026-08-01", takes_back=False)
    assert not rates_in_force(["sNaN"], "2026-08-01", takes_back=False)


@pytest.mark.parametrize("vat_id", ["18547290", "RO18547290", "ro 185 472 90", "18547291", "RO-12"])
def test_an_id_of_digits_is_a_romanian_firms(vat_id: str) -> None:
    assert is_romanian(vat_id)


@pytest.mark.parametrize("vat_id", ["", "-", "DE136695976", "1630615123457", "RO", "ROX1", "1", "٢٢٢٢"])
def test_others_are_not(vat_id: str) -> None:
    assert not is_romanian(vat_id)


@pytest.mark.parametrize(
    ("vat_id", "country"),
    [
        ("18547290", None),
        ("RO18547290", "România"),
        ("ro 185.472.90", "ROMANIA"),
        ("1630615123457", "Romania"),  # a person's
        ("1630615123457", None),
        ("", "Romania"),
        (" - ", "Romania"),
        ("0000000000000", "Romania"),
        ("DE136695976", None),
        ("DE 136 695 976", "Germania"),
        ("EL094259216", "Grecia"),
        ("GB123", "Marea Britanie"),
        ("12-3456789", "USA"),
        ("18547290", ""),
        ("RO1630615123457", "Romania"),
        ("18547291", "Republica Moldova"),
        ("CHE-100.155.212 MWST", None),
    ],
)
def test_nothing_speaks_against_these_ids(vat_id: str, country: str | None) -> None:
    assert may_be_vat_id(vat_id, country)


@pytest.mark.parametrize(
    ("vat_id", "country"),
    [
        ("18547291", None),
        ("RO18547291", None),
        ("RO18547291", "Germania"),
        ("185472900", "romania"),
        ("12345678901", None),  # of a length that nothing has
        ("1630615123458", "Romania"),
        ("0000000000001", None),
        ("RO", None),
        ("CHE-100.155.212", "RO"),
        ("DE136695977", None),
        ("DE136695977", "Germania"),
        ("EL094259217", None),
    ],
)
def test_something_speaks_against_these(vat_id: str, country: str | None) -> None:
    assert not may_be_vat_id(vat_id, country)


@given(st.integers(1, 999_999_999), st.integers(0, 9), st.sampled_from(["", "RO", "ro "]))
def test_of_ten_last_digits_one_is_right(body: int, digit: int, prefix: str) -> None:
    assert may_be_vat_id(f"{prefix}{body}{digit}", "Romania") == (str(digit) == cui.calc_check_digit(str(body)))


@given(st.text(max_size=30), st.none() | st.sampled_from(["Romania", "Italia", ""]))
def test_no_text_breaks_the_look_at_it(text: str, country: str | None) -> None:
    assert may_be_vat_id(text, country) in (True, False)
    assert may_be_iban(text) in (True, False)
    assert is_romanian(text) in (True, False)


@given(st.sampled_from(["RO", "DE", "EL", "IT", "FR", "XI", "ES", "NL", "IE"]), st.text("0123456789ABX", max_size=14))
def test_no_id_of_a_member_state_breaks_it_either(country: str, rest: str) -> None:
    assert may_be_vat_id(country + rest, None) in (True, False)
    assert may_be_iban(country + rest) in (True, False)


def test_ibans_are_told_by_their_check_digits() -> None:
    right = ("RO49AAAA1B31007593840000", "ro49 aaaa 1b31 0075 9384 0000", "DE89370400440532013000", "", " - ")
    wrong = ("RO50AAAA1B31007593840000", "DE8937040044053201300", "RO49", "4111111111111111", "XX82WEST12345698765432")
    assert [one for one in right if not may_be_iban(one)] == []
    assert [one for one in wrong if may_be_iban(one)] == []

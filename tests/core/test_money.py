"""Amounts: Stripe's exponents, and writing them without losing a unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.money import CURRENCIES, UnknownCurrency, exponent, format_amount


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1250, "EUR", "12.50 EUR"),
        (5, "USD", "0.05 USD"),
        (-5, "USD", "-0.05 USD"),
        (0, "RON", "0.00 RON"),
        (500, "JPY", "500 JPY"),
        (-500, "KRW", "-500 KRW"),
        (5120, "KWD", "5.120 KWD"),
        (-7, "BHD", "-0.007 BHD"),
        (500, "ISK", "5.00 ISK"),
        (500, "UGX", "5.00 UGX"),
        (100, "HUF", "1.00 HUF"),
        (100, "TWD", "1.00 TWD"),
    ],
)
def test_amounts_are_written_by_stripes_own_exponents(minor: int, currency: str, text: str) -> None:
    assert format_amount(minor, currency) == text


@pytest.mark.parametrize("currency", ["XXX", "eur", "", "EURO", "BTC"])
def test_an_unknown_currency_is_an_error(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent(currency)
    with pytest.raises(UnknownCurrency):
        format_amount(1, currency)


@given(st.integers(), st.sampled_from(sorted(CURRENCIES)))
def test_a_written_amount_reads_back_to_the_unit(minor: int, currency: str) -> None:
    number, _, code = format_amount(minor, currency).partition(" ")
    assert code == currency
    assert Fraction(number) * 10 ** exponent(currency) == minor
    assert len(number.partition(".")[2]) == exponent(currency)


def test_the_table_holds_135_currencies_and_more_in_three_sizes() -> None:
    assert len(CURRENCIES) > 135
    assert set(CURRENCIES.values()) == {0, 2, 3}
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)

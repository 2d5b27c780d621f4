"""The expectations that the suites are written in: Great Expectations' own under short names, and a few more."""

from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
from great_expectations import expectations as gx
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    Expectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)

from accord.money import CURRENCIES

FIRST_TIME = 1_230_768_000  # 2009-01-01: no Stripe object is older
MONEY_IN, MONEY_OUT = ("charge", "payment"), ("refund", "payment_refund")  # types of balance transactions

_Missing = Literal["all_values_are_missing", "any_value_is_missing", "never"]

# Great Expectations reads these by name; the last ones let a rule be limited to some of the rows.
_DOMAIN = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")


class _KnownCurrency(ColumnMapMetricProvider):
    condition_metric_name = "column_values.accord_known_currency"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: "pd.Series[Any]", **_: Any) -> Any:
        return column.isin(list(CURRENCIES))


class ExpectKnownCurrency(ColumnMapExpectation):
    """The column is null or a currency whose smallest unit is known.

    A set of values would say the same, but is copied hundreds of times for each batch, which takes longer than all
    the rest of a rule.
    """

    map_metric = "column_values.accord_known_currency"


class _AllGiven(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.accord_all_given"
    condition_domain_keys = _DOMAIN

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, **_: Any) -> Any:
        return columns.notna().all(axis=1) & (columns != "").all(axis=1)


class ExpectAllGiven(MulticolumnMapExpectation):
    """None of the columns is null or an empty text."""

    map_metric = "multicolumn_values.accord_all_given"
    ignore_row_if: _Missing = "never"


class _NoneNegative(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.accord_none_negative"
    condition_domain_keys = _DOMAIN

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, **_: Any) -> Any:
        return ~(columns < 0).any(axis=1)


class ExpectNoneNegative(MulticolumnMapExpectation):
    """None of the columns is below zero; nulls are not."""

    map_metric = "multicolumn_values.accord_none_negative"
    ignore_row_if: _Missing = "never"


class _Difference(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.accord_difference"
    condition_domain_keys = _DOMAIN

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, **_: Any) -> Any:
        whole, part, rest = (columns.iloc[:, number] for number in range(3))
        return whole - part == rest


class ExpectDifference(MulticolumnMapExpectation):
    """The first column less the second is the third, to the unit; with a null among them it is not."""

    map_metric = "multicolumn_values.accord_difference"
    ignore_row_if: _Missing = "never"


class _Signs(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.accord_signs"
    condition_domain_keys = _DOMAIN

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, **_: Any) -> Any:
        type_, amount = columns.iloc[:, 0], columns.iloc[:, 1]
        return ~((type_.isin(MONEY_IN) & (amount < 0)) | (type_.isin(MONEY_OUT) & (amount > 0)))


class ExpectSigns(MulticolumnMapExpectation):
    """Where the first column is a type of money in or of money out, the second is not of the other sign.

    One rule for both: with a row condition each, two would take as long as all the other rules of a suite.
    """

    map_metric = "multicolumn_values.accord_signs"
    ignore_row_if: _Missing = "never"


class _InTime(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.accord_in_time"
    condition_domain_keys = _DOMAIN

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, **_: Any) -> Any:
        time, latest = columns.iloc[:, 0], columns.iloc[:, 1]
        return time.isna() | ((time >= FIRST_TIME) & (time <= latest))


class ExpectInTime(MulticolumnMapExpectation):
    """The first column is null, or a second from 2009 up to that of the second column."""

    map_metric = "multicolumn_values.accord_in_time"
    ignore_row_if: _Missing = "never"


_tests: dict[str, "Callable[[pd.DataFrame], pd.Series[bool]]"] = {}


class _Holds(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.accord_holds"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ("test",)

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, test: str, **_: Any) -> Any:
        return _tests[test](columns)


class ExpectHolds(MulticolumnMapExpectation):
    """A function says of the columns which rows are sound. It goes by its name, since settings are copied as JSON."""

    map_metric = "multicolumn_values.accord_holds"
    success_keys = ("test", "mostly")
    test: str
    ignore_row_if: _Missing = "never"


def holds(test: "Callable[[pd.DataFrame], pd.Series[bool]]", *columns: str) -> Expectation:
    """A function says of two or more columns which rows are sound; it is given nulls, too."""
    name = f"{test.__module__}:{test.__qualname__}"
    _tests[name] = test
    return ExpectHolds(column_list=list(columns), test=name)


def each(test: Callable[..., bool], columns: pd.DataFrame) -> "pd.Series[Any]":
    """What a test says of each row's texts, null being None; it is asked once where rows are alike."""
    rows = list(zip(*([t if isinstance(t, str) else None for t in columns[name]] for name in columns), strict=True))
    sound = {row: test(*row) for row in set(rows)}
    return pd.Series([sound[row] for row in rows], index=columns.index, dtype=bool)


def given(column: str) -> Expectation:
    """The column is not null."""
    return gx.ExpectColumnValuesToNotBeNull(column=column)


def all_given(*columns: str) -> Expectation:
    """None of two or more columns is null or an empty text."""
    return ExpectAllGiven(column_list=list(columns))


def unique(column: str) -> Expectation:
    """No value of the column comes twice in a batch."""
    return gx.ExpectColumnValuesToBeUnique(column=column)


def none_negative(*columns: str) -> Expectation:
    """None of two or more columns is below zero."""
    return ExpectNoneNegative(column_list=list(columns))


def at_least(column: str, least: int) -> Expectation:
    """The column is null or not below `least`."""
    return gx.ExpectColumnValuesToBeBetween(column=column, min_value=least)


def zero(column: str) -> Expectation:
    """The column is null or zero."""
    return gx.ExpectColumnValuesToBeBetween(column=column, min_value=0, max_value=0)


def at_most(column: str, most: str) -> Expectation:
    """The column is not above the column `most`; rows that lack one of the two pass."""
    return gx.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=most, column_B=column, or_equal=True, ignore_row_if="either_value_is_missing"
    )


def same(column: str, other: str) -> Expectation:
    """Both columns show the same; rows that lack one of the two pass."""
    return gx.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=other, ignore_row_if="either_value_is_missing")


def difference(whole: str, part: str, rest: str) -> Expectation:
    """`whole` less `part` is `rest`, to the unit."""
    return ExpectDifference(column_list=[whole, part, rest])


def known_currency(column: str = "currency") -> Expectation:
    """The column is null or a currency whose smallest unit is known."""
    return ExpectKnownCurrency(column=column)


def in_time(column: str) -> Expectation:
    """The column is null or a second from 2009 to now."""
    return ExpectInTime(column_list=[column, "latest"])


def signs(type_: str, amount: str) -> Expectation:
    """Money in is not below zero, money out not above, as far as the type tells."""
    return ExpectSigns(column_list=[type_, amount])

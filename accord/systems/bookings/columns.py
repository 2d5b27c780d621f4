"""How the columns of bookings are read and written: whatever type they have, as texts and whole numbers."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Float,
    Integer,
    Numeric,
    String,
    Text,
    Uuid,
    case,
    cast,
    extract,
    func,
)

from accord.bookings import at
from accord.errors import Misconfigured

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799  # 9999-12-31: databases know later ones, but no datetime does


class Moments(NamedTuple):
    """A column of times, read as whole numbers of Unix time and compared in its own type, so that an index helps."""

    order: ColumnElement[Any]  # what is compared and sorted
    mark: ColumnElement[Any]  # the same as a whole number; NULL where the column holds no time that clocks know
    unit: int  # how many of them make a second
    bound: Callable[[int], Any]  # from such a number to what `order` is compared with
    now: ColumnElement[Any]  # by the database's clock, as the column takes it

    def second(self, seconds: int) -> Any:
        """A second, as `order` is compared with it."""
        return self.bound(max(0, min(seconds, _LAST)) * self.unit)

    @property
    def seconds(self) -> ColumnElement[Any]:
        """The column's time in Unix seconds."""
        return self.mark if self.unit == 1 else cast(func.floor(self.mark / MICROS), BigInteger)


def moments(column: Column[Any], dialect: str, where: str) -> Moments:
    """A column that says when. Raises Misconfigured where it can not."""
    type_, sqlite = column.type, dialect == "sqlite"
    if _is_whole(type_):
        clock: Any = func.strftime("%s", "now") if sqlite else func.floor(extract("epoch", func.clock_timestamp()))
        return Moments(column, cast(column, BigInteger), 1, int, cast(clock, BigInteger))
    if sqlite and isinstance(type_, DateTime | String):
        # SQLite keeps times as texts, and each program has its own way to write them; its own function reads them all.
        seconds = cast(func.strftime("%s", cast(column, Text)), BigInteger)
        return Moments(seconds, seconds, 1, int, func.strftime("%Y-%m-%d %H:%M:%f", "now"))
    if isinstance(type_, DateTime) and not sqlite:
        epoch = cast(extract("epoch", column) * MICROS, BigInteger)
        mark = case((func.isfinite(column), epoch))
        clock = func.clock_timestamp()
        if type_.timezone:
            return Moments(column, mark, MICROS, _moment, clock)
        return Moments(column, mark, MICROS, lambda n: _moment(n).replace(tzinfo=None), func.timezone("UTC", clock))
    raise Misconfigured(
        f"{where} has a column {column.name} of type {type_}, which can not say when a row was changed; it takes a "
        "timestamp, or whole numbers as Unix seconds"
    )


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def text(column: Column[Any], where: str) -> ColumnElement[Any]:
    """A column of texts, numbers or UUIDs, as text. Raises Misconfigured for other ones."""
    if isinstance(column.type, String | Uuid) or _is_whole(column.type):
        return cast(column, Text)
    raise Misconfigured(f"{where} has a column {column.name} of type {column.type}, where a text is needed")


def number(column: Column[Any], where: str) -> ColumnElement[Any]:
    """A column of whole numbers, or of yes and no. Raises Misconfigured for other ones."""
    if isinstance(column.type, Boolean):
        return cast(column, Integer)
    if _is_whole(column.type):
        return cast(column, BigInteger)
    raise Misconfigured(f"{where} has a column {column.name} of type {column.type}, where a whole number is needed")


def key(column: Column[Any]) -> Callable[[str], Any]:
    """From a key to what its column is compared with. It raises ValueError for what can be no key there."""
    if isinstance(column.type, Uuid):
        return UUID
    return _number if _is_whole(column.type) else str


def _number(text: str) -> int:
    if not -(2**63) <= (number := int(text)) < 2**63:
        raise ValueError("no column holds so great a number")
    return number


class Walls(NamedTuple):
    """A column of the wall times or days of bookings."""

    shown: ColumnElement[Any]  # a text: wall time or day; a whole number: Unix seconds
    put: Callable[[str, str], Any]  # from a wall time or day and its zone to what the column takes
    zoned: bool = False  # whether it holds moments, which are the same in any zone


def walls(column: Column[Any], dialect: str, where: str) -> Walls:
    """A column that says when a booking begins or ends. Raises Misconfigured where it can not."""
    type_ = column.type
    if _is_whole(type_):
        return Walls(cast(column, BigInteger), at, zoned=True)
    if isinstance(type_, String):
        return Walls(cast(column, Text), lambda time, _: time)
    if isinstance(type_, Date | DateTime) and dialect == "sqlite":
        return Walls(cast(column, Text), lambda time, _: cast(time.replace("T", " "), Text))
    if isinstance(type_, Date):
        return Walls(func.to_char(column, "YYYY-MM-DD"), lambda day, _: date.fromisoformat(day))
    if isinstance(type_, DateTime) and not type_.timezone:
        return Walls(func.to_char(column, 'YYYY-MM-DD"T"HH24:MI:SS'), lambda time, _: datetime.fromisoformat(time))
    if isinstance(type_, DateTime):
        shown = moments(column, dialect, where).seconds
        return Walls(shown, lambda time, zone: _moment(at(time, zone) * MICROS), zoned=True)
    raise Misconfigured(
        f"{where} has a column {column.name} of type {type_}, which can not say when a booking is; it takes a "
        "timestamp, a date, a text such as 2026-03-29T10:00, or whole numbers as Unix seconds"
    )


def _is_whole(type_: Any) -> bool:
    return isinstance(type_, Integer | Numeric) and not isinstance(type_, Float)

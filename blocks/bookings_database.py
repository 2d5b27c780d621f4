"""The block that reads one booking system's database."""

from collections.abc import Callable
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.clock import Clock
from accord.ledger.engine import Ledger, open_database
from accord.pairing import Policy
from accord.ports import Owner
from accord.systems.bookings import Bookings, BookingTables, Store, parse_mapping


class BookingsDatabase(Block):
    """Where bookings are kept: the SQL database of a booking system.

    Example:
        Save a database, and use it:
        ```python
        from blocks import BookingsDatabase

        BookingsDatabase(url="postgresql://accord@db/bookings").save("BLOCK_NAME")
        bookings = BookingsDatabase.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-bookings-database"
    _block_type_name: ClassVar[str] = "Bookings database"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://docs.sqlalchemy.org/en/20/core/engines.html")

    url: SecretStr = Field(
        default=...,
        description="SQLAlchemy URL: postgresql://user:password@host/name or sqlite:////absolute/path.db.",
    )
    mapping: dict[str, Any] | None = Field(
        default=None,
        description='Your own tables, as {"booking": …, "person": …, "outbox": …}; empty for those that Accord makes.',
    )
    policy: Policy = Field(
        default=Policy.BOOKING,
        description="Who wins where a person changed an event in the calendar: the booking, the calendar, whichever "
        "was changed last, or nobody until you say which.",
    )

    def connect(self, name: str, ledger: Ledger, admit: Callable[[Owner], None]) -> Bookings:
        """The bookings as a source; `name` is the connection's, such as "bookings/main".

        `admit` is told whose bookings they are before any is read.
        """
        return Bookings(self.tables(ledger.clock), admit)

    def store(self, clock: Clock) -> Store:
        """What changes bookings, and shows when people are taken."""
        return Store(self.tables(clock))

    def tables(self, clock: Clock) -> BookingTables:
        """The tables in this database. Raises Misconfigured where URL or mapping are malformed."""
        mapping = None if self.mapping is None else parse_mapping(self.mapping)
        setting = f"the URL of the bookings database block {self._block_document_name or ''}".rstrip()
        return BookingTables(open_database(self.url.get_secret_value(), setting, ours=False), clock, mapping)

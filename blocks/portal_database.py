"""The block that reaches one portal database."""

from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.clock import Clock
from accord.ledger.engine import open_database
from accord.systems.portal import LAYOUT, Portal


class PortalDatabase(Block):
    """Where invoices are shown: the SQL database behind the customer portal.

    Example:
        Save a database, and use it:
        ```python
        from blocks import PortalDatabase

        PortalDatabase(url="postgresql://accord@db/portal").save("BLOCK_NAME")
        portal = PortalDatabase.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-portal-database"
    _block_type_name: ClassVar[str] = "Portal database"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://docs.sqlalchemy.org/en/20/core/engines.html")

    url: SecretStr = Field(
        default=...,
        description="SQLAlchemy URL: postgresql://user:password@host/name or sqlite:////absolute/path.db.",
    )
    mapping: dict[str, Any] | None = Field(
        default=None,
        description='Your own table, as {"document": {table, columns}}; empty for the one that Accord makes.',
    )

    def connect(self, clock: Clock) -> Portal:
        """The portal in this database. Raises Misconfigured where URL or mapping are malformed."""
        mapping = None if self.mapping is None else LAYOUT.parse_mapping(self.mapping)
        setting = f"the URL of the portal database block {self._block_document_name or ''}".rstrip()
        return Portal(open_database(self.url.get_secret_value(), setting), clock, mapping)

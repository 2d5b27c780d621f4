"""The block that reaches one accounts database."""

from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.clock import Clock
from accord.ledger.engine import open_database
from accord.systems.accounts import Accounts, parse_mapping


class AccountsDatabase(Block):
    """Where payments are shown: the SQL database that holds the customer accounts.

    Example:
        Save a database, and use it:
        ```python
        from blocks import AccountsDatabase

        AccountsDatabase(url="postgresql://accord@db/shop").save("BLOCK_NAME")
        accounts = AccountsDatabase.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-accounts-database"
    _block_type_name: ClassVar[str] = "Accounts database"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://docs.sqlalchemy.org/en/20/core/engines.html")

    url: SecretStr = Field(
        default=...,
        description="SQLAlchemy URL: postgresql://user:password@host/name or sqlite:////absolute/path.db.",
    )
    mapping: dict[str, Any] | None = Field(
        default=None,
        description="Your own tables, as record kind to {table, columns}; empty for those that Accord makes.",
    )

    def connect(self, clock: Clock) -> Accounts:
        """The accounts in this database. Raises Misconfigured where URL or mapping are malformed."""
        mapping = None if self.mapping is None else parse_mapping(self.mapping)
        setting = f"the URL of the accounts database block {self._block_document_name or ''}".rstrip()
        return Accounts(open_database(self.url.get_secret_value(), setting), clock, mapping)

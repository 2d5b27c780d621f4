"""The block that reaches one customer portal through its HTTP API."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.budget import LedgerBreaker, SharedBudget
from accord.http import Transport
from accord.ledger.engine import Ledger
from accord.systems.portal_api import PortalApi, classify, headers
from blocks.credentials import encrypted, renewed


class PortalApiAccount(Block):
    """Where invoices are shown: a customer portal with the API that Accord describes.

    Example:
        Save an account at a portal, and use it:
        ```python
        from blocks import PortalApiAccount

        PortalApiAccount(base_url="https://portal.example.com/v1", token="...").save("BLOCK_NAME")
        account = PortalApiAccount.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-portal-api-account"
    _block_type_name: ClassVar[str] = "Portal API account"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://spec.openapis.org/oas/v3.1.0")

    base_url: Annotated[HttpUrl, encrypted("token")] = Field(
        default=...,
        description="Where the API's paths begin, such as https://portal.example.com/v1; no other host is ever called.",
    )
    token: SecretStr = Field(default=..., description="The bearer token that may read and write documents.")
    rate: float | None = Field(
        default=50, gt=0, description="Requests a second of all workers together; empty for no limit."
    )

    def connect(self, name: str, ledger: Ledger) -> PortalApi:
        """A client for this portal; `name` is what its rate and its breaker go by, such as "portal-api/main"."""
        transport = Transport(
            base_url=str(self.base_url).rstrip("/"),
            authorize=self._authorize(),
            classify=partial(classify, block=self._block_document_name or ""),
            budget=SharedBudget(name, per_endpoint=None, in_all=self.rate, ledger=ledger, clock=ledger.clock),
            breaker=LedgerBreaker(name, ledger, ledger.clock),
            clock=ledger.clock,
        )
        return PortalApi(transport)

    def _authorize(self) -> Callable[[], dict[str, str]]:
        """Headers with the token: at first the block's own; once that was refused, as the saved block has it now."""
        account = renewed(self)
        return lambda: headers(account().token.get_secret_value())

"""The block that reaches one Stripe account."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.budget import LedgerBreaker, SharedBudget
from accord.http import Transport
from accord.invoicing import Terms
from accord.ledger.engine import Ledger
from accord.ports import Owner
from accord.systems.stripe import Invoices, Stripe, check_mode, classify, headers
from accord.systems.stripe.issue import StripeIssuer
from accord.systems.stripe.paid import StripePayments
from accord.systems.stripe.papers import Papers, address_of_links, classify_pdf
from blocks.credentials import as_saved, encrypted
from blocks.names import NAME


class StripeAccount(Block):
    """Where payments and invoices are read from: one Stripe account, in test or in live mode.

    Example:
        Save an account, and use it:
        ```python
        from blocks import StripeAccount

        StripeAccount(api_key="rk_test_...", mode="test").save("BLOCK_NAME")
        account = StripeAccount.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-stripe-account"
    _block_type_name: ClassVar[str] = "Stripe account"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://docs.stripe.com/keys")

    api_key: SecretStr = Field(
        default=..., description="A restricted key (rk_...) that may read what is to be kept in agreement."
    )
    mode: Literal["test", "live"] = Field(
        default="test",
        description="Whether the key is of test or of live mode; anything of the other is refused.",
    )
    base_url: Annotated[HttpUrl, encrypted("key")] = Field(
        default=HttpUrl("https://api.stripe.com"),
        description="Where Stripe's API is found; its host is the only one that is ever called.",
    )
    accounts: str | None = Field(
        default="main",
        pattern=NAME,
        description="The name of the accounts database block that this account's payments go to; empty where they are "
        "not followed.",
    )
    issues: str | None = Field(
        default=None,
        pattern=NAME,
        description="The name of the invoice issuing block by which payments are given invoices; empty for none.",
    )
    portal: str | None = Field(
        default=None,
        pattern=NAME,
        description="The name of the block of the portal, its database or its API, that this account's invoices and "
        "credit notes go to; empty where they are not followed.",
    )
    archive: str | None = Field(
        default=None,
        pattern=NAME,
        description="The name of the document archive block that keeps the PDFs of invoices and credit notes; empty to "
        "keep none.",
    )
    rate_per_endpoint: float | None = Field(
        default=25, gt=0, description="Requests a second to one of Stripe's endpoints; empty for no limit."
    )
    rate_in_all: float | None = Field(
        default=100,
        gt=0,
        description="Requests a second to all of Stripe's endpoints together; empty for no limit.",
    )

    def connect(self, name: str, ledger: Ledger, admit: Callable[[Owner], None]) -> Stripe:
        """A client for this account; `name` is the connection's, such as "stripe/main".

        `admit` is told whose key it is before anything is read, and again after the key was changed; it raises where
        that is not the account it should be. Raises Misconfigured where the key is not one of the block's mode.
        """
        stripe = Stripe(self._transport(name, ledger, lambda: stripe.readmit()), self.mode, admit)
        return stripe

    def payments(self, name: str, ledger: Ledger, admit: Callable[[Owner], None]) -> StripePayments:
        """This account's payments, for those who issue invoices because of them."""
        return StripePayments(self.connect(name, ledger, admit))

    def issuer(self, name: str, ledger: Ledger, terms: Terms, admit: Callable[[Owner], None]) -> StripeIssuer:
        """This account as an issuer of invoices; the key must be one that may write them.

        `admit` as in `connect`. A key that is changed under a run is taken up by the next one: an answer to what was
        sent by it can be thrown away, an invoice can not.
        """
        transport = self._transport(name, ledger, None)
        stripe = Stripe(transport, self.mode, admit)
        return StripeIssuer(name, transport, terms, admit=lambda: admit(stripe.owner()))

    def _transport(self, name: str, ledger: Ledger, changed: Callable[[], None] | None) -> Transport:
        key = self.api_key.get_secret_value()
        check_mode(key, self.mode)
        return Transport(
            base_url=str(self.base_url).rstrip("/"),
            authorize=partial(headers, key) if changed is None else self._authorize(changed),
            classify=partial(
                classify, connection=name.partition("/")[2] or name, saved=self._block_document_name is not None
            ),
            budget=self._budget(name, ledger),
            breaker=LedgerBreaker(name, ledger, ledger.clock),
            clock=ledger.clock,
        )

    def _budget(self, name: str, ledger: Ledger) -> SharedBudget:
        return SharedBudget(
            name, per_endpoint=self.rate_per_endpoint, in_all=self.rate_in_all, ledger=ledger, clock=ledger.clock
        )

    def connect_invoices(self, name: str, ledger: Ledger, admit: Callable[[Owner], None]) -> Invoices:
        """The account's invoices and credit notes, read by such a client: both share rates and breaker.

        PDFs are on hosts of their own, without the key and with a breaker of their own.
        """
        papers = Papers(address_of_links(str(self.base_url).rstrip("/")), partial(self._files, name, ledger))
        return Invoices(self.connect(name, ledger, admit), ledger.clock, papers)

    def _files(self, name: str, ledger: Ledger, address: str) -> Transport:
        return Transport(
            base_url=address,
            authorize=lambda: {"Accept": "application/pdf"},
            classify=classify_pdf,
            budget=self._budget(name, ledger),
            breaker=LedgerBreaker(f"{name}:pdf", ledger, ledger.clock),
            clock=ledger.clock,
        )

    def _authorize(self, changed: Callable[[], None]) -> Callable[[], dict[str, str]]:
        """Headers with the key: at first the block's own, then, after Stripe refused it, as the saved block has it now.

        So a key that is changed in the Prefect UI is taken up by a run that is under way.
        """
        at_hand = [self]

        def authorize() -> dict[str, str]:
            if at_hand:
                return headers(at_hand.pop().api_key.get_secret_value())
            key = as_saved(self).api_key.get_secret_value()
            check_mode(key, self.mode)
            changed()
            return headers(key)

        return authorize

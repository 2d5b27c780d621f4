"""The block that reads one company at Oblio."""

from collections.abc import Callable
from typing import Annotated, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.budget import LedgerBreaker
from accord.invoicing import Terms
from accord.ledger.engine import Ledger
from accord.ports import Owner
from accord.systems.oblio import Credentials, Invoices, Known, Oblio, Rates, connect, owner
from accord.systems.oblio.issue import OblioIssuer
from accord.systems.oblio.rates import DOCUMENTS_A_SECOND, READS_A_SECOND
from blocks.credentials import encrypted, renewed
from blocks.names import NAME


class OblioAccount(Block):
    """Where invoices are read from: one company of an Oblio account.

    Example:
        Save an account, and use it:
        ```python
        from blocks import OblioAccount

        OblioAccount(email="me@firm.ro", secret="...", cif="RO90000017").save("BLOCK_NAME")
        account = OblioAccount.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-oblio-account"
    _block_type_name: ClassVar[str] = "Oblio account"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://www.oblio.eu/api")

    email: str = Field(default=..., min_length=3, description="The e-mail that the Oblio account is opened with.")
    secret: SecretStr = Field(
        default=...,
        description="The account's API secret: in Oblio under Setări, Date cont. A reset of the password changes it.",
    )
    cif: str = Field(
        default=...,
        pattern=r"^\s*([Rr][Oo])?\s*[0-9]{2,10}\s*$",
        description="The company whose invoices are read, by its CIF, with or without RO.",
    )
    base_url: Annotated[HttpUrl, encrypted("secret")] = Field(
        default=HttpUrl("https://www.oblio.eu/api"),
        description="Where Oblio's API is found; its host is the only one that is ever called.",
    )
    portal: str = Field(
        default="main",
        pattern=NAME,
        description="The name of the block of the portal, its database or its API, that this company's invoices go to.",
    )
    archive: str | None = Field(
        default=None,
        pattern=NAME,
        description="The name of the document archive block that keeps the PDFs; empty to keep none.",
    )
    rate_of_reads: float | None = Field(
        default=READS_A_SECOND,
        gt=0,
        description="Calls a second that read; Oblio allows 30 in 10 s. Empty for no limit.",
    )
    rate_of_documents: float | None = Field(
        default=DOCUMENTS_A_SECOND,
        gt=0,
        description="Calls a second that produce documents; Oblio allows 30 in 100 s. Empty for no limit.",
    )

    def connect(self, name: str, ledger: Ledger, admit: Callable[[Owner], None]) -> Invoices:
        """This company's invoices; `name` is the connection's, such as "oblio/main".

        `admit` is told whose invoices they are before any is read, and raises where that is not the company it should
        be.
        """
        return Invoices(self._client(name, ledger), Known(ledger, name), ledger.clock, admit)

    def issuer(self, name: str, ledger: Ledger, terms: Terms, admit: Callable[[Owner], None]) -> OblioIssuer:
        """This company as an issuer of invoices; `admit` as in `connect`, told before any is issued."""
        return self._client(name, ledger).issuer(name, terms, lambda: admit(owner(self.cif)))

    def _client(self, name: str, ledger: Ledger) -> Oblio:
        rates = Rates(name, ledger, ledger.clock, reads=self.rate_of_reads, documents=self.rate_of_documents)
        return connect(
            base_url=str(self.base_url),
            cif=self.cif.strip(),
            credentials=self._credentials(),
            budget=rates,
            breaker=LedgerBreaker(name, ledger, ledger.clock),
            clock=ledger.clock,
            connection=name.partition("/")[2] or name,
        )

    def _credentials(self) -> Callable[[], Credentials]:
        """E-mail and secret: at first the block's own, then, with each new token, as the saved block has them now."""
        account = renewed(self)

        def credentials() -> Credentials:
            block = account()
            return Credentials(block.email, block.secret.get_secret_value())

        return credentials

"""The block that reaches one company at SmartBill."""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.invoicing import Terms
from accord.ledger.engine import Ledger
from accord.names import digits
from accord.ports import Owner
from accord.systems.smartbill import BASE_URL, PER_SECOND, Invoices, SmartBill, connect, headers
from accord.systems.smartbill.issue import SmartBillIssuer
from blocks.credentials import encrypted, renewed
from blocks.names import NAME


class SmartBillAccount(Block):
    """Where invoices are read from: one company at SmartBill.

    Example:
        Save an account, and use it:
        ```python
        from blocks import SmartBillAccount

        SmartBillAccount(email="me@firm.example", token="...", cif="RO123").save("BLOCK_NAME")
        account = SmartBillAccount.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-smartbill-account"
    _block_type_name: ClassVar[str] = "SmartBill account"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://api.smartbill.ro")

    email: str = Field(default=..., description="The e-mail that the account is logged in to with.")
    token: SecretStr = Field(default=..., description="The token from SmartBill, under Integrari, API.")
    cif: str = Field(
        default=...,
        pattern=r"^(RO)?[0-9]{2,10}$",
        description="The VAT id of the company whose invoices are read, as it is registered in the account.",
    )
    series: list[str] = Field(default=[], description="The series that are read; empty for all.")
    base_url: Annotated[HttpUrl, encrypted("token")] = Field(
        default=HttpUrl(BASE_URL),
        description="Where SmartBill's API is found; its host is the only one that is ever called.",
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
    rate_in_all: float = Field(
        default=PER_SECOND,
        gt=0,
        le=2.5,
        description="Requests a second. SmartBill blocks a token for ten minutes after 30 in 10 s, those of other "
        "programs included, to which the default leaves a third.",
    )

    def connect(self, name: str, ledger: Ledger, admit: Callable[[Owner], None]) -> Invoices:
        """The company's invoices; `name` is the connection's, such as "smartbill/main".

        `admit` is told whose they are before anything is read; it raises where that is not the company it should be.
        Raises Misconfigured where e-mail and token can not be a login.
        """
        admit(self.owner)
        return Invoices(self._client(name, ledger), name, ledger, self.cif, self.series)

    def issuer(self, name: str, ledger: Ledger, terms: Terms, admit: Callable[[Owner], None]) -> SmartBillIssuer:
        """This company as an issuer of invoices; `admit` as in `connect`, told before any is issued."""
        return self._client(name, ledger).issuer(name, terms, ledger.clock, lambda: admit(self.owner))

    def _client(self, name: str, ledger: Ledger) -> SmartBill:
        headers(self.email, self.token.get_secret_value())
        return connect(
            name,
            self.cif,
            self._authorize(),
            ledger,
            block=self._block_document_name or "SmartBillAccount",
            base_url=str(self.base_url).rstrip("/"),
            per_second=self.rate_in_all,
        )

    @property
    def owner(self) -> Owner:
        """Whose invoices are read."""
        return Owner(f"{digits(self.cif)} at SmartBill")

    def _authorize(self) -> Callable[[], Mapping[str, str]]:
        """Headers with the token: at first the block's own, then, after SmartBill refused it, as it is saved now."""
        block = renewed(self)

        def authorize() -> Mapping[str, str]:
            account = block()
            return headers(account.email, account.token.get_secret_value())

        return authorize

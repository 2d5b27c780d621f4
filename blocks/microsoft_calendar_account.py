"""The block that reaches the calendars of one Microsoft 365 tenant."""

from typing import Annotated, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from accord.ledger.engine import Ledger
from accord.systems.microsoft import BASE_URL, LOGIN_URL, PARALLEL, REQUESTS, Credentials, MicrosoftCalendars, connect
from blocks.credentials import as_saved, encrypted


class MicrosoftCalendarAccount(Block):
    """Which calendars bookings are kept in agreement with: those that one app registration reaches.

    Example:
        Save an account, and use it:
        ```python
        from blocks import MicrosoftCalendarAccount

        MicrosoftCalendarAccount(tenant="firm.example", client_id="...", secret="...").save("BLOCK_NAME")
        account = MicrosoftCalendarAccount.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-microsoft-calendar-account"
    _block_type_name: ClassVar[str] = "Microsoft calendar account"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://learn.microsoft.com/graph/api/resources/calendar")

    tenant: str = Field(
        default=...,
        pattern=r"^[A-Za-z0-9.-]{1,100}$",
        description="The tenant whose calendars these are: its Directory (tenant) ID, or a domain of it.",
    )
    client_id: str = Field(
        default=...,
        pattern=r"^[A-Za-z0-9-]{1,60}$",
        description="The app registration's Application (client) ID.",
    )
    secret: SecretStr = Field(
        default=..., description="A client secret of the app registration: its Value, not its Secret ID."
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        description="Where an account signed in, in place of the app's own rights: the newest token that renews its "
        "access. It is replaced with each use.",
    )
    base_url: Annotated[HttpUrl, encrypted("token")] = Field(
        default=HttpUrl(BASE_URL),
        description="Where Microsoft Graph is found, with its version; its host is the only one that is ever called "
        "besides the login's.",
    )
    login_url: Annotated[HttpUrl, encrypted("secret")] = Field(
        default=HttpUrl(LOGIN_URL), description="Where tokens are given; national clouds have their own."
    )
    parallel: int = Field(
        default=PARALLEL, ge=1, le=20, description="Requests to one mailbox at a time; Microsoft allows 4."
    )
    requests: int = Field(
        default=REQUESTS,
        ge=100,
        description="Requests to one mailbox in ten minutes; Microsoft allows 10,000. Less where other programs share "
        "the app registration.",
    )

    def connect(self, name: str, ledger: Ledger) -> MicrosoftCalendars:
        """The calendars; `name` is the connection's, such as "microsoft/main"."""
        return connect(
            name,
            self._credentials,
            self._keep,
            ledger,
            base_url=str(self.base_url),
            login_url=str(self.login_url),
            parallel=self.parallel,
            requests=self.requests,
        )

    def _credentials(self) -> Credentials:
        """What is saved by now: other workers replace the refresh token, and a person the secret."""
        saved = as_saved(self)
        renews = saved.refresh_token
        return Credentials(
            saved.tenant,
            saved.client_id,
            saved.secret.get_secret_value(),
            None if renews is None else renews.get_secret_value(),
        )

    def _keep(self, refresh_token: str) -> None:
        """Save a new refresh token in the place of the one before; in this object where it is not saved yet.

        Prefect encrypts a block and replaces it as a whole. The lease under which this is called keeps others away.
        """
        saved = as_saved(self)
        saved.refresh_token = self.refresh_token = SecretStr(refresh_token)
        if (name := self._block_document_name) is not None:
            saved.save(name, overwrite=True)

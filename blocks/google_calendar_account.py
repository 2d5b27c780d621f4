"""The block that reaches calendars at Google."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Self

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr, model_validator

from accord.budget import LedgerBreaker
from accord.ledger.engine import Ledger
from accord.quota import SharedQuota
from accord.systems.google import Credentials, Google, RefreshToken, connect, parse_key
from blocks.credentials import encrypted, renewed


class GoogleCalendarAccount(Block):
    """Where bookings are shown: the calendars of people at Google.

    Either one account's consent (OAuth client and refresh token), with which the calendars are shared, or a service
    account to which the domain's administrator has delegated them.

    Example:
        Save an account, and use it:
        ```python
        from blocks import GoogleCalendarAccount

        GoogleCalendarAccount(
            client_id="...apps.googleusercontent.com", client_secret="...", refresh_token="..."
        ).save("BLOCK_NAME")
        account = GoogleCalendarAccount.load("BLOCK_NAME")
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-google-calendar-account"
    _block_type_name: ClassVar[str] = "Google Calendar account"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://developers.google.com/workspace/calendar/api/guides/auth")

    client_id: str | None = Field(
        default=None, description="The OAuth client's id; empty where a service account is used."
    )
    client_secret: SecretStr | None = Field(
        default=None, description="The OAuth client's secret; empty where a service account is used."
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        description="The consent of the account that the calendars are shared with; empty where a service account is "
        "used.",
    )
    service_account: SecretStr | None = Field(
        default=None,
        description="The key file of a service account with domain-wide delegation, all of its JSON; empty where there "
        "is a refresh token.",
    )
    base_url: Annotated[HttpUrl, encrypted("token")] = Field(
        default=HttpUrl("https://www.googleapis.com"),
        description="Where Google's API is found; no other host but that of token_url is ever called.",
    )
    token_url: Annotated[HttpUrl, encrypted("secret")] = Field(
        default=HttpUrl("https://oauth2.googleapis.com/token"), description="Where Google gives tokens."
    )
    per_minute: int | None = Field(
        default=600,
        ge=3,
        description="Calls a minute in each person's name; Google allows 600. To mend an event counts for three. Empty "
        "for no limit.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        consent = (self.client_id, self.client_secret, self.refresh_token)
        if all(consent) == bool(self.service_account) or (self.service_account and any(consent)):
            raise ValueError("give client_id, client_secret and refresh_token, or service_account alone")
        return self

    def connect(self, name: str, ledger: Ledger) -> Google:
        """The calendars that this account reaches; `name` is the connection's, such as "google/main"."""
        return connect(
            base_url=str(self.base_url),
            token_url=str(self.token_url),
            credentials=self._renewed(),
            delegated=self.service_account is not None,
            quota=SharedQuota(name, per_minute=self.per_minute, ledger=ledger, clock=ledger.clock),
            breaker=LedgerBreaker(name, ledger, ledger.clock),
            clock=ledger.clock,
            connection=name.partition("/")[2] or name,
        )

    def credentials(self) -> Credentials:
        """What tokens are asked for with. Raises Misconfigured where the key file is none."""
        if self.service_account is not None:
            return parse_key(self.service_account.get_secret_value())
        secrets = (self.client_secret, self.refresh_token)
        return RefreshToken(self.client_id or "", *(one.get_secret_value() if one else "" for one in secrets))

    def _renewed(self) -> Callable[[], Credentials]:
        """At first the block's own, then, with each new token, as the saved block has them now."""
        account = renewed(self)
        return lambda: account().credentials()

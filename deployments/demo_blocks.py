"""The blocks of the demo: every system of the sandbox, and the databases that the demo keeps."""

from pydantic import HttpUrl, SecretStr

from accord.clock import SystemClock
from accord.sandbox.google import tokens as google
from accord.sandbox.microsoft import tokens as microsoft
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.smartbill import company, service
from accord.sandbox.stripe.keys import KEYS
from blocks import (
    AccountsDatabase,
    BookingsDatabase,
    DocumentArchive,
    GoogleCalendarAccount,
    MicrosoftCalendarAccount,
    OblioAccount,
    PortalDatabase,
    SmartBillAccount,
    StripeAccount,
)
from deployments.demo_home import Place


def save_blocks(place: Place) -> None:
    """Save them all, each as "main", and make the tables of accounts and portal."""
    DocumentArchive(url=place.archive_url).save("main", overwrite=True)
    _save_payments_and_invoices(place)
    _save_bookings(place)
    for database in (
        AccountsDatabase(url=SecretStr(place.accounts_url)),
        PortalDatabase(url=SecretStr(place.portal_url)),
    ):
        database.save("main", overwrite=True)
        database.connect(SystemClock()).create_tables()


def _save_payments_and_invoices(place: Place) -> None:
    key, address = SecretStr(KEYS[0].text), HttpUrl(f"{place.sandbox_url}/stripe")
    stripe = StripeAccount(api_key=key, mode="test", base_url=address, portal="main", archive="main")
    stripe.save("main", overwrite=True)
    secret, address = SecretStr(CLIENT_SECRET), HttpUrl(f"{place.sandbox_url}/oblio/api")
    oblio = OblioAccount(email=CLIENT_ID, secret=secret, cif=CIF, base_url=address, archive="main")
    oblio.save("main", overwrite=True)
    secret, address = SecretStr(service.TOKEN), HttpUrl(f"{place.sandbox_url}/smartbill/SBORO/api")
    smartbill = SmartBillAccount(email=service.EMAIL, token=secret, cif=company.CIF, base_url=address, archive="main")
    smartbill.save("main", overwrite=True)


def _save_bookings(place: Place) -> None:
    """The booking system, whose people can move and delete events in their calendars, and these calendars."""
    BookingsDatabase(url=SecretStr(f"sqlite:///{place.bookings}"), policy="newest").save("main", overwrite=True)
    GoogleCalendarAccount(
        client_id=google.CLIENT_ID,
        client_secret=SecretStr(google.CLIENT_SECRET),
        refresh_token=SecretStr(google.REFRESH_TOKEN),
        base_url=HttpUrl(f"{place.sandbox_url}/google"),
        token_url=HttpUrl(f"{place.sandbox_url}/google/token"),
    ).save("main", overwrite=True)
    MicrosoftCalendarAccount(
        tenant=microsoft.TENANT,
        client_id=microsoft.CLIENT_ID,
        secret=SecretStr(microsoft.CLIENT_SECRET),
        base_url=HttpUrl(f"{place.sandbox_url}/microsoft/v1.0"),
        login_url=HttpUrl(f"{place.sandbox_url}/microsoft/login"),
    ).save("main", overwrite=True)

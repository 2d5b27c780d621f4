"""Prefect blocks: what is needed to reach each system. Register them with `prefect block register -m blocks`."""

from blocks.accounts_database import AccountsDatabase
from blocks.bookings_database import BookingsDatabase
from blocks.document_archive import DocumentArchive
from blocks.google_calendar_account import GoogleCalendarAccount
from blocks.invoice_issuing import InvoiceIssuing
from blocks.microsoft_calendar_account import MicrosoftCalendarAccount
from blocks.oblio_account import OblioAccount
from blocks.portal_api import PortalApiAccount
from blocks.portal_database import PortalDatabase
from blocks.smartbill_account import SmartBillAccount
from blocks.stripe_account import StripeAccount

__all__ = [
    "AccountsDatabase",
    "BookingsDatabase",
    "DocumentArchive",
    "GoogleCalendarAccount",
    "InvoiceIssuing",
    "MicrosoftCalendarAccount",
    "OblioAccount",
    "PortalApiAccount",
    "PortalDatabase",
    "SmartBillAccount",
    "StripeAccount",
]

"""The options of `accord connect`: what is needed to reach each system, and where alerts go."""

import argparse
from pathlib import Path
from typing import Any, TypeAlias

from accord.pairing import Policy
from deployments.connect_alerts import alerts_parser

_Systems: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def connect_parsers(commands: _Systems) -> None:
    """Add `connect` to the subcommands of `accord`."""
    connect = commands.add_parser("connect", help="test and save what is needed to reach a system or a channel")
    systems = connect.add_subparsers(required=True, metavar="WHAT")
    alerts_parser(systems)

    _source_parsers(systems)
    _target_parsers(systems)
    _calendar_parsers(systems)
    _issuing_parser(systems)


def _source_parsers(systems: _Systems) -> None:
    stripe = systems.add_parser("stripe", help="a Stripe account; asks for its key. Again with a new key: rotation")
    stripe.add_argument("--name", default="main", help="of the connection (%(default)s)")
    stripe.add_argument("--mode", choices=("test", "live"), help="of the key (test, or as saved)")
    stripe.add_argument("--base-url", help="where Stripe's API is found, if elsewhere")
    where = stripe.add_mutually_exclusive_group()
    where.add_argument("--accounts", help="the accounts database that its payments go to (main, or as saved)")
    where.add_argument("--no-accounts", action="store_true", help="follow no payments: its invoices alone, by --portal")
    stripe.add_argument("--portal", help="the portal that its invoices and credit notes go to (none, or as saved)")
    stripe.add_argument("--archive", help="the document archive that keeps their PDFs (none, or as saved)")
    stripe.add_argument("--json", action="store_true", help="print JSON")
    stripe.set_defaults(run=_connect_stripe)

    oblio = systems.add_parser("oblio", help="a company at Oblio; asks for the account's secret. Again: a new secret")
    oblio.add_argument("--name", default="main", help="of the connection (%(default)s)")
    oblio.add_argument("--email", help="that the account is opened with (needed at first, or as saved)")
    oblio.add_argument("--cif", help="of the company whose invoices are read (needed at first, or as saved)")
    _company_options(oblio, "Oblio")
    oblio.set_defaults(run=_connect_oblio)

    smartbill = systems.add_parser("smartbill", help="a company at SmartBill; asks for the token. Again: a new token")
    smartbill.add_argument("--name", default="main", help="of the connection (%(default)s)")
    smartbill.add_argument("--email", help="that the account is logged in to with (needed at first, or as saved)")
    smartbill.add_argument("--cif", help="of the company whose invoices are read (needed at first, or as saved)")
    smartbill.add_argument("--series", nargs="*", help="that are read, by their names (all, or as saved)")
    _company_options(smartbill, "SmartBill")
    smartbill.set_defaults(run=_connect_smartbill)

    bookings = systems.add_parser("bookings", help="the database of a booking system; asks for its URL")
    bookings.add_argument("--name", default="main", help="of the connection (%(default)s)")
    bookings.add_argument("--mapping", type=Path, metavar="FILE", help="your own tables, as JSON (docs/bookings.md)")
    bookings.add_argument("--create", action="store_true", help="make what is missing of Accord's own tables")
    bookings.add_argument(
        "--policy",
        choices=[str(policy) for policy in Policy],
        help="who wins where a person changed an event in the calendar (booking, or as saved)",
    )
    bookings.add_argument("--json", action="store_true", help="print JSON")
    bookings.set_defaults(run=_connect_bookings)


def _company_options(system: argparse.ArgumentParser, title: str) -> None:
    system.add_argument("--base-url", help=f"where {title}'s API is found, if elsewhere")
    system.add_argument("--portal", help="the portal database that its invoices go to (main, or as saved)")
    system.add_argument("--archive", help="the document archive that keeps its PDFs (none, or as saved)")
    system.add_argument("--json", action="store_true", help="print JSON")


def _target_parsers(systems: _Systems) -> None:
    for what, shown in (("accounts", "the customer accounts"), ("portal", "the customer portal")):
        database = systems.add_parser(what, help=f"the database of {shown}; asks for its URL")
        database.add_argument("--name", default="main", help="(%(default)s)")
        database.add_argument("--mapping", type=Path, metavar="FILE", help="your own tables, as JSON (docs/mapping.md)")
        database.add_argument("--create", action="store_true", help="make what is missing of Accord's own tables")
        database.add_argument("--json", action="store_true", help="print JSON")
        database.set_defaults(run=_connect_database, what=what)

    api = systems.add_parser(
        "portal-api", help="a customer portal with an HTTP API (docs/portal-api.md); asks for a token"
    )
    api.add_argument("--name", default="main", help="(%(default)s)")
    api.add_argument("--base-url", help="what the API is below (needed at first, or as saved)")
    api.add_argument("--rate", type=float, help="requests a second that the portal takes (50, or as saved)")
    api.add_argument("--json", action="store_true", help="print JSON")
    api.set_defaults(run=_connect_portal_api)

    archive = systems.add_parser("archive", help="where PDFs are kept: a folder, S3, Google Cloud Storage or Azure")
    archive.add_argument("--name", default="main", help="(%(default)s)")
    archive.add_argument("--url", required=True, help="such as file:///var/lib/accord/archive or s3://bucket/prefix")
    archive.add_argument("--json", action="store_true", help="print JSON")
    archive.set_defaults(run=_connect_archive)


def _calendar_parsers(systems: _Systems) -> None:
    google = systems.add_parser("google", help="calendars at Google; asks for a refresh token, or takes a key file")
    google.add_argument("--name", default="main", help="of the connection (%(default)s)")
    google.add_argument("--client-id", help="of the OAuth client that the consent was given to (or as saved)")
    google.add_argument("--key-file", type=Path, metavar="FILE", help="the key of a service account, as JSON, instead")
    google.add_argument("--calendar", metavar="MAIL", help="that is tried out (the account's own)")
    google.add_argument("--per-minute", type=int, help="calls that Google allows in each name (600, or as saved)")
    google.add_argument("--base-url", help="where Google's API is found, if elsewhere")
    google.add_argument("--token-url", help="where Google gives tokens, if elsewhere")
    google.add_argument("--json", action="store_true", help="print JSON")
    google.set_defaults(run=_connect_google)

    microsoft = systems.add_parser(
        "microsoft", help="calendars of a Microsoft 365 tenant; asks for the app's secret. Again: a new secret"
    )
    microsoft.add_argument("--name", default="main", help="of the connection (%(default)s)")
    microsoft.add_argument("--tenant", help="its ID, or a domain of it (needed at first, or as saved)")
    microsoft.add_argument("--client-id", help="of the app registration (needed at first, or as saved)")
    microsoft.add_argument("--calendar", metavar="ADDRESS", help="of somebody whose calendar is tried")
    whose = microsoft.add_mutually_exclusive_group()
    whose.add_argument(
        "--delegated",
        action="store_true",
        default=None,
        help="an account signed in: asks for its refresh token (or as saved)",
    )
    whose.add_argument(
        "--no-delegated", dest="delegated", action="store_false", help="by the app's own rights, no longer an account's"
    )
    microsoft.add_argument("--base-url", help="where Microsoft Graph is found, if elsewhere")
    microsoft.add_argument("--login-url", help="where its login is found, if elsewhere")
    microsoft.add_argument("--json", action="store_true", help="print JSON")
    microsoft.set_defaults(run=_connect_microsoft)


def _issuing_parser(systems: _Systems) -> None:
    invoices = systems.add_parser("invoices", help="issue invoices for settled payments that belong to none")
    invoices.add_argument(
        "--name", default="main", help="of the Stripe connection whose payments they are (%(default)s)"
    )
    invoices.add_argument("--off", action="store_true", help="issue no more")
    invoices.add_argument("--system", choices=("oblio", "smartbill", "stripe"), help="that issues them")
    for option, text in _TERMS.items():
        invoices.add_argument(f"--{option}", help=text)
    invoices.add_argument("--json", action="store_true", help="print JSON")
    invoices.set_defaults(run=_connect_invoices)


_TERMS = {
    "account": "the connection at that system (main)",
    "since": "the day (UTC) before which payments are given none (needed at first)",
    "product": "what the invoice's line says (needed at first)",
    "vat-name": "the VAT rate by the account's own name for it (Normala)",
    "vat-rate": "the same in percent; prices include it (21)",
    "series": "of the invoices",
    "proformas": "for SmartBill: the series of the proformas that invoices are made of",
    "language": "of the invoices (RO)",
    "unit": "of measure (buc)",
}


def _connect_invoices(options: argparse.Namespace) -> int:
    from deployments.connect_invoices import connect, disconnect

    if options.off:
        return disconnect(options.name, options.json)
    fields = ("system", *(option.replace("-", "_") for option in _TERMS))
    return connect(options.name, _given(options, *fields), options.json)


def _connect_stripe(options: argparse.Namespace) -> int:
    from deployments.connect_stripe import connect

    given = _given(options, "mode", "base_url", "accounts", "portal", "archive")
    return connect(options.name, given | ({"accounts": None} if options.no_accounts else {}), options.json)


def _connect_oblio(options: argparse.Namespace) -> int:
    from deployments.connect_oblio import connect

    return connect(options.name, _given(options, "email", "cif", "base_url", "portal", "archive"), options.json)


def _connect_smartbill(options: argparse.Namespace) -> int:
    from deployments.connect_smartbill import connect

    fields = ("email", "cif", "series", "base_url", "portal", "archive")
    return connect(options.name, _given(options, *fields), options.json)


def _connect_bookings(options: argparse.Namespace) -> int:
    from deployments.connect_bookings import connect

    return connect(options.name, _given(options, "policy"), options.mapping, options.create, options.json)


def _connect_microsoft(options: argparse.Namespace) -> int:
    from deployments.connect_microsoft import connect

    given = _given(options, "tenant", "client_id", "base_url", "login_url")
    return connect(options.name, given, options.calendar, options.delegated, options.json)


def _given(options: argparse.Namespace, *fields: str) -> dict[str, Any]:
    """Those of these options that were given."""
    return {field: value for field in fields if (value := getattr(options, field)) is not None}


def _connect_database(options: argparse.Namespace) -> int:
    from deployments.connect_database import connect

    return connect(options.what, options.name, options.mapping, options.create, options.json)


def _connect_portal_api(options: argparse.Namespace) -> int:
    from deployments.connect_portal_api import connect

    return connect(options.name, _given(options, "base_url", "rate"), options.json)


def _connect_google(options: argparse.Namespace) -> int:
    from deployments.connect_google import connect

    given = _given(options, "client_id", "per_minute", "base_url", "token_url")
    return connect(options.name, given, options.key_file, options.calendar, options.json)


def _connect_archive(options: argparse.Namespace) -> int:
    from deployments.connect_archive import connect

    return connect(options.name, options.url, options.json)

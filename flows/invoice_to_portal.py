"""Invoices into the customer portal."""

from datetime import date
from enum import StrEnum
from typing import Any

from prefect import flow

from accord.plan import Mode
from flows.agree import ConnectionName, agree
from tasks.workflows import INVOICES

System = StrEnum("System", {one.system.upper(): one.system for one in INVOICES.reads})  # type: ignore[misc]


@flow(name="invoice-to-portal", description="Invoices into the customer portal.")
def invoice_to_portal(
    system: System = System.OBLIO,
    connection: ConnectionName = "main",
    since: date | None = None,
    until: date | None = None,
    mode: Mode = Mode.CHANGES,
) -> Any:
    """Bring the invoices of one company at an invoicing service and the customer portal into agreement.

    Args:
        system: The service to read.
        connection: Name of the service's account block; the block names the portal database to write.
        since: First day (UTC) to read, on the first run or with mode "rescan", of a service that lists by time;
            empty for all of history, and always for Oblio and SmartBill.
        until: Day (UTC) before which to stop, with mode "rescan"; empty for today, and always for Oblio and SmartBill.
        mode: "changes" reads what is new or may have changed since the last run, "rescan" all of history besides;
            "nightly" all of it at Oblio, and a thirtieth at SmartBill.
    """
    return agree(INVOICES.route(system, connection).name, since, until, mode)

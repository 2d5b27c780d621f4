"""Stripe payments into customer accounts."""

from datetime import date
from typing import Any

from prefect import flow

from accord.plan import Mode
from flows.agree import ConnectionName, agree
from tasks.workflows import PAYMENTS


@flow(name="payment-to-account", description="Stripe payments into customer accounts.")
def payment_to_account(
    connection: ConnectionName = "main",
    since: date | None = None,
    until: date | None = None,
    mode: Mode = Mode.CHANGES,
) -> Any:
    """Bring one Stripe account and its customer accounts into agreement.

    Args:
        connection: Name of the Stripe account block to read; the block names the accounts database to write.
        since: First day (UTC) to read, on the first run or with mode "rescan"; empty for all of history.
        until: Day (UTC) before which to stop, with mode "rescan"; empty for today.
        mode: "changes" reads what changed since the last run, "nightly" the next thirtieth of history besides,
            "rescan" all of it, or the days from since to until.
    """
    return agree(PAYMENTS.route("stripe", connection).name, since, until, mode)

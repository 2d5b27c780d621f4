"""The names of syncs, by which everything asks for one."""

import pytest

from accord.sync import connection_of, name_of


@pytest.mark.parametrize(
    ("workflow", "connection", "sync"),
    [
        ("payment-to-account", "stripe/main", "payment-to-account/main"),
        ("payment-to-account", "stripe/oblio-main", "payment-to-account/oblio-main"),
        ("invoice-to-portal", "oblio/main", "invoice-to-portal/oblio-main"),
        ("invoice-to-portal", "oblio/eu-2", "invoice-to-portal/oblio-eu-2"),
        ("invoice-to-portal", "stripe/main", "invoice-to-portal/stripe-main"),
    ],
)
def test_a_sync_is_named_after_what_it_reads_and_the_name_tells_it(workflow, connection, sync):
    assert name_of(workflow, connection) == sync
    assert connection_of(sync) == connection

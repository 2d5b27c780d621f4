"""What both sides come to, as a table."""

import pytest

from accord.compare import Agreement
from deployments.show import table
from tasks.workflows import route


def test_a_currency_of_a_users_own_table_that_nobody_knows_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    agreement = Agreement(1, 1, [], {"EUR": 1250}, {"EUR": 1250, "XAU": 7})
    table({}, agreement, route("payment-to-account/main"))
    said = " ".join(capsys.readouterr().out.split())
    assert "12.50 EUR" in said
    assert "7 smallest units of XAU" in said

"""Which API keys are taken, and what is sent with them."""

import pytest

from accord.errors import Misconfigured
from accord.systems.stripe import API_VERSION, Mode, check_mode, headers


def test_every_request_carries_the_key_and_the_version() -> None:
    assert API_VERSION == "2026-10-28.endive"
    assert headers("sk_test_1") == {"Authorization": "Bearer sk_test_1", "Stripe-Version": API_VERSION}


@pytest.mark.parametrize("mode", ["test", "live"])
@pytest.mark.parametrize("begins", ["sk", "rk"])
def test_a_key_of_the_mode_is_taken(begins: str, mode: Mode) -> None:
    check_mode(f"{begins}_{mode}_51abc", mode)


@pytest.mark.parametrize(
    ("key", "mode", "why"),
    [
        ("sk_live_51hidden", "test", "live mode"),
        ("rk_test_51hidden", "live", "test mode"),
        ("pk_test_51hidden", "test", "publishable"),
        ("whsec_51hidden", "test", "webhook"),
        ("sk_org_live_51hidden", "live", "organization"),
        ("51hidden", "test", "no Stripe key"),
        ("", "test", "no Stripe key"),
        (" sk_test_51hidden", "test", "no Stripe key"),
    ],
)
def test_any_other_key_is_refused_without_showing_it(key: str, mode: Mode, why: str) -> None:
    with pytest.raises(Misconfigured, match=why) as error:
        check_mode(key, mode)
    assert "hidden" not in str(error.value)
    assert f"take one from Stripe's dashboard that begins with sk_{mode}_" in str(error.value)

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct

NOW = 1_790_000_000.0
BEARER = {"authorization": "Bearer sk_test_sandbox_full"}


def opened(path, **how):
    sandbox = build(now=lambda: NOW, payments=60, state=path, **how)
    return sandbox, httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe", headers=BEARER)


def everything(stripe):
    names = stripe.get("/_admin/truth").json()["counts"]
    return {name: stripe.get(f"/v1/{name}?limit=100").json() for name in names} | {
        "truth": stripe.get("/_admin/truth").json()
    }


def test_all_is_there_after_a_restart(tmp_path):
    path = tmp_path / "deep" / "sandbox.json"
    sandbox, stripe = opened(path)
    made = stripe.post(
        "/v1/payment_intents",
        data={"amount": 900, "currency": "eur", "confirm": "true", "payment_method": "pm_card_pendingRefund"},
        headers={"idempotency-key": "k"},
    )
    customer = stripe.post("/v1/customers", data={"name": "Ana"}).json()["id"]
    stripe.delete(f"/v1/customers/{customer}")
    stripe.post("/_admin/clock?seconds=3600")
    before = everything(stripe)
    sandbox.save()

    _, again = opened(path)
    assert everything(again) == before
    replay = again.post(
        "/v1/payment_intents",
        data={"amount": 900, "currency": "eur", "confirm": "true", "payment_method": "pm_card_pendingRefund"},
        headers={"idempotency-key": "k"},
    )
    assert (replay.content, replay.headers["idempotent-replayed"]) == (made.content, "true")
    assert again.get(f"/v1/customers/{customer}").json()["deleted"] is True
    refund = again.post("/v1/refunds", data={"charge": made.json()["latest_charge"]}).json()
    assert refund["status"] == "pending"
    assert refund["id"] not in str(before)
    again.post("/_admin/clock?days=2")
    assert again.get(f"/v1/refunds/{refund['id']}").json()["status"] == "succeeded"


def test_timers_run_after_a_restart(tmp_path):
    path = tmp_path / "sandbox.json"
    sandbox, stripe = opened(path)
    fields = {"amount": 900, "currency": "eur", "confirm": "true", "capture_method": "manual"}
    held = stripe.post("/v1/payment_intents", data=fields | {"payment_method": "pm_card_visa"}).json()["id"]
    sandbox.save()
    _, again = opened(path)
    again.post("/_admin/clock?days=7")
    assert again.get(f"/v1/payment_intents/{held}").json()["status"] == "canceled"


def test_reset_begins_anew(tmp_path):
    path = tmp_path / "sandbox.json"
    sandbox, stripe = opened(path)
    seeded = everything(stripe)
    stripe.post("/v1/customers", data={"name": "Ana"})
    sandbox.save()
    _, again = opened(path, reset=True)
    assert everything(again) == seeded


def test_nothing_is_written_while_nothing_changes(tmp_path):
    path = tmp_path / "sandbox.json"
    sandbox, stripe = opened(path)
    sandbox.save()
    path.unlink()
    stripe.get("/v1/charges")
    sandbox.save()
    assert not path.exists()
    stripe.post("/v1/customers", data={"name": "Ana"})
    sandbox.save()
    assert path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["sandbox.json"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}'])
def test_a_file_that_is_no_state_is_refused_by_name(tmp_path, text):
    path = tmp_path / "sandbox.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"sandbox\.json .* --reset"):
        opened(path)

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct

NOW = 1_790_000_000
KEY = {"authorization": "Bearer sk_test_sandbox_full"}


@pytest.fixture(scope="module")
def sandbox():
    return build(now=lambda: float(NOW), payments=160)


@pytest.fixture(scope="module")
def stripe(sandbox):
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe", headers=KEY) as client:
        yield client


def walk(stripe, path, **params):
    """Every row of a list, by cursor."""
    rows, params = [], {"limit": 100} | params
    while True:
        page = stripe.get(path, params=params).raise_for_status().json()
        rows += page["data"]
        if not page["has_more"]:
            return rows
        params["starting_after"] = page["data"][-1]["id"]


def refused(answer, status, code=None, param=None):
    error = answer.json()["error"]
    assert (answer.status_code, error.get("code"), error.get("param")) == (status, code, param)
    return error


def test_keys(sandbox):
    def get(path, key, method="GET"):
        with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe") as client:
            auth = (key, "") if key and not key.startswith("Bearer") else None
            headers = {"authorization": key} if key and not auth else {}
            return client.request(method, path, auth=auth, headers=headers)

    assert get("/v1/charges", "sk_test_sandbox_full").status_code == 200
    assert get("/v1/charges", "Bearer rk_test_sandbox_read").status_code == 200
    for key in (None, "Bearer sk_test_wrong_key_of_somebody", "Bearer ", "Basic"):
        error = refused(get("/v1/charges", key), 401)
        assert error["type"] == "invalid_request_error"
        assert "wrong_key" not in error["message"]
    refused(get("/v1/charges", "sk_test_sandbox_expired"), 401, "api_key_expired")
    refused(get("/v1/charges", "pk_test_sandbox_public"), 403, "secret_key_required")
    assert (
        "rak_balance_transaction_read"
        in refused(get("/v1/balance_transactions", "rk_test_sandbox_no_balance"), 403)["message"]
    )
    assert "rak_refund_write" in refused(get("/v1/refunds", "rk_test_sandbox_read", "POST"), 403)["message"]


def test_the_modes_do_not_mix(sandbox, stripe):
    live_key = {"authorization": "Bearer sk_live_sandbox_full"}
    live = stripe.get("/v1/charges?limit=100", headers=live_key).json()["data"]
    test = walk(stripe, "/v1/charges")
    assert {row["livemode"] for row in live} == {True}
    assert {row["livemode"] for row in test} == {False}
    assert not {row["id"] for row in live} & {row["id"] for row in test}
    error = refused(stripe.get(f"/v1/charges/{live[0]['id']}"), 404, "resource_missing", "charge")
    assert "exists in live mode, but a test mode key" in error["message"]


def test_headers(stripe):
    answer = stripe.get("/v1/charges", headers={"idempotency-key": "k-1"})
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["idempotency-key"] == "k-1"
    assert answer.headers["stripe-version"] == "2026-10-28.endive"
    assert answer.headers["content-type"] == "application/json"
    assert stripe.get("/v1/none").headers["request-id"] != answer.headers["request-id"]
    assert stripe.get("/v1/charges", headers={"stripe-version": "2024-06-20"}).status_code == 400
    refused(stripe.get("/v1/charges", headers={"stripe-account": "acct_other"}), 403, "account_invalid")
    assert stripe.post("/v1/customers", json={"name": "x"}).status_code == 400


def test_a_second_account_has_data_and_an_id_of_its_own(stripe):
    second = {"authorization": "Bearer sk_test_sandbox_second"}
    accounts = {stripe.get("/v1/account", headers=key).json()["id"] for key in (KEY, second)}
    assert len(accounts) == 2
    ours = {row["id"] for row in walk(stripe, "/v1/charges")}
    theirs = {row["id"] for row in stripe.get("/v1/charges?limit=100", headers=second).json()["data"]}
    assert theirs
    assert not ours & theirs
    error = refused(stripe.get(f"/v1/charges/{min(theirs)}"), 404, "resource_missing", "charge")
    assert "mode" not in error["message"]

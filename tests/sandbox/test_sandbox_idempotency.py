import asyncio

import httpx
import pytest

from accord.sandbox.app import application

BEARER = {"authorization": "Bearer sk_test_sandbox_full"}
URL = "/v1/payment_intents"
FORM = {"amount": "1000", "currency": "eur"}


def send(stripe, key, url=URL, **fields):
    return stripe.post(url, data=FORM | fields, headers={"idempotency-key": key})


def count(stripe):
    return stripe.get("/_admin/truth").json()["counts"]["payment_intents"]


def test_a_key_replays_the_first_answer(stripe):
    first, second = send(stripe, "k-1"), send(stripe, "k-1")
    assert (second.status_code, second.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"] != second.headers["request-id"]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "k-1"
    assert send(stripe, "k-2").json()["id"] != first.json()["id"]
    assert count(stripe) == 2


def test_the_order_of_parameters_does_not_matter(stripe):
    first = stripe.post(URL, data={"amount": "1000", "currency": "eur"}, headers={"idempotency-key": "k"})
    second = stripe.post(URL, data={"currency": "eur", "amount": "1000"}, headers={"idempotency-key": "k"})
    assert second.content == first.content


def test_a_key_is_for_one_request_only(stripe):
    send(stripe, "k")
    for answer in (send(stripe, "k", amount="1001"), send(stripe, "k", url="/v1/customers")):
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert count(stripe) == 1


def test_refusals_after_the_work_began_are_kept(stripe):
    declined = FORM | {"confirm": "true", "payment_method": "pm_card_chargeDeclined"}
    first, second = send(stripe, "k", **declined), send(stripe, "k", **declined)
    assert (first.status_code, second.content) == (402, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    assert count(stripe) == 1


def test_a_server_error_is_kept_and_nothing_was_done(stripe):
    stripe.post("/_admin/faults", data={"kind": "server_error"})
    first, second = send(stripe, "k"), send(stripe, "k")
    assert (first.status_code, second.status_code, second.content) == (500, 500, first.content)
    assert (count(stripe), send(stripe, "fresh").status_code) == (0, 200)


def test_what_was_refused_before_the_work_is_not_kept(stripe):
    assert send(stripe, "k", amount="x").status_code == 400
    assert send(stripe, "k").status_code == 200
    stripe.post("/_admin/faults", data={"kind": "rate_limit", "reason": "none"})
    assert send(stripe, "later").status_code == 429
    assert send(stripe, "later").status_code == 200


def test_a_lost_answer_is_found_by_its_key(stripe):
    stripe.post("/_admin/faults", data={"kind": "drop_answer"})
    with pytest.raises(httpx.RemoteProtocolError):
        send(stripe, "k")
    assert count(stripe) == 1
    assert send(stripe, "k").headers["idempotent-replayed"] == "true"
    assert count(stripe) == 1


def test_a_request_dropped_before_the_work_left_no_key(stripe):
    stripe.post("/_admin/faults", data={"kind": "drop_before"})
    with pytest.raises(httpx.RemoteProtocolError):
        send(stripe, "k")
    assert count(stripe) == 0
    assert "idempotent-replayed" not in send(stripe, "k").headers


def test_a_key_is_new_again_after_24_hours(stripe, clock):
    first = send(stripe, "k")
    clock.now += 24 * 3_600 - 1
    assert send(stripe, "k").content == first.content
    clock.now += 1
    assert send(stripe, "k").json()["id"] != first.json()["id"]


def test_keys_are_for_posts_and_of_one_mode(stripe):
    headers = {"idempotency-key": "k"}
    assert stripe.get(URL, headers=headers).status_code == 200
    send(stripe, "k")
    assert stripe.get(URL, headers=headers).json()["data"] != []
    live = stripe.post(URL, data=FORM, headers=headers | {"authorization": "Bearer sk_live_sandbox_full"})
    assert (live.status_code, live.json()["livemode"]) == (200, True)
    assert send(stripe, "x" * 256).status_code == 400


def test_a_twin_of_a_running_request_is_turned_away(sandbox):
    async def twins():
        transport = httpx.ASGITransport(application(sandbox))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/stripe", headers=BEARER) as client:
            await client.post("/_admin/faults", data={"kind": "latency", "seconds": "0.05"})
            headers = {"idempotency-key": "k"}
            answers = await asyncio.gather(*(client.post(URL, data=FORM, headers=headers) for _ in range(2)))
            return [*answers, await client.post(URL, data=FORM, headers=headers)]

    first, twin, later = asyncio.run(twins())
    assert (first.status_code, twin.status_code, twin.json()["error"]["code"]) == (200, 409, "idempotency_key_in_use")
    assert twin.headers["stripe-should-retry"] == "true"
    assert later.content == first.content

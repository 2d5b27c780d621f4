"""A sandbox without payments whose clock the test moves, and clients of its Stripe and of its Google."""

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.google.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN


class Hands:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
def sandbox(clock):
    return build(now=clock, payments=0)


@pytest.fixture
def stripe(sandbox):
    headers = {"authorization": "Bearer sk_test_sandbox_full"}
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe", headers=headers) as client:
        yield client


CONSENT = {
    "grant_type": "refresh_token",
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}


@pytest.fixture
def consent():
    """What a token of Google's is asked for with."""
    return dict(CONSENT)


@pytest.fixture
def open_google():
    """Opens a client of a sandbox's Google, with a token."""

    def open_google(sandbox):
        client = httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/google")
        token = client.post("/token", data=CONSENT).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        return client

    return open_google


@pytest.fixture
def google(sandbox, open_google):
    client = open_google(sandbox)
    yield client
    client.close()

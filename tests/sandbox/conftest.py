"""A sandbox without payments whose clock the test moves, and a client of its Stripe."""

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct


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

"""What Google's answers mean for the caller."""

import json

import pytest

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.systems.answers import decoded
from accord.systems.google.errors import (
    Changed,
    Gone,
    Nobody,
    NotFound,
    Taken,
    Unfit,
    classify,
    classify_token,
)
from accord.systems.google.shapes import Page

PEOPLE = "ana@accord.test may not"
HTML = b"<html>502 Bad Gateway</html>"


def told(status: int, reason: str = "") -> bytes:
    one = {"domain": "global", "reason": reason, "message": PEOPLE}
    return json.dumps({"error": {"code": status, "message": PEOPLE, "errors": [one]}}).encode()


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (400, "invalid", Unfit),
        (401, "authError", NotAccepted),
        (403, "userRateLimitExceeded", Throttled),
        (403, "rateLimitExceeded", Throttled),
        (403, "quotaExceeded", TryLater),
        (403, "dailyLimitExceeded", TryLater),
        (403, "insufficientPermissions", Misconfigured),
        (403, "accessNotConfigured", Misconfigured),
        (403, "forbiddenForServiceAccounts", Refused),
        (403, "forbiddenForNonOrganizer", Refused),
        (403, "forbidden", Refused),
        (403, "", TryLater),
        (404, "notFound", NotFound),
        (408, "", TryLater),
        (409, "duplicate", Taken),
        (409, "conflict", TryLater),
        (410, "deleted", Gone),
        (410, "fullSyncRequired", Gone),
        (410, "updatedMinTooLongAgo", Gone),
        (412, "conditionNotMet", Changed),
        (413, "", Refused),
        (429, "rateLimitExceeded", Throttled),
        (500, "backendError", TryLater),
        (503, "", TryLater),
        (418, "", Refused),
    ],
)
def test_an_answer_is_named_by_what_to_do(status: int, reason: str, error: type[Exception]) -> None:
    found = classify(Response(status, {}, told(status, reason)), "eu")
    assert type(found) is error
    assert str(status) in str(found)
    assert reason in str(found)
    assert PEOPLE not in str(found)
    bare = classify(Response(status, {}, HTML))
    assert isinstance(bare, Exception)
    assert "Gateway" not in str(bare)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_error(status: int) -> None:
    assert classify(Response(status, {}, b"{}")) is classify_token(Response(status, {}, b"{}")) is None


def test_a_limit_of_use_is_waited_out_for_hours() -> None:
    found = classify(Response(403, {}, told(403, "quotaExceeded")))
    assert isinstance(found, TryLater)
    assert found.after is not None
    assert found.after >= 3_600


@pytest.mark.parametrize(
    ("status", "error", "described", "kind", "said"),
    [
        (
            400,
            "invalid_grant",
            "Token has been expired or revoked.",
            Misconfigured,
            "give consent anew and run: accord connect google --name eu",
        ),
        (400, "invalid_grant", "Invalid JWT Signature.", Misconfigured, "the key is wrong"),
        (400, "invalid_grant", "Invalid email or User ID", Nobody, "no such person"),
        (401, "unauthorized_client", "Client is unauthorized", Misconfigured, "Domain-wide delegation"),
        (401, "invalid_client", "The OAuth client was not found.", Misconfigured, "does not know the OAuth client"),
        (401, "deleted_client", "The OAuth client was deleted.", Misconfigured, "does not know the OAuth client"),
        (400, "invalid_request", "", Misconfigured, "is token_url of GoogleCalendarAccount/eu right"),
        (404, "", "", Misconfigured, "is token_url of GoogleCalendarAccount/eu right"),
        (400, "internal_failure", "", TryLater, "internal_failure"),
        (400, "temporarily_unavailable", "", TryLater, "temporarily_unavailable"),
        (429, "", "", TryLater, "429"),
        (503, "", "", TryLater, "503"),
    ],
)
def test_a_call_for_a_token(status: int, error: str, described: str, kind: type[Exception], said: str) -> None:
    body = json.dumps({"error": error, "error_description": f"{described} {PEOPLE}"}).encode()
    found = classify_token(Response(status, {}, body), "eu")
    assert type(found) is kind
    assert said in str(found)
    assert PEOPLE not in str(found)


@pytest.mark.parametrize("reason", ["a b", "x" * 51, "<b>", "ana@accord.test"])
def test_a_reason_that_is_no_word_is_not_repeated(reason: str) -> None:
    assert reason not in str(classify(Response(400, {}, told(400, reason))))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"error":null}', b'{"error":{"errors":[]}}', b'{"error":{"errors":[{}]}}', b"[" * 9_000]
)
def test_a_refusal_that_can_not_be_read_is_none(body: bytes) -> None:
    """It may have been cut off: too many calls, and a right that is lacking, are told by the reason alone."""
    assert type(classify(Response(403, {}, body))) is TryLater
    assert type(classify_token(Response(400, {}, body))) is TryLater


def test_an_answer_of_another_shape_is_told_from_one_that_is_cut_off() -> None:
    assert decoded(b'{"items":[]}', Page, "Google", "a list").items == []
    with pytest.raises(TryLater, match="cut off or no JSON"):
        decoded(b'{"items":[', Page, "Google", "a list")
    with pytest.raises(Refused, match="not what it was"):
        decoded(b'{"items":5}', Page, "Google", "a list")

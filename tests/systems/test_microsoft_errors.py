"""What Microsoft's error answers mean: named by what to do, without what they say of people."""

import json
from typing import Any

import pytest

from accord.calendars import TokenGone
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.systems.answers import decoded
from accord.systems.microsoft.errors import Duplicate, NotFound, Undeletable, classify, classify_token
from accord.systems.microsoft.shapes import Token


def graph(status: int, code: str = "", **more: Any) -> Response:
    error = {"code": code, "message": "Ana Pop <ana@example.test> may not", "innerError": {"request-id": "r"}} | more
    return Response(status, {}, json.dumps({"error": error}).encode())


def login(status: int, error: str, *codes: int, description: str = "") -> Response:
    body = {"error": error, "error_description": description or f"AADSTS{codes[0] if codes else 0}: ana@example.test"}
    return Response(status, {}, json.dumps(body | ({"error_codes": codes} if codes else {})).encode())


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (graph(401, "InvalidAuthenticationToken"), NotAccepted),
        (graph(403, "ErrorAccessDenied"), Refused),
        (graph(404, "MailboxNotEnabledForRESTAPI"), Refused),
        (graph(404, "ErrorInvalidUser"), Refused),
        (graph(404, "ErrorItemNotFound"), NotFound),
        (graph(410, "ErrorItemNotFound"), NotFound),
        (graph(403, "ErrorCannotDeleteObject"), Undeletable),
        (graph(400, "ErrorDuplicateTransactionId"), Duplicate),
        (graph(409, "ErrorDuplicateTransactionId"), Duplicate),
        (graph(409, "ConcurrentItemSave"), TryLater),
        (graph(503, "ConcurrentItemSave"), TryLater),
        (graph(500, "ErrorInternalServerTransientError"), TryLater),
        (graph(429, "TooManyRequests"), Throttled),
        (graph(412, "ErrorIrresolvableConflict"), Refused),
        (graph(400, "ErrorPropertyValidationFailure"), Refused),
        (graph(410, "SyncStateNotFound"), TokenGone),
        (graph(410, "resyncRequired"), TokenGone),
        (Response(410, {}, b""), TokenGone),
        (graph(400, "SyncStateNotFound"), TokenGone),
        (graph(404, "syncStateNotFound"), TokenGone),
        (graph(400, "syncStateInvalid"), TokenGone),
        (Response(502, {}, b"<html>"), TryLater),
        (Response(404, {}, b"<html>"), TryLater),
        (Response(400, {}, b'{"error":{"code":"ErrorItemNo'), TryLater),
        (Response(412, {}, b""), TryLater),
        (Response(401, {}, b""), NotAccepted),
        (Response(429, {}, b""), Throttled),
    ],
    ids=lambda value: getattr(value, "__name__", str(getattr(value, "status", ""))),
)
def test_an_answer_is_named_by_what_to_do(answer: Response, meant: type[Exception]) -> None:
    fault = classify(answer)
    assert type(fault) is meant
    assert "Ana" not in str(fault)
    assert "example" not in str(fault)


def test_what_went_well_is_no_error() -> None:
    assert [classify(Response(status, {}, b"")) for status in (200, 201, 202, 204)] == [None] * 4


def test_one_mailbox_is_told_from_the_whole_app() -> None:
    whole = classify(graph(429, "ApplicationThrottled"))
    one = classify(graph(429, "TooManyRequests"))
    assert isinstance(whole, Throttled)
    assert isinstance(one, Throttled)
    assert (whole.scope, one.scope) == ("account", "endpoint")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (login(401, "invalid_client", 7000222), "the client secret has expired; make a new one in Entra"),
        (login(401, "invalid_client", 7000215), "its Value, not its"),
        (login(400, "unauthorized_client", 700016), "the tenant has no such app"),
        (login(400, "invalid_request", 90002), "the tenant is not known"),
        (login(400, "invalid_request", 900023), "the tenant is not known"),
        (login(400, "invalid_grant", 65001), "have an administrator grant the app registration Calendars.ReadWrite"),
        (login(400, "invalid_grant", 50173), "was revoked, as by a change of the password; sign in again"),
        (login(400, "invalid_grant", 700082), "was not used for too long; sign in again"),
        (login(400, "invalid_grant", 700084), "register the app as Web"),
        (login(400, "interaction_required", 50076), "second factor"),
        (login(400, "interaction_required", 50079), "second factor"),
        (login(400, "invalid_grant", 53003), "conditional access"),
        (login(400, "invalid_scope", 70011), "Calendars.ReadWrite"),
        (login(400, "invalid_grant", 1), "the refresh token is not accepted any more"),
        (login(401, "invalid_client"), "the client secret is not accepted"),
        (login(400, "interaction_required"), "second factor"),
        (login(400, "", description="AADSTS7000222: expired"), "AADSTS7000222): the client secret has expired"),
        (login(400, "who_knows", 2), "is not accepted"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_login_that_refuses_is_for_a_person(answer: Response, said: str) -> None:
    fault = classify_token(answer, "eu")
    assert type(fault) is Misconfigured
    assert said in str(fault)
    assert str(fault).endswith("then run: accord connect microsoft --name eu")
    assert "ana" not in str(fault)


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (login(503, "temporarily_unavailable"), TryLater),
        (login(400, "temporarily_unavailable"), TryLater),
        (login(500, "server_error", 90033), TryLater),
        (Response(429, {}, b""), Throttled),
        (Response(400, {}, b"<html>"), TryLater),
    ],
)
def test_a_login_that_is_down_is_not(answer: Response, meant: type[Exception]) -> None:
    assert type(classify_token(answer)) is meant


def test_what_can_not_be_read_is_cut_off_or_another_api() -> None:
    with pytest.raises(TryLater, match="cut off"):
        decoded(b'{"access_to', Token, "Microsoft", "a token")
    with pytest.raises(Refused, match="did its API change"):
        decoded(b"[]", Token, "Microsoft", "a token")

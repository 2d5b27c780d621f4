"""The switches that make a sandbox misbehave: what is wrong, on which requests, and how often."""

import random
from collections.abc import Collection
from typing import Any, Literal

import msgspec

Kind = Literal[
    "rate_limit",
    "server_error",
    "unauthorized",
    "redirect",
    "latency",
    "drop_before",
    "drop_answer",
    "drop_midway",
    "truncated_json",
    "html_502",
    "wrong_content_type",
    "big_body",
    "gzip_bomb",
    "drip",
    "unknown_enum",
    "missing_field",
    "null_field",
    "wrong_type",
    "extra_fields",
    "has_more_forever",
    "repeat_page",
    "lag",
    "error_text",
    "pdf_html",
    "lower_rev",
]

MEANINGS: dict[str, str] = {
    "rate_limit": "429; reason = global-rate, endpoint-rate, none or lock_timeout; retry_after = a header as given",
    "server_error": "status (500) with the provider's error body instead of the work; kept under the request's key",
    "unauthorized": "401 as if the key had been revoked",
    "redirect": "302 to another host",
    "latency": "waits seconds before the work; the request's key counts as in use meanwhile",
    "drop_before": "the connection closes before any work",
    "drop_answer": "the work is done, then the connection closes without an answer",
    "drop_midway": "the work is done, then the connection closes in the middle of the body",
    "truncated_json": "the body ends in the middle; the HTTP message is whole",
    "html_502": "the work is done, then a proxy answers 502 with a web page",
    "wrong_content_type": "the right body, labelled text/html",
    "big_body": "a field of 12 MB in the answer",
    "gzip_bomb": "half a megabyte that unpacks to 512 MB",
    "drip": "16 bytes of the body, then a pause of seconds, and so on",
    "unknown_enum": "field (status or type) of one object has a value nobody knows",
    "missing_field": "field (amount, created or total) of one object is left out",
    "null_field": "field (amount, created or total) of one object is null",
    "wrong_type": "field (amount, created or total) of one object is a text in place of a number, and so on",
    "extra_fields": "every object has fields nobody has heard of",
    "has_more_forever": "lists never end: has_more is always true",
    "repeat_page": "starting_after is ignored: the first page again and again",
    "lag": "new rows show up in lists only seconds after they came to be",
    "error_text": "SmartBill: 200 with value as errorText in place of the work",
    "pdf_html": "SmartBill: 200 with a web page in place of the PDF",
    "lower_rev": "the portal keeps nothing of a PUT, and tells an older rev, as one that breaks its rule",
}

LASTING: frozenset[str] = frozenset({"lag", "has_more_forever", "repeat_page"})
"""Kinds that stay until cleared unless `times` or `rate` is given."""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One switch. Without `times` and `rate` it strikes once (the lasting kinds until cleared).

    `path` is a prefix below the provider's prefix, `rate` a share between 0 and 1. For the kinds that spoil one
    object: `object` is its id, else `nth` counts in the page from 1.
    """

    kind: Kind
    path: str = ""
    method: str = ""
    times: int | None = None
    rate: float | None = None
    seconds: float = 1.0
    status: int = 500
    reason: Literal["global-rate", "endpoint-rate", "none", "lock_timeout"] = "endpoint-rate"
    retry_after: str = ""
    should_retry: Literal["", "true", "false"] = ""
    nth: int = 1
    object: str = ""
    field: str = ""
    value: str = ""
    id: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate <= 1:
            raise ValueError("rate is a share above 0 and at most 1")
        if self.times is not None and self.times < 1:
            raise ValueError("times is at least 1")
        if not 0 <= self.seconds <= 3_600:
            raise ValueError("seconds is between 0 and 3600")
        if not (self.retry_after.isascii() and self.retry_after.isprintable()):
            raise ValueError("retry_after is a header's value")
        if not 400 <= self.status <= 599:
            raise ValueError("status is between 400 and 599")


class Faults:
    """The switches that are on. Which requests a `rate` picks is settled by a seed, so that runs can be repeated."""

    def __init__(self, seed: int = 1) -> None:
        self._on: list[Fault] = []
        self._last = 0
        self._dice = random.Random(seed)  # noqa: S311

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Switch one on; raises msgspec.ValidationError when it makes no sense."""
        fault = msgspec.convert(wanted, Fault, strict=False)
        self._last += 1
        fault.id, fault.struck = self._last, 0
        if fault.times is None and fault.rate is None and fault.kind not in LASTING:
            fault.times = 1
        self._on.append(fault)
        return fault

    def on(self) -> list[Fault]:
        return list(self._on)

    def clear(self, number: int | None = None) -> int:
        """Switch off one, or all; the number that were on."""
        before = len(self._on)
        self._on = [] if number is None else [fault for fault in self._on if fault.id != number]
        return before - len(self._on)

    def matching(self, kinds: Collection[str], method: str, path: str) -> list[Fault]:
        """The switches of these kinds that this request meets, oldest first; a rate is a throw of the dice."""
        if not self._on:
            return []
        return [
            fault
            for fault in self._on
            if fault.kind in kinds
            and path.startswith(fault.path)
            and fault.method in ("", method)
            and (fault.rate is None or self._dice.random() < fault.rate)
        ]

    def first(self, kinds: Collection[str], method: str, path: str) -> Fault | None:
        """The oldest of the switches of these kinds that this request meets, which strikes; or None."""
        for fault in self.matching(kinds, method, path)[:1]:
            self.strike(fault)
            return fault
        return None

    def latency(self, method: str, path: str) -> float:
        """The seconds that this request is to wait before the work."""
        met = self.matching(("latency",), method, path)
        for fault in met:
            self.strike(fault)
        return sum(fault.seconds for fault in met)

    def strike(self, fault: Fault) -> None:
        """Count one use; the last one switches the fault off."""
        fault.struck += 1
        if fault.times is not None and fault.struck >= fault.times:
            self._on = [other for other in self._on if other.id != fault.id]

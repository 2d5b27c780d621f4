"""When calendars are taken (Microsoft Graph, getSchedule): what is not told counts as not known, never as free."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from accord.bookings import Span
from accord.calendars import Busy
from accord.errors import LeftAlone, Refused, TryLater
from accord.systems.microsoft import shapes, translate
from accord.systems.microsoft.graph import Graph, users

_MOST = 20  # calendars at once
_LONGEST = 62 * 86_400  # seconds at once
_SHORTEST = 86_400  # seconds that are not asked for in halves any more
_TOO_MANY = "5006"  # of a calendar with more than 1,000 events in that time
_TRIES = 3  # of a question
_LONGEST_WAIT = 10.0  # seconds between two tries of it
_FREE = ("free", "workingElsewhere")  # whoever has any other status is taken


def busy(graph: Graph, calendars: Sequence[str], start: int, end: int) -> Mapping[str, Busy]:
    """As in `Calendars`. A question that is not answered makes those unknown that it is about.

    Raises TryLater where none is answered.
    """
    spans: dict[str, list[Span]] = {calendar: [] for calendar in calendars}
    unknown: dict[str, str] = {}
    faults: list[TryLater] = []
    answered = False
    for first in range(0, len(calendars), _MOST):
        for begin in range(start, end, _LONGEST):
            some = [one for one in calendars[first : first + _MOST] if one not in unknown]
            if not some:
                continue
            try:
                found, failed = _between(graph, some, begin, min(begin + _LONGEST, end))
            except TryLater as error:
                faults.append(error)
                unknown |= dict.fromkeys(some, str(error))
                continue
            answered = True
            unknown |= failed
            for calendar, taken in found.items():
                spans[calendar] += taken
    if faults and not answered:
        raise faults[0]
    known = {calendar: Busy(_joined(taken)) for calendar, taken in spans.items() if calendar not in unknown}
    return known | {calendar: Busy((), why) for calendar, why in unknown.items()}


def _between(
    graph: Graph, calendars: Sequence[str], start: int, end: int
) -> tuple[dict[str, list[Span]], dict[str, str]]:
    """As `_ask`; calendars with too many events for one answer are asked about in halves of the time."""
    found, unknown = _ask(graph, calendars, start, end)
    full = [calendar for calendar, why in unknown.items() if f"({_TOO_MANY})" in why]
    if full and end - start > _SHORTEST:
        unknown = {calendar: why for calendar, why in unknown.items() if calendar not in full}
        middle = (start + end) // 2
        for begin, until in ((start, middle), (middle, end)):
            more, failed = _between(graph, [one for one in full if one not in unknown], begin, until)
            found |= {calendar: found.get(calendar, []) + taken for calendar, taken in more.items()}
            unknown |= failed
    return found, unknown


def _ask(graph: Graph, calendars: Sequence[str], start: int, end: int) -> tuple[dict[str, list[Span]], dict[str, str]]:
    """When calendars are taken, and why that of others is not known.

    It is asked through one of them, whose own refusal says nothing of the others: they are asked through the next one,
    and so are all where there is no answer. Raises TryLater after some tries.
    """
    unknown: dict[str, str] = {}
    left = list(calendars)
    tries = 0
    while left:
        body = {"schedules": left, "startTime": _utc(start), "endTime": _utc(end), "availabilityViewInterval": 30}
        try:
            answer = graph.post(left[0], f"{users(left[0])}/calendar/getSchedule", body, shapes.Schedules)
        except Refused as error:
            unknown[left.pop(0)] = str(error)
            continue
        except TryLater as error:
            tries += 1
            if tries == _TRIES or isinstance(error, LeftAlone) or (error.after or 0.0) > _LONGEST_WAIT:
                raise
            graph.clock.sleep(error.after or tries)
            left.append(left.pop(0))
            continue
        told = {one.scheduleId.lower(): one for one in answer.value}
        found: dict[str, list[Span]] = {}
        for calendar in left:
            taken = _taken(told.get(calendar.lower()))
            if isinstance(taken, str):
                unknown[calendar] = taken
            else:
                found[calendar] = taken
        return found, unknown
    return {}, unknown


def _taken(schedule: shapes.Schedule | None) -> list[Span] | str:
    """The spans that a schedule names, or why it names none."""
    if schedule is None:
        return "Microsoft left this calendar out of its answer"
    if schedule.error is not None:
        code = re.sub(r"[^A-Za-z0-9_.]", "", str(schedule.error.responseCode or ""))[:60]
        return f"Microsoft does not tell when this calendar is taken ({code or 'no reason given'})"
    if schedule.scheduleItems is None:
        return "Microsoft does not tell when this calendar is taken, only whether: more of it has to be shared"
    try:
        return [translate.span_of(one.start, one.end) for one in schedule.scheduleItems if one.status not in _FREE]
    except translate.Unsound as error:
        return f"Microsoft's answer can not be read: {error}"


def _joined(spans: Sequence[Span]) -> list[Span]:
    """In order, each once: what reaches over the end of one question is told again by the next."""
    return sorted(set(spans))


def _utc(second: int) -> dict[str, str]:
    return {"dateTime": datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}

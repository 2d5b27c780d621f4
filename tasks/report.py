"""Report: what a run came to, as artifacts that read well in Prefect's UI."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from accord import numbering
from accord.errors import Disagrees, Stopped
from accord.money import any_amount
from accord.records import Kind
from accord.run import Tally
from accord.sync import EVENT
from tasks.bench import Bench, bench
from tasks.notify import notify
from tasks.retry import DELAYS, RETRIES, try_later
from tasks.standing import Standing, stand
from tasks.workflows import Route, Workflow, route

if TYPE_CHECKING:
    from tasks.expectations.outcome import Verdict

# What is to be nothing where both sides agree.
WAITS = (
    "held",
    "quarantined",
    "waiting in the inbox",
    "sent without an outcome",
    "batches not settled",
    "stretches of history not read",
    "in conflict",
)
CONFLICTS = 100  # shown of the bookings that wait for a person, the oldest first
EXAMPLES = 5  # keys shown of the records that failed an expectation
NUMBERS = 20  # shown of those that are remarkable


@task(
    task_run_name="report",
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_condition_fn=try_later,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def report(sync: str, tally: Tally, complete: bool = True) -> dict[str, int]:
    """Say what the run came to, and note in the target since when both sides agree, if they do; the run's counts.

    `complete` is whether all could be read.
    Raises, once all is said, Stopped where a stream is stopped, and Disagrees where the sums or the run do not add up.
    """
    at, of, key = bench(sync), route(sync), sync.replace("/", "-")
    now = stand(at)
    rows = table(tally, now)
    create_table_artifact(rows, key=key, description=f"What the last run of {sync} did.")
    changed = any(tally._replace(unchanged=0, read=0)) or now.astray
    verdicts: Sequence[Verdict] = _look(of.workflow, tally, now) if changed else ()
    broken = [verdict.title for verdict in verdicts if not verdict.passed and verdict.severity == "critical"]
    if changed or now.stopped or now.conflicts:
        numbers = _numbers(at) if complete and now.agreed else ()
        text = markdown(of, tally, now, verdicts, complete, numbers)
        create_markdown_artifact(text, key=f"{key}-checks", description=f"How {sync} stands, and what failed a check.")
    get_run_logger().info(_plain(verdict_of(of.workflow, now, broken, complete)))
    if now.agreed and not broken and now.read_until is not None:
        at.target.agreed(at.sync.connection, now.read_until)
    notify(at, now, broken, _plain(verdict_of(of.workflow, now, ())))
    if now.stopped:
        raise Stopped(_how_to_resume(of, now.stopped))
    if broken:
        raise Disagrees(f"after the run this does not hold: {broken[0]}; compare both sides: accord reconcile {sync}")
    return {str(row["what"]): int(row["records"]) for row in rows}


def table(tally: Tally, now: Standing) -> list[dict[str, str | int]]:
    """The counts as rows of "what" and "records"; those in `WAITS` tell what waits now, also from earlier runs."""
    counts = {
        "created": tally.created,
        "updated": tally.updated,
        "deleted": tally.deleted,
        "unchanged": tally.unchanged,
        "held": now.held,
        "quarantined": len(now.kept),
        "waiting in the inbox": now.waiting,
        "sent without an outcome": now.sending,
        "batches not settled": now.unsettled,
        "stretches of history not read": now.unread,
        "in conflict": len(now.conflicts),
    }
    return [{"what": what, "records": records} for what, records in counts.items()]


def verdict_of(of: Workflow, now: Standing, broken: Sequence[str], complete: bool = True) -> str:
    """How both sides stand, in one sentence."""
    if now.stopped:
        return f"**Stopped:** {', '.join(sorted(now.stopped))} is not read any more until a person has looked at it."
    if broken:
        return f"**Not in order:** {len(broken)} of the checks after settling failed."
    if now.agreed:
        begun = "" if now.begun is None else f" from {_time(now.begun)}"
        if not complete:
            return f"**Not read to the end:** {of.shows} what was read{begun} up to {_time(now.read_until)}."
        return f"**In agreement:** {of.shows} everything{begun} up to {_time(now.read_until)}."
    reasons = {
        "in quarantine": len(now.kept),
        "held until what they need is there": now.held,
        "waiting to be looked at": now.waiting - now.held,
        "sent without an outcome": now.sending,
        "in conflict": len(now.conflicts),
        "batches not settled": now.unsettled,
        "stretches of history not read": now.unread,
    }
    counted = ", ".join(f"{count} {what}" for what, count in reasons.items() if count)
    return f"**Not yet in agreement:** {counted}. The other records are settled."


def markdown(
    of: Route,
    tally: Tally,
    now: Standing,
    verdicts: Sequence["Verdict"],
    complete: bool = True,
    numbers: Sequence[tuple[str, str]] = (),
) -> str:
    """The report as a page: the verdict first. It names records by their keys, and documents by `numbers` too.

    It shows nothing else of them.
    """
    broken = [verdict.title for verdict in verdicts if not verdict.passed and verdict.severity == "critical"]
    parts = [f"# {of.name}", verdict_of(of.workflow, now, broken, complete)]
    if now.stopped:
        how = [
            (stream, _cell(why), f"`accord resume {of.name}:{stream}`") for stream, why in sorted(now.stopped.items())
        ]
        parts += ["## Stopped streams", _table(("Stream", "Why", "After looking at it"), how)]
    if now.conflicts:
        rows = [(f"`{_cell(key)}`", _time(int(since)), _cell(why)) for key, since, why in now.conflicts[:CONFLICTS]]
        parts += [f"## {len(now.conflicts)} in conflict", _table(("Booking", "Since", "Why"), rows)]
        parts.append(
            "Look at one with `accord conflicts show`, and say which side counts with `accord conflicts keep`."
        )
    if now.kept:
        heads = ("Expectation that failed", "Of", "Severity", "In quarantine", "Share", "For example")
        parts += ["## Records in quarantine", _table(heads, _failures(now))]
        parts.append(
            "Look at one with `accord quarantine show`, and have it read again with `accord quarantine retry`."
        )
    counts = [(what.replace("_", " "), str(count)) for what, count in tally._asdict().items() if count]
    parts += ["## This run", _table(("Records", "Number"), counts)] if counts else []
    if verdicts:
        checks = [("holds" if v.passed else "**does not hold**", v.severity, v.title) for v in verdicts]
        parts += ["## Checks after settling", _table(("Verdict", "Severity", "Check"), checks)]
    if now.sums:
        sums = [(_cell(currency), _cell(any_amount(total, currency))) for currency, total in sorted(now.sums.items())]
        parts += ["## Gross in the accounts", _table(("Settled in", "Sum"), sums)]
    if now.states:
        states = [(_cell(state), str(count)) for state, count in now.states.items()]
        parts += ["## Documents in the portal", _table(("State", "Documents"), states)]
    if now.unfiled:
        parts.append(f"PDFs that are still to be archived: {now.unfiled}.")
    if numbers:
        parts += ["## Numbers to look at", _table(("Series and number", "What"), numbers)]
    return "\n\n".join(parts) + "\n"


def _numbers(at: Bench) -> list[tuple[str, str]]:
    """Numbers of documents that were given twice, and such that a series lacks; a warning tells of them."""
    if Kind.DOCUMENT not in at.target.kinds:
        return []
    known = numbering.known(at.ledger, at.sync.connection)
    twice, gaps = numbering.twice(known), numbering.gaps(known)
    if twice or gaps:
        counted = f"{len(twice)} numbers that several have, {len(gaps)} gaps"
        get_run_logger().warning("the numbers of documents need a look: %s; the run's report lists them", counted)
    rows = [(f"{one.series} {one.number}", f"{one.documents} documents have it") for one in twice]
    rows += [(str(one), "no issued document has it") for one in gaps]
    return [(_cell(number), what) for number, what in rows[:NUMBERS]]


def _look(of: Workflow, tally: Tally, now: Standing) -> list["Verdict"]:
    # Imported here: a run in which nothing changed must not pay for Great Expectations.
    from tasks.expectations.outcome import look

    return look(of.target, tally.read, sum(tally._replace(read=0)), now.sending, now.sums, now.accepted)


def _failures(now: Standing) -> list[tuple[str, ...]]:
    """A row for each expectation that records in quarantine failed, those that concern most records first."""
    from tasks.expectations.suites import severities

    of_kind = Counter(kept.kind for kept in now.kept)
    by_reason: dict[tuple[str, str], list[str]] = {}
    for kept in now.kept:
        for reason in kept.reasons:
            by_reason.setdefault((kept.kind, reason), []).append(kept.key)
    rows: list[tuple[str, ...]] = []
    for (kind, reason), keys in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        known = now.live[kind] + of_kind[kind]
        # What the suites do not know could not even be read, or contradicts what was settled before.
        severity = "critical" if kind == EVENT else severities(Kind(kind)).get(reason, "critical")
        examples = ", ".join(f"`{_cell(key)}`" for key in keys[:EXAMPLES])
        rows.append((_cell(reason), kind, severity, str(len(keys)), f"{len(keys) / known:.2%}", examples))
    return rows


def _how_to_resume(of: Route, stopped: dict[str, str]) -> str:
    said = [
        f"the stream {s} is stopped: {why}; look at it, then: accord resume {of.name}:{s}" for s, why in stopped.items()
    ]
    if all("/" in one for one in stopped):  # calendars, whose reasons say all
        return ". ".join(sorted(said))
    how = f"with --reread once {of.reads.title} is mended, with --quarantine to set aside what is unsound"
    return f"{'. '.join(sorted(said))} ({how})"


def _time(seconds: int | None) -> str:
    return "now" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(text: str) -> str:
    return text.replace("*", "")


def _cell(text: str) -> str:
    """A text as the cell of a table, whatever characters it came with."""
    plain = "".join(c if c.isprintable() else " " for c in text[:200])
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("`", "'").replace("<", "&lt;")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])

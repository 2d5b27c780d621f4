"""What a run came to, as a table for people and as data for programs."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from accord.compare import Agreement
from accord.money import any_amount
from tasks.workflows import Route

COUNTED = ("created", "updated", "deleted", "unchanged", "held", "quarantined")


def console() -> Console:
    """Where tables are printed. What is read by another program has no screen to fit on, and gets longer lines."""
    made = Console()
    if not made.is_terminal:
        made.width = 200
    return made


def plain(text: str) -> Text:
    """A text as it is, whatever characters it came with: neither markup nor what a terminal obeys."""
    return Text("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text))


def as_data(counts: dict[str, int], agreement: Agreement) -> dict[str, Any]:
    """The same as `table`, as plain data; sums are in minor units."""
    return {
        "counts": {what: counts.get(what, 0) for what in COUNTED},
        "records": agreement.records,
        "agreeing": agreement.agreeing,
        "extra": agreement.extra,
        "agreement": round(agreement.share, 6),
        "complete": agreement.complete,
        "gross": {
            currency: {
                "source": agreement.source_sums.get(currency, 0),
                "target": agreement.target_sums.get(currency, 0),
            }
            for currency in sorted(agreement.source_sums | agreement.target_sums)
        },
        "disagreements": [{"kind": d.kind, "key": d.key, "how": d.how} for d in agreement.disagreements],
    }


def table(counts: dict[str, int], agreement: Agreement, of: Route) -> None:
    """Print what a run did and whether both sides agree."""
    console = Console()
    if counts:
        console.print(f"\nWhat the run of {of.name} did, in records", highlight=False, soft_wrap=True)
        done = Table()
        for what in COUNTED:
            done.add_column(what, justify="right")
        done.add_row(*(f"{counts.get(what, 0):,}" for what in COUNTED))
        console.print(done)
    console.print(
        f"\nBoth sides of {of.name}, read afresh, without what {of.reads.title} has deleted",
        highlight=False,
        soft_wrap=True,
    )
    both = Table()
    for name in ("", of.reads.title, of.workflow.target, "agreement"):
        both.add_column(name, justify="right" if name else "left")
    missing = sum(one.how in ("missing", "unreadable") for one in agreement.disagreements)
    shown = agreement.records - missing + agreement.extra
    both.add_row("records", f"{agreement.records:,}", f"{shown:,}", f"{agreement.share:.2%}")
    for currency in sorted(agreement.source_sums | agreement.target_sums):
        source, target = agreement.source_sums.get(currency, 0), agreement.target_sums.get(currency, 0)
        same = "equal" if source == target else "[bold red]differs[/]"
        both.add_row(f"gross {currency}", any_amount(source, currency), any_amount(target, currency), same)
    console.print(both)
    for one in agreement.disagreements[:20]:
        console.print(Text.assemble((one.how, "red"), f" {one.kind} ", plain(one.key)), highlight=False)
    if len(agreement.disagreements) > 20:
        console.print(f"... and {len(agreement.disagreements) - 20} more; --json lists them")

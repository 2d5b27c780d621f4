"""Examining records by Great Expectations: which positions of a batch fail which expectations."""

import logging
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import great_expectations as gx
import pandas as pd
import tqdm  # type: ignore[import-untyped]
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig

from accord.batch import Prepared
from accord.errors import Refused
from accord.records import Kind
from tasks.expectations import frames, suites
from tasks.expectations.suites import Suite

# Positions rather than an id column: index columns bring the values of the rows along.
_POSITIONS = {"result_format": "COMPLETE", "return_unexpected_index_query": False, "partial_unexpected_count": 0}

# Great Expectations keeps the frame in the batch definition: two threads that share one get each other's verdicts.
_lock = threading.Lock()


def examine(prepared: Prepared, now: float) -> dict[int, list[str]]:
    """The records of a batch that are not as expected: position to the titles of the expectations that failed.

    Of a tombstone only the key is looked at. `now` is Unix seconds. Raises Refused where an expectation can not be
    evaluated, and Misconfigured where an entry point can not be used; either names it.
    """
    kind, records = prepared.kind, prepared.records
    live = [position for position, record in enumerate(records) if not record.deleted]
    failed: dict[int, list[str]] = {}

    def look(suite: Suite, positions: list[int]) -> None:
        chosen = [records[position] for position in positions]
        frame = frames.frame(kind, chosen, prepared.facts, suite.columns, now)
        for id_, rows in verdicts(frame, suite).items():
            for row in rows:
                titles = failed.setdefault(positions[row], [])
                if suite.title(id_) not in titles:
                    titles.append(suite.title(id_))

    if len(live) < len(records):
        look(suites.keys(kind), list(range(len(records))))
    if live:
        look(suites.suite(kind), live)
    return failed


def sort_out(kind: Kind, failed: Mapping[int, list[str]]) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """What keeps records in quarantine, and what was remarked of those that go on: rules of severity info."""
    severe = suites.severities(kind)
    unsound = {at: [title for title in titles if severe[title] != "info"] for at, titles in failed.items()}
    unsound = {at: titles for at, titles in unsound.items() if titles}
    return unsound, {at: titles for at, titles in failed.items() if at not in unsound}


def verdicts(frame: pd.DataFrame, suite: Suite) -> dict[str, list[int]]:
    """The rows of a frame that fail, by the id of the expectation, in the suite's order.

    The frame needs a fresh RangeIndex. Raises Refused where an expectation gives no verdict on each row.
    """
    with _lock:
        batch = _definition().get_batch(batch_parameters={"dataframe": frame})
        results = batch.validate(suite.expectations, result_format=_POSITIONS).results
    found: dict[str, list[int]] = {}
    for result in results:
        id_ = str(getattr(result.expectation_config, "id", None))
        rows = result.result.get("unexpected_index_list")
        if rows is None or len(rows) != result.result.get("unexpected_count"):
            raise Refused(_broken(suite, id_, result, frame))
        if rows:
            found[id_] = [int(row) for row in rows]
    return {id_: found[id_] for id_ in suite.rules if id_ in found}


def _broken(suite: Suite, id_: str, result: Any, frame: pd.DataFrame) -> str:
    """What is wrong with an expectation, in words that hold no value of a row; an exception's text may."""
    named = result.expectation_config.kwargs
    columns = [named.get(name) for name in ("column", "column_A", "column_B")] + list(named.get("column_list") or [])
    lacking = [column for column in columns if column is not None and column not in frame]
    if lacking:
        why = f"there is no column {lacking[0]}"
    else:
        raised = _raised(result.exception_info or {})
        why = f"it raised {raised}" if raised else "it gave no verdict on each record"
    return (
        f"the expectation {id_} ({suite.title(id_)}) of {suite.homes[id_]} can not be evaluated: {why}; "
        "nothing of the batch was settled. Correct the expectation and run again"
    )


def _raised(info: dict[str, Any]) -> str | None:
    """The name of the first exception, which the others wrap. The info comes flat, or by metric."""
    for part in (info, *(one for one in info.values() if isinstance(one, dict))):
        name = re.search(r"^[\w.]*(?:Error|Exception)(?=:|$)", part.get("exception_traceback") or "", re.MULTILINE)
        if name is not None:
            return name[0]
    return None


@cache
def _definition() -> BatchDefinition[Any]:
    """The one batch definition of this process; only to be used under the lock."""
    tqdm.tqdm.monitor_interval = 0  # or a thread stays for ever, though no bar is shown
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("records").add_dataframe_asset("batch")
    return asset.add_batch_definition_whole_dataframe("whole")

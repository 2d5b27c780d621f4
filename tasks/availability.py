"""Availability: when people are taken, asked of their calendars once a run has settled."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from accord.calendar_target import CalendarTarget
from accord.errors import AccordError
from tasks.bench import bench


@task(task_run_name="show who is taken", cache_policy=NO_CACHE, persist_result=False)
def show_availability(sync: str) -> int:
    """Ask when everybody is taken, and show it where bookings are made; of how many that is known.

    What can not be asked fails no run: it is shown as not known, with the reason, and what was shown grows too old.
    """
    at, log = bench(sync), get_run_logger()
    assert isinstance(at.target, CalendarTarget)  # noqa: S101 - no other target is asked
    try:
        told = at.target.show_availability()
    except AccordError as error:
        log.warning("when people are taken can not be shown: %s", error)
        return 0
    for why in sorted({why for why in told.values() if why is not None}):
        count = sum(one == why for one in told.values())
        log.warning("when %s taken is not known: %s", "1 person is" if count == 1 else f"{count} people are", why)
    return sum(why is None for why in told.values())

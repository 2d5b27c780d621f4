"""What Microsoft Graph's answers must look like, as far as they are used (learn.microsoft.com/graph, resource event).

Fields that are not named here may come, go and change.
"""

from typing import Annotated, Any

from msgspec import Meta, Raw, field

from accord.systems.answers import Shape

Text = str | None


class Token(Shape, gc=False):
    access_token: str
    expires_in: str | int | float | None = None
    refresh_token: Text = None


class TokenError(Shape, gc=False):
    """Why no token is given: `error_codes` are the numbers that AADSTS messages begin with."""

    error: Text = None
    error_codes: list[int] = field(default_factory=list)
    error_description: Text = None


class Fault(Shape, gc=False):
    code: str = ""


class Frame(Shape, gc=False):
    """What surrounds every error."""

    error: Fault = field(default_factory=Fault)


class Moment(Shape, gc=False):
    """Wall time with seven decimals and without an offset, and the zone that it is of."""

    dateTime: str
    timeZone: str


class Calendar(Shape, gc=False):
    name: str
    canEdit: bool = True


class Location(Shape, gc=False):
    displayName: Text = None


class Property(Shape, gc=False):
    id: str
    value: Text = None


class Name(Shape, gc=False):
    """What an event is called by; `removed` is there where that is all that is told."""

    id: Annotated[str, Meta(min_length=1)]
    removed: dict[str, Any] | None = field(default=None, name="@removed")


class Item(Name, gc=False):
    """An event. Occurrences in a delta have id, series, type, start and end alone."""

    etag: str = field(default="", name="@odata.etag")
    type: Text = None
    subject: Text = None
    start: Moment | None = None
    end: Moment | None = None
    isAllDay: bool | None = None
    isCancelled: bool | None = None
    location: Location | None = None
    lastModifiedDateTime: Text = None
    seriesMasterId: Text = None
    originalStartTimeZone: Text = None
    singleValueExtendedProperties: list[Property] | None = None


class Page(Shape, gc=False):
    """A list's page, with its events unread."""

    value: list[Raw]
    next: Text = field(default=None, name="@odata.nextLink")
    delta: Text = field(default=None, name="@odata.deltaLink")


class BatchItem(Shape, gc=False):
    id: str
    status: int
    headers: dict[str, str] | None = None
    body: Raw = field(default_factory=Raw)


class Batch(Shape, gc=False):
    responses: list[BatchItem]


class ScheduleError(Shape, gc=False):
    responseCode: str | int | None = None


class ScheduleItem(Shape, gc=False):
    start: Moment
    end: Moment
    status: Text = None


class Schedule(Shape, gc=False):
    """When one mailbox is taken; without items where that is not known."""

    scheduleId: str
    scheduleItems: list[ScheduleItem] | None = None
    error: ScheduleError | None = None


class Schedules(Shape, gc=False):
    value: list[Schedule]

"""What Google's answers must look like, as far as they are used (discovery document calendar.v3).

Fields that are not named here may come, go and change.
"""

from msgspec import Raw, field

from accord.systems.answers import Shape

PATH = "/calendar/v3"

FIELDS = "id,etag,status,updated,summary,location,start,end,recurrence,recurringEventId,extendedProperties/private"
"""What is asked for of an event: neither guests nor texts that nobody here reads, however long they are."""

Text = str | None


class Token(Shape, gc=False):
    access_token: str
    expires_in: int | float | None = None


class Moment(Shape, gc=False):
    """A day, or a second with what its zone is called."""

    date: Text = None
    dateTime: Text = None
    timeZone: Text = None


class Extended(Shape, gc=False):
    private: dict[str, str] | None = None


class Item(Shape, gc=False):
    """An event; of one that was deleted, no more than its id is sure."""

    id: str
    status: Text = None
    etag: Text = None
    updated: Text = None
    summary: Text = None
    location: Text = None
    start: Moment | None = None
    end: Moment | None = None
    recurrence: list[Raw] | None = None
    recurringEventId: Text = None
    extendedProperties: Extended | None = None


class Page(Shape, gc=False):
    """A part of a list, with its rows unread: one of them that can not be read is no reason to read none."""

    items: list[Raw] | None = None
    nextPageToken: Text = None
    nextSyncToken: Text = None
    accessRole: Text = None


class Id(Shape, gc=False):
    """What a row is called by, whatever else can not be read of it."""

    id: str
    extendedProperties: Extended | None = None


class Stretch(Shape, gc=False):
    start: str
    end: str


class Reason(Shape, gc=False):
    reason: Text = None


class Calendar(Shape, gc=False):
    """When a calendar is taken, or why that is not told."""

    busy: list[Stretch] = field(default_factory=list)
    errors: list[Reason] = field(default_factory=list)


class FreeBusy(Shape, gc=False):
    calendars: dict[str, Calendar]


class Error(Shape, gc=False):
    errors: list[Reason] = field(default_factory=list)


class Failure(Shape, gc=False):
    """What an answer that is none says: an object, or at the token endpoint a word."""

    error: Error | str | None = None
    error_description: Text = None

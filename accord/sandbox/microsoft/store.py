"""The sandbox Microsoft 365's memory: mailboxes, each with one calendar whose changes are numbered."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from accord.sandbox.microsoft.errors import GraphError, no_event


class Event(msgspec.Struct, kw_only=True):
    """An event as it is kept; times in seconds, those of whole days as if they were in UTC."""

    id: str  # immutable
    moves: int = 0  # between folders: each gives it another id of the ordinary kind
    change: int = 0  # the number of its last change
    born: float = 0.0
    modified: float = 0.0
    transaction: str | None = None
    subject: str = ""
    body: str = ""
    start: int = 0
    end: int = 0
    all_day: bool = False
    zone: str = "UTC"  # as it was given
    place: str = ""
    properties: dict[str, str] = {}
    organizer: str = ""
    attendees: list[dict[str, Any]] = []
    recurrence: dict[str, Any] | None = None
    cancelled: bool = False
    show_as: str = "busy"

    @property
    def volatile(self) -> str:
        """The id of the ordinary kind."""
        return f"AAMkAG{_coded(f'{self.id}/{self.moves}')}"

    @property
    def change_key(self) -> str:
        return _coded(f"{self.id}:{self.change}")


class Mailbox(msgspec.Struct, kw_only=True):
    """One person's."""

    address: str
    name: str
    events: dict[str, Event] = {}  # in the calendar
    deleted_items: dict[str, Event] = {}
    deleted: dict[str, int] = {}  # ids -> the number of the change
    transactions: dict[str, str] = {}  # transactionId -> id, also of what was deleted
    change: int = 0  # the number of the last change
    tokens: int = 0  # which delta tokens live: those of this number
    death: str = "410"  # how the others are told to be dead
    access: str = ""  # denied: an application access policy leaves it out; disabled: there is no mailbox;
    # silent: it does not tell when it is taken

    def find(self, id: str) -> Event:
        """An event of the calendar by either kind of id; raises GraphError."""
        if (found := _found(self.events, id)) is None:
            raise no_event()
        return found

    def reach(self, id: str) -> Event:
        """An event by either kind of id, wherever it is in the mailbox; raises GraphError."""
        return _found(self.deleted_items, id) or self.find(id)


class Store:
    """All that is kept across restarts."""

    def __init__(self, seed: int, now: Callable[[], float]) -> None:
        self.seed = seed
        self.now = now
        self.mailboxes: dict[str, Mailbox] = {}
        self.last_id = 0
        self.version = 0

    def open(self, address: str, name: str) -> Mailbox:
        mailbox = self.mailboxes[address.lower()] = Mailbox(address=address, name=name)
        self.version += 1
        return mailbox

    def mailbox(self, address: str) -> Mailbox:
        """Raises GraphError where there is none such, or it may not be asked."""
        found = self.mailboxes.get(address.lower())
        if found is None:
            raise GraphError(404, "ErrorInvalidUser", "The requested user is invalid.")
        if found.access == "denied":
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        if found.access == "disabled":
            raise GraphError(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, or on-premise.")
        return found

    def add(self, mailbox: Mailbox, event: Event) -> Event:
        """Keep a new event under a new id."""
        self.last_id += 1
        event.id = f"AAkALg{_coded(f'{self.seed}-{self.last_id}')}"
        event.born = self.now()
        mailbox.events[event.id] = event
        self.touch(mailbox, event)
        if event.transaction is not None:
            mailbox.transactions[event.transaction] = event.id
        return event

    def touch(self, mailbox: Mailbox, event: Event) -> None:
        """Number a change."""
        mailbox.change += 1
        event.change = mailbox.change
        event.modified = self.now()
        self.version += 1

    def delete(self, mailbox: Mailbox, event: Event, kept: bool) -> None:
        """Take an event out of the calendar; `kept` in Deleted Items, as after any other move to a folder."""
        del mailbox.events[event.id]
        self.touch(mailbox, event)
        mailbox.deleted[event.id] = mailbox.change
        if kept:
            event.moves += 1
            mailbox.deleted_items[event.id] = event

    def dump(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        mailboxes = {key: msgspec.to_builtins(one) for key, one in self.mailboxes.items()}
        return {"mailboxes": mailboxes, "last_id": self.last_id, "version": self.version}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.mailboxes = msgspec.convert(dumped["mailboxes"], dict[str, Mailbox])
        self.last_id, self.version = dumped["last_id"], dumped["version"]


def _found(events: dict[str, Event], id: str) -> Event | None:
    return events.get(id) or next((one for one in events.values() if one.volatile == id), None)


def _coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()

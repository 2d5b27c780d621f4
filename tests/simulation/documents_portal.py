"""The portals of the documents' schedules: the SQL one on its real tables, and one by HTTP that takes one by one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
from databases import NeverAway, copy_of, raw, trigger
from faults import LATE, LOST, REPLY_LOST, THROTTLED
from workers import SimTarget
from world import Violation, World

from accord.documents import Document
from accord.errors import TryLater
from accord.ledger.engine import open_database
from accord.records import Kind
from accord.systems.portal import LAYOUT, Portal
from accord.systems.portal_api import PortalApi

Shown = Mapping[str, Any]


def older(before: Shown, now: Shown) -> str | None:
    """Why what is shown now can not come after what was shown before under the same key; None where it can."""
    if now["rev"] < before["rev"]:
        return "D2: a rev of the portal went back"
    if before["deleted"] and not now["deleted"]:
        return "D2: a deleted document was revived"
    if before["mentions"] is None or now["mentions"] is None:
        return None
    (was, version), (is_, later) = (shown["mentions"].split(" v") for shown in (before, now))
    if was != is_:
        return f"D4: one key stood for two invoices: {before['mentions']}, {now['mentions']}"
    if int(later) < int(version):
        return f"D3: an older state was shown: {now['mentions']} after {before['mentions']}"
    if now["rev"] == before["rev"] and (later, now["paid"]) != (version, before["paid"]):
        return "D2: one rev showed two things"
    return None


class PortalDatabase:
    """The SQL portal in memory, with guards inside: whatever breaks an invariant is noted there and then."""

    def __init__(self) -> None:
        engine = open_database("sqlite://", "the portal")
        self.portal = Portal(engine, NeverAway())  # type: ignore[arg-type]
        self.portal.create_tables()
        self.portal.check()
        self._db = db = raw(engine)
        self.broken: list[str] = []
        table = LAYOUT.tables[Kind.DOCUMENT]
        columns = ("rev", "deleted", "mentions", "paid")
        both = [f"{row}.{column}" for row in ("OLD", "NEW") for column in columns]
        db.create_function("judge", len(both), self._judge)
        db.create_function("broken", 1, self.broken.append)
        trigger(db, 1, f"{table} BEFORE DELETE", "1", "broken('D5: a row was deleted')")
        trigger(db, 2, f"{table} BEFORE UPDATE", "1", f"judge({', '.join(both)})")
        self._columns, self._empty = columns, copy_of(db)

    def _judge(self, *values: Any) -> None:
        half = len(self._columns)
        why = older(*(dict(zip(self._columns, part, strict=True)) for part in (values[:half], values[half:])))
        if why:
            self.broken.append(why)

    def reset(self) -> None:
        """Empty it."""
        self.broken.clear()
        self._empty.backup(self._db)


class SqlPortal(SimTarget):
    """The SQL portal behind a network."""

    def __init__(self, world: World, database: PortalDatabase) -> None:
        super().__init__(world, database)  # type: ignore[arg-type]

    @property
    def accounts(self) -> Any:
        """The portal, which is written as the accounts are."""
        return self._databases.portal  # type: ignore[attr-defined]

    def worker(self, fan_out: Any) -> "SqlPortal":
        """The target as one worker has it."""
        return self

    def catch_up(self) -> None:
        """Nothing is under way."""


class ApiPortal:
    """A portal that keeps of each document the highest rev; what was sent to it may come late."""

    kinds = frozenset({Kind.DOCUMENT})

    def __init__(self, world: World) -> None:
        self._world = world
        self.shown: dict[str, tuple[int, dict[str, Any]]] = {}
        self._late: list[tuple[float, int, Callable[[], object]]] = []
        self.writes = 0

    def worker(self, fan_out: Any) -> PortalApi:
        """A client of it, as one worker has it."""
        return PortalApi(Wire(self, self._world), fan_out)  # type: ignore[arg-type]

    def put(self, key: str, body: bytes) -> int:
        """Take a document, unless a later rev of it is shown; the rev that is shown then."""
        self.writes += 1
        sent = msgspec.json.decode(body)
        rev, document = sent["rev"], sent["document"]
        before = self.shown.get(key)
        if not self.takes(before and before[0], rev):
            return before[0]  # type: ignore[index]
        why = before and older(
            *({"rev": r, **{"mentions": None, "paid": None, **d}} for r, d in (before, (rev, document)))
        )
        if why:
            raise Violation(why)
        self.shown[key] = (rev, document)
        return int(rev)

    def takes(self, shown: int | None, rev: int) -> bool:
        """Whether a rev is shown in place of another."""
        return shown is None or rev >= shown

    def later(self, action: Callable[[], object]) -> None:
        """Something reaches the portal long after everybody gave up waiting for it."""
        at = self._world.true + self._world.rng.choice((5.0, 60.0, 500.0))
        self._late.append((at, len(self._late), action))

    def catch_up(self) -> None:
        """What is due by now reaches the portal."""
        due = sorted(one for one in self._late if one[0] <= self._world.true)
        self._late = [one for one in self._late if one[0] > self._world.true]
        for _, _, action in due:
            self._world.note("came late")
            action()

    def read(self, connection: str, kind: Kind) -> Iterator[tuple[str, bool, tuple[Any, ...]]]:
        """Everything that is shown, as the client reads it."""
        return self.worker(None).read(connection, kind)

    def fields(self, kind: Kind) -> list[str]:
        """The fields of a row."""
        return Document.fields()


class Wire:
    """The way to it: `accord.http.Transport`, as far as it is used."""

    def __init__(self, portal: ApiPortal, world: World) -> None:
        self._portal, self._world = portal, world

    def put(
        self, path: str, params: Sequence[tuple[str, str]], body: bytes, headers: Mapping[str, str], *, endpoint: str
    ) -> Any:
        """One PUT, which may have its effect now, later or never."""
        if path != "/document":
            return SimpleNamespace(body=b"{}")
        key = dict(params)["key"]
        verdict = self._world.point("portal", f"PUT {key}")
        self._portal.catch_up()
        if verdict == LATE:
            self._portal.later(lambda: self._portal.put(key, body))
        elif verdict not in (LOST, THROTTLED):
            shown = self._portal.put(key, body)
            if verdict != REPLY_LOST:
                return SimpleNamespace(body=msgspec.json.encode({"rev": shown}))
        raise TryLater(f"{verdict}: PUT {path}")

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), *, endpoint: str) -> Any:
        """Its list, all on one page."""
        listed = [{"rev": rev, "document": document} for _, (rev, document) in sorted(self._portal.shown.items())]
        return SimpleNamespace(body=msgspec.json.encode({"documents": listed, "next": None}))

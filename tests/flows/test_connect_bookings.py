"""`accord connect bookings` and `accord bookings`: tested before anything is saved, refused by name."""

import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from accord import settings
from blocks import BookingsDatabase
from deployments.cli import main
from tasks.workflows import find_block

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment")

Connect = Callable[..., int]
Said = pytest.CaptureFixture[str]

VISITS = """
CREATE TABLE visits (no INTEGER PRIMARY KEY, doctor INTEGER, begins TIMESTAMP, ends TIMESTAMP, what TEXT,
                     changed TIMESTAMP, count INTEGER, state TEXT);
CREATE TABLE doctors (no INTEGER PRIMARY KEY, system TEXT, mail TEXT);
INSERT INTO doctors VALUES (1, 'google/main', 'ana@accord.test'), (2, 'google/main', 'bogdan@accord.test');
INSERT INTO visits VALUES (1, 1, '2026-11-26 10:00:00', '2026-11-26 11:00:00', 'Tooth', '2026-11-01', 1, 'confirmed')
"""
MAPPING: dict[str, Any] = {
    "booking": {
        "table": "visits",
        "columns": {"key": "no", "person": "doctor", "start": "begins", "end": "ends", "title": "what"}
        | {"updated": "changed", "version": "count", "status": "state"},
        "zone": "Europe/Bucharest",
        "statuses": {"booked": ["confirmed"], "cancelled": ["off"]},
    },
    "person": {"table": "doctors", "columns": {"person": "no", "account": "system", "calendar": "mail"}},
}


@pytest.fixture(autouse=True)
def no_blocks(prefect_server: None) -> Iterator[None]:
    from prefect.client.orchestration import get_client

    yield
    with get_client(sync_client=True) as client:
        for document in client.read_block_documents():
            if document.block_type_name == "Bookings database":
                client.delete_block_document(document.id)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """`accord connect bookings`, the URL piped in."""

    def connect(url: str, *options: str) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{url}\n"))
        return main(["connect", "bookings", *options])

    return connect


@pytest.fixture
def visits(tmp_path: Path) -> str:
    """The URL of a clinic's own database."""
    path = tmp_path / "visits.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(VISITS)
    return f"sqlite:///{path}"


@pytest.fixture
def mapping(tmp_path: Path) -> Callable[..., str]:
    """A file with the mapping of that database; what is given replaces parts of that of the bookings."""

    def mapping(columns: dict[str, str | None] | None = None, **changed: Any) -> str:
        booking = MAPPING["booking"] | changed
        named = {k: v for k, v in (booking["columns"] | (columns or {})).items() if v is not None}
        path = tmp_path / "mapping.json"
        path.write_text(json.dumps(MAPPING | {"booking": booking | {"columns": named}}))
        return str(path)

    return mapping


def test_accords_own_tables_are_made_and_saved(connect: Connect, tmp_path: Path, capsys: Said) -> None:
    url = f"sqlite:///{tmp_path / 'bookings.db'}"
    assert connect(url) == 2
    assert "there is no file" in capsys.readouterr().err
    assert connect(url, "--create", "--name", "clinic") == 0
    said = capsys.readouterr().out
    assert "  booking       bookings                fits, 0 rows" in said
    assert "  outbox        booking_outbox          fits, 0 rows" in said
    assert "saved as BookingsDatabase/clinic\nnext: accord deploy" in said
    saved = find_block(BookingsDatabase, "clinic")
    assert saved is not None
    assert (saved.url.get_secret_value(), saved.mapping, saved.policy) == (url, None, "booking")
    source = saved.connect("bookings/clinic", settings.open_ledger(), lambda owner: None)
    assert source.page("booking", None, None, None).count == 0
    source.close()
    assert main(["bookings", "check", "clinic"]) == 0
    assert main(["bookings", "create", "clinic", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2]) == {"bookings": "clinic", "fit": True}


def test_tables_of_the_users_own_are_taken_by_a_mapping(
    connect: Connect, visits: str, mapping: Callable[..., str], capsys: Said
) -> None:
    assert connect(visits, "--mapping", mapping(), "--policy", "newest", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "bookings": "main",
        "policy": "newest",
        "mapped": True,
        "tables": {"booking": {"table": "visits", "rows": 1}, "person": {"table": "doctors", "rows": 2}},
        "people": {"google/main": 2},
        "availability": False,
    }
    assert connect(visits) == 0, "a saved one keeps mapping and policy"
    said = capsys.readouterr().out
    assert "  google/main                           2 people" in said
    assert "Without an outbox" in said
    assert "when people are taken can not be shown: the bookings database has no table availability" in said
    assert main(["bookings", "create"]) == 0
    saved = find_block(BookingsDatabase, "main")
    assert saved is not None
    assert saved.policy == "newest"
    assert saved.store(settings.open_ledger().clock).move("1", 1, "2026-11-26", "2026-11-27", "Europe/Bucharest", None)
    assert connect(visits, "--json") == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["availability"]


def test_bookings_are_read_by_one_connection(
    connect: Connect, visits: str, mapping: Callable[..., str], tmp_path: Path, capsys: Said
) -> None:
    assert connect(visits, "--mapping", mapping(), "--name", "clinic") == 0
    assert connect(visits, "--mapping", mapping(), "--name", "clinic") == 0, "the same one again"
    assert connect(f"sqlite:///{tmp_path / 'own.db'}", "--create") == 0
    capsys.readouterr()
    assert connect(visits, "--mapping", mapping(), "--name", "again") == 2
    said = capsys.readouterr().err
    assert "BookingsDatabase/clinic reads these bookings already; read twice, each would be shown twice" in said
    assert find_block(BookingsDatabase, "again") is None


WRONG = {
    "a column that is not there": ({"columns": {"title": "nothing"}}, "visits has no column nothing for title"),
    "a table that is not there": ({"table": "elsewhere"}, "has no table elsewhere"),
    "an unknown field": ({"columns": {"colour": "what"}}, "names colour; its fields are key, version"),
    "a field that must be there": ({"columns": {"person": None}}, "must say in which column person is"),
    "an unknown zone": ({"zone": "GTB Standard Time"}, "names the zone GTB Standard Time, which is not known"),
    "no zone": ({"zone": None}, "must say either in which column the zone of a booking is"),
    "two zones": ({"columns": {"zone": "what"}}, "must say either in which column the zone of a booking is"),
    "a status twice": ({"statuses": {"booked": ["on"], "cancelled": ["on"]}}, "each text of the status once"),
    "an unknown status": ({"statuses": {"maybe": ["on"]}}, "the bookings mapping is malformed"),
    "a column that tells no time": ({"columns": {"updated": "doctor", "start": "system"}}, "has no column system"),
    "no version": ({"columns": {"version": None}}, "nothing was saved: .* names no column for the version"),
    "nothing to cancel by": ({"statuses": {"booked": ["on"]}}, "how a booking is marked as cancelled"),
}


@pytest.mark.parametrize(("changed", "said"), WRONG.values(), ids=WRONG)
def test_a_mapping_that_does_not_fit_is_named_and_nothing_is_saved(
    connect: Connect, visits: str, mapping: Callable[..., str], capsys: Said, changed: dict[str, Any], said: str
) -> None:
    assert connect(visits, "--mapping", mapping(**changed), "--policy", "calendar") == 2
    assert re.search(said, capsys.readouterr().err)
    assert find_block(BookingsDatabase, "main") is None


def test_a_database_that_is_only_read_needs_no_version(
    connect: Connect, visits: str, mapping: Callable[..., str]
) -> None:
    assert connect(visits, "--mapping", mapping(columns={"version": None})) == 0


def test_the_url_is_not_told(connect: Connect, capsys: Said) -> None:
    assert connect("mysql://me:TOP-SECRET@db/bookings") == 2
    said = capsys.readouterr()
    assert "works with sqlite and postgresql" in said.err
    assert "TOP-SECRET" not in said.out + said.err

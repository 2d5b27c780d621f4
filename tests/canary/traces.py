"""What must not be found, and where it is looked for."""

import base64
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote


class Trace(NamedTuple):
    """A canary that was found where it must not be."""

    canary: str
    place: str
    around: str

    def __str__(self) -> str:
        return f"{self.canary!r} in {self.place}: …{self.around}…"


def find(canaries: Iterable[str], home: Path, by_design: frozenset[str]) -> list[Trace]:
    """Every trace of a canary in the files below a folder, whose SQLite databases are read row by row too.

    `by_design` names the files that hold such data because that is what they are for.
    """
    needles = [(canary, form) for canary in canaries for form in _forms(canary)]
    return [
        Trace(canary, place, text[max(0, text.find(form) - 80) : text.find(form) + 80].decode(errors="replace"))
        for place, text in _texts(home, by_design)
        for canary, form in needles
        if form in text
    ]


def _forms(canary: str) -> set[bytes]:
    """A text as it is, in a URL, in JSON, and within base64 wherever it begins there."""
    forms = {canary.encode(), quote(canary, safe="").encode(), json.dumps(canary)[1:-1].encode()}
    for shift in range(3):
        # Without the characters at either end, which what stands before and behind has a part in.
        whole = base64.b64encode(b"." * shift + canary.encode())
        forms.add(whole[4 if shift else 0 : len(whole) // 4 * 4 - 4])
    return forms


def _texts(home: Path, by_design: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if not path.is_file() or name.removesuffix("-wal").removesuffix("-shm") in by_design:
            continue
        body = path.read_bytes()
        yield name, body
        if body.startswith(b"SQLite format 3\0"):
            yield from _rows(path, name)


def _rows(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Every table as one text. A long value lies in several pages of the file, so it is not found there as it is."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"')
            cells = (value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
            yield f"{name}, table {table}", b"\n".join(cells)
    finally:
        connection.close()

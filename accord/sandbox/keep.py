"""The sandbox's state in one file, so that what a demonstration showed is there after a restart."""

import os
from pathlib import Path
from typing import Any

import msgspec

FORMAT = 1


class Keeper:
    """One file, replaced as a whole; only its owner can read it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, Any] | None:
        """What was saved, or None when there is nothing; raises ValueError for a file that is no saved state."""
        try:
            body = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            saved = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise ValueError(f"{self.path} is no saved sandbox; start with --reset to begin anew") from error
        if saved.get("format") != FORMAT:
            raise ValueError(f"{self.path} was saved by another version; start with --reset to begin anew")
        return saved

    def save(self, state: dict[str, Any]) -> None:
        """Write to a file beside it and put that in its place."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode({"format": FORMAT} | state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

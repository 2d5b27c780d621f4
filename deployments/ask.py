"""Asking a person for a secret, or taking it from a pipe; it is never an argument, which others can see."""

import getpass
import sys

from accord.errors import Misconfigured


def secret(what: str) -> str:
    """The first line that is typed without echo, or piped in. Raises Misconfigured where it is empty."""
    given = getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not given.strip():
        raise Misconfigured(f"no {what} was given; type it when asked, or pipe it in")
    return given.strip()

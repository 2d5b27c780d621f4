"""Where requests to a system may go: below one address, and along links that the system gave, if they are its own."""

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import httpx

from accord.errors import Misconfigured, Refused


class Addresses:
    """The addresses of one system. Raises Misconfigured where `base_url` is none that requests can be sent to."""

    def __init__(self, base_url: str, allowed_hosts: frozenset[str] | None = None) -> None:
        base = _parsed(base_url.rstrip("/"))
        if base.scheme not in ("https", "http") or not base.host or base.userinfo or base.query or base.fragment:
            raise Misconfigured(
                "a system's address must look like https://api.example.com, without credentials or query"
            )
        self._base, self._path = base, base.path.rstrip("/")
        self._hosts = allowed_hosts or frozenset({base.host})

    @property
    def host(self) -> str:
        """The system's own host, as messages call it."""
        return self._base.host

    @property
    def secure(self) -> bool:
        """Whether requests are encrypted."""
        return self._base.scheme == "https"

    def url(self, path: str, params: Sequence[tuple[str, str]] = ()) -> httpx.URL:
        """The address of a path below the base, or of a link. Raises Refused for a link that leads elsewhere."""
        # "//host/path" is a link to another host, not a path.
        text = f"{self._base}{path}" if path.startswith("/") and not path.startswith("//") else path
        if params:
            text += ("&" if "?" in text else "?") + urlencode(params)
        url, base = _parsed(text), self._base
        if url.scheme != base.scheme or url.host not in self._hosts or url.userinfo:
            raise Refused(f"{base.host} gave a link to {_host(url)}, which is not one of its own addresses")
        own = url.host == base.host
        if url.port != (base.port if own else None) or (own and not f"{url.path}/".startswith(f"{self._path}/")):
            raise Refused(f"{base.host} gave a link that leads outside its API")
        return url


def host_of(link: str) -> str:
    """The host that a link leads to, as messages call it."""
    return _host(_parsed(link))


def shown(url: httpx.URL) -> str:
    """The path for the log: never the query, and no mail address, which is what calendars are called by."""
    path = url.raw_path.split(b"?")[0].decode("ascii")
    return re.sub(r"[^/]*(@|%40)[^/]*", "…", path)


def _parsed(text: str) -> httpx.URL:
    """The URL, or an empty one where `text` is none."""
    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        return httpx.URL()


def _host(url: httpx.URL) -> str:
    return url.host[:100] or "an address without a host"

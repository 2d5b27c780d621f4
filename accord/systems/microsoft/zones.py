"""Zones by the names that Windows gives them, which Microsoft's calendars speak in, and by IANA's.

The table is CLDR's windowsZones, as tzlocal carries it and keeps it up to date.
"""

from tzlocal.windows_tz import tz_win, win_tz

from accord.zones import named


def windows(iana: str) -> str | None:
    """What Windows calls an IANA zone; None where it has none that is the same."""
    return tz_win.get(iana)


def iana(name: str | None) -> str | None:
    """The IANA zone of either name; None for what is neither, such as tzone://Microsoft/Custom."""
    if not name:
        return None
    if name in win_tz:
        return win_tz[name]
    try:
        return named(name).key
    except ValueError:
        return None

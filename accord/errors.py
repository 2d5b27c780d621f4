"""What can go wrong, named by what the caller should do about it."""


class AccordError(Exception):
    """Any error that Accord raises on purpose; its text is meant for the person who runs the sync."""


class TryLater(AccordError):
    """The same call may succeed later: an outage, a throttle, a lock held by another worker.

    `after` is the number of seconds to wait, where the other side or the ledger told us; None leaves it to the
    caller's backoff.
    """

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class NotSent(TryLater):
    """Nothing was asked of the system, so nothing can have come of it."""


class LeftAlone(NotSent):
    """Nothing was asked: the system gave no sound answer several times, and is left in peace for now."""


class Refused(AccordError):
    """The request or the record will never be accepted as it is; trying again changes nothing."""


class NoToken(Refused):
    """What proves who asks is not given out, so the request was not sent."""


class Redirected(Refused):
    """A system sends elsewhere, where nothing goes unless the caller says so."""

    def __init__(self, host: str, elsewhere: str, location: str) -> None:
        super().__init__(f"{host} redirects to {elsewhere}; redirects are not followed")
        self.location = location


class Stopped(Refused):
    """A stream is stopped until a person has looked at it and lets it go on."""


class Disagrees(Refused):
    """What was read and what the accounts show do not add up; both sides have to be compared."""


class Unclear(AccordError):
    """Whether something was done can not be told from here; the text says what a person has to look at."""


class Misconfigured(AccordError):
    """A person has to change a setting, a credential or a permission; the text says which and how."""


class Superseded(AccordError):
    """Another worker holds the lease now; this one must stop without writing anything more."""


def urgency(error: AccordError) -> int:
    """The rank of an error among others: what a person must do comes before what time may mend."""
    order = (Misconfigured, Refused, TryLater)
    return next((rank for rank, family in enumerate(order) if isinstance(error, family)), len(order))

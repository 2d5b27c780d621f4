"""Standing: where both sides stand after a run, by the ledger and by the target."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from accord.ledger import actions, batches, inbox, links, pairs, quarantine, streams, sums
from accord.ledger.quarantine import Kept
from accord.records import Kind
from accord.standing import paused, read_until
from tasks.bench import Bench


class Standing(NamedTuple):
    """Where both sides stand after a run, by the ledger and by the target."""

    stopped: dict[str, str]  # stream or calendar -> why
    kept: list[Kept]  # what is in quarantine
    held: int  # records that wait for another one
    waiting: int  # hints in the inbox, those of the held records among them
    sending: int  # intentions without an outcome
    live: dict[str, int]  # records of each kind that has some in quarantine
    begun: int | None  # where the first run began, if a person said so
    since: float | None  # when the oldest batch or hint that waits came in
    read_until: int | None  # everything created before this second has been read
    sums: dict[str, int] | None  # gross in the accounts, in minor units; None where the target shows no money
    accepted: dict[str, int] | None  # gross of the legs that the accounts were shown; None where it can not be told
    unsettled: int  # batches that wait to be settled
    unread: int  # windows of history that are not read and settled to their end, and kinds to be read again
    states: dict[str, int]  # documents that the portal shows, by where they stand
    unfiled: int = 0  # documents whose PDFs are still to be archived
    stuck: dict[str, int] | None = None  # actions that wait for a person, by state; None where there are none at all
    conflicts: Sequence[tuple[str, float, str]] = ()  # bookings of which a person has to say which side counts

    @property
    def agreed(self) -> bool:
        """Whether the target shows all that was read."""
        return not (
            self.stopped
            or self.kept
            or self.waiting
            or self.sending
            or self.unsettled
            or self.unread
            or self.conflicts
            or self.astray
        )

    @property
    def astray(self) -> bool:
        """Whether the accounts do not add up to what they were shown."""
        return self.accepted is not None and self.accepted != self.sums


def stand(at: Bench) -> Standing:
    """Look how both sides stand. Tens of milliseconds; a tenth of a second for 100,000 legs, whose gross is summed."""
    sync = at.sync

    def read(connection: Connection) -> Standing:
        kept = quarantine.listed(connection, sync.name)
        kinds = {one.kind for one in kept}
        sending = links.sending(connection, sync.target, sync.connection)
        return Standing(
            stopped=streams.stopped(connection, sync.name) | paused(connection, sync.name),
            kept=kept,
            held=inbox.held(connection, sync.name),
            waiting=inbox.waiting(connection, sync.name),
            sending=sending,
            conflicts=pairs.conflicting(connection, sync.name),
            live={kind: links.live(connection, sync.target, sync.connection, kind) for kind in kinds},
            # By the source's clock and less the lag; on a retry still that of the attempt that read.
            read_until=read_until(connection, sync.name),
            begun=streams.begun(connection, sync.name),
            since=_oldest(connection, sync.name),
            sums=None,
            accepted=None,
            states={},
            unread=streams.doubted(connection, sync.name)
            + sum(streams.unfinished_history(connection, sync.name, kind) for kind in at.target.kinds),
            stuck=actions.stuck(connection, sync.connection, at.target.kinds),
            unsettled=sum(len(batches.open_ids(connection, sync.name, kind)) for kind in at.target.kinds),
        )

    standing = at.ledger.read(read)
    if Kind.DOCUMENT in at.target.kinds:
        unfiled = at.ledger.read(lambda c: inbox.unfiled(c, sync.name))
        return standing._replace(states=at.target.states(sync.connection), unfiled=unfiled)
    if Kind.LEG not in at.target.kinds:
        return standing
    before = at.ledger.read(lambda c: _accepted(c, at))
    shown = at.target.sums(sync.connection)
    # While something is on its way, the accounts may show it and the ledger not count it yet.
    steady = before is not None and before == at.ledger.read(lambda c: _accepted(c, at))
    return standing._replace(sums=shown, accepted=before if steady and at.target.tells_connections_apart else None)


def _accepted(connection: Connection, at: Bench) -> dict[str, int] | None:
    """The gross of the legs that the accounts were shown, by currency; None while some are being written."""
    if links.sending(connection, at.sync.target, at.sync.connection):
        return None
    return sums.get(connection, at.sync.target, at.sync.connection)


def _oldest(connection: Connection, sync: str) -> float | None:
    """Since when the longest waiting hint, batch or conflict has waited."""
    hint, batch = inbox.oldest(connection, sync), batches.oldest(connection, sync)
    waited = [hint.received_at] if hint else []
    waited += [since for _, since, _ in pairs.conflicting(connection, sync)[:1]]
    return min(waited + ([batch.created_at] if batch else []), default=None)

"""Sweeping: windows whose batches are all settled are finished, and what a rescan did not meet is asked for."""

from collections.abc import Collection

from sqlalchemy import Connection

from accord.deletions import too_many
from accord.ledger import batches, inbox, links, quarantine, streams
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.sync import Sync


def sweep(sync: Sync, kinds: Collection[Kind], ledger: Ledger) -> int:
    """Finish the windows whose batches are all settled; how many records a rescan did not meet again.

    Those may be deleted: each is put in the inbox, to be asked for by itself. Where they are too many, the list is
    held to be incomplete and the stream is stopped.
    """

    def finish(connection: Connection) -> int:
        missing = 0
        for kind in kinds:
            row = streams.get(connection, sync.name, kind)
            for window in streams.settled_windows(connection, sync.name, kind):
                if window.purpose == "rescan" and kind is not Kind.LEG:
                    gone, live = links.unseen(
                        connection, sync.target, sync.connection, kind, window.lo, window.hi, window.ticket
                    )
                    lenient = row is not None and row.lenient
                    missed = {*gone} - _met(connection, sync, kind)
                    if too_many(len(missed), live) and not lenient:
                        why = f"a rescan did not find {len(missed)} of {live} {kind} records of its stretch again"
                        streams.put(connection, sync.name, kind, stopped=why)
                        continue
                    now = ledger.now(connection)
                    # Unsound ones stand nowhere: what was not met again may be gone as well.
                    kept = quarantine.older(connection, sync.name, kind, window.ticket)
                    refs = [(str(kind), key) for key in dict.fromkeys([*gone, *kept])]
                    inbox.look_again(connection, sync.name, refs, "unseen", "a rescan did not find it", now)
                    missing += len(gone)
                streams.finish(connection, window)
            unseen = inbox.open_keys(connection, sync.name, "unseen", kind)
            if row is not None and row.lenient and not unseen and not batches.open_ids(connection, sync.name, kind):
                streams.put(connection, sync.name, kind, lenient=False)
        for window in streams.settled_windows(connection, sync.name, "event"):
            streams.finish(connection, window)
        streams.forget_done(connection, sync.name)
        inbox.forget_old(connection, sync.name, ledger.now(connection))
        return missing

    return ledger.write(finish)


def _met(connection: Connection, sync: Sync, kind: Kind) -> set[str]:
    """Records that a rescan may have met without confirming them: they are unsound, or to be looked at again."""
    met = {*quarantine.reasons(connection, sync.name, kind)}
    return met.union(*(inbox.open_keys(connection, sync.name, why, kind) for why in ("held", "again")))

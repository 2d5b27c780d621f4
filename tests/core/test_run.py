"""The order of a run: what is settled when, and what an error holds up."""

from collections.abc import Callable

from accord.batch import Prepared
from accord.errors import TryLater
from accord.records import Kind
from accord.run import attempt
from accord.settle import Settled

KINDS = (Kind.CUSTOMER, Kind.PAYMENT)


class Steps:
    """Streams that are read batch by batch, as others look on: (stream, number) of each batch that arrives."""

    def __init__(self, arrive: dict[str, list[list[int]]], stopped: int | None = None) -> None:
        self.arrive, self.stopped = arrive, stopped
        self.open: dict[str, list[int]] = {}
        self.fails: dict[str, Exception] = {}
        self.did: list[str] = []

    def plan(self) -> None:
        self.did.append("plan")

    def listen(self) -> None:
        self.did.append("listen")

    def collect(self, stream: str) -> Callable[[], bool]:
        coming = iter(self.arrive.get(stream, []))

        def more() -> bool:
            batches = next(coming, None)
            if batches is None:
                if stream in self.fails:
                    raise self.fails[stream]
                return False
            self.did.append(f"read {stream}")
            self.open.setdefault(stream, []).extend(batches)
            return True

        return more

    def changed(self, turn: int) -> int:
        return 0

    def open_batches(self, stream: str) -> list[int]:
        return list(self.open.get(stream, []))

    def unread(self, stream: str) -> bool:
        return stream in self.fails

    def check(self, batch: int) -> Prepared | None:
        self.did.append(f"check {batch}")
        return Prepared(batch, Kind.PAYMENT, 0, None)

    def settle(self, prepared: Prepared) -> Settled:
        if prepared.id == self.stopped:
            return Settled(stopped="why")
        for batches in self.open.values():
            batches[:] = [batch for batch in batches if batch != prepared.id]
        return Settled(created=1, read=1)

    def sweep(self) -> int:
        return 0


def test_batches_are_settled_while_their_stream_is_still_being_read():
    steps = Steps({"customer": [[1], [2]], "payment": [[3]]})
    tally, error = attempt(steps, KINDS)
    assert (tally.created, error) == (3, None)
    assert steps.did == [
        "plan",
        "listen",
        "read customer",
        "check 1",
        "read customer",
        "check 2",
        "read payment",
        "check 3",
    ]


def test_a_batch_that_stops_its_stream_is_not_checked_again_and_again():
    steps = Steps({"customer": [[1], [2], [], []]}, stopped=1)
    attempt(steps, (Kind.CUSTOMER,))
    # Once while it was read; and once with what the events spoke of, in each turn until nothing moves.
    assert steps.did.count("check 1") <= 3


def test_a_stream_that_fails_holds_up_the_kinds_that_need_it_and_is_read_to_its_end():
    steps = Steps({"customer": [[1]], "payment": [[2], [3]]})
    steps.fails["customer"] = TryLater("away")
    tally, error = attempt(steps, KINDS)
    assert (tally.created, str(error)) == (1, "away")
    assert steps.open["payment"] == [2, 3]


def test_documents_that_an_earlier_run_left_are_settled_before_anything_is_read() -> None:
    steps = Steps({"document": [[2]]})
    steps.open["document"] = [1]
    attempt(steps, (Kind.DOCUMENT,))
    assert steps.did[:4] == ["plan", "listen", "check 1", "read document"]


class AwayAtFirst(Steps):
    """The target can not be reached until something was read."""

    def settle(self, prepared: Prepared) -> Settled:
        if "read document" not in self.did:
            raise TryLater("away")
        return super().settle(prepared)


def test_a_target_that_is_away_holds_up_no_reading() -> None:
    steps = AwayAtFirst({"document": [[2]]})
    steps.open["document"] = [1]
    tally, error = attempt(steps, (Kind.DOCUMENT,))
    assert (tally.created, error) == (2, None)
    assert steps.did == ["plan", "listen", "check 1", "read document", "check 1", "check 2"]

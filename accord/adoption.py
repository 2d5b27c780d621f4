"""Adoption: a guest's payment is given a customer, and its money moves to the customer's account."""

from collections.abc import Iterable

from sqlalchemy import Connection

from accord.attribution import MOVE
from accord.houses import GUESTS
from accord.ledger import inbox, links
from accord.ledger.engine import Ledger
from accord.records import Kind, Leg, Payment, Record
from accord.sync import Sync


def move_legs(connection: Connection, sync: Sync, written: Iterable[Record], ledger: Ledger) -> None:
    """Have the legs fetched again, to be moved, of those payments to be written that were guests' until now.

    Call it before it is written down what the payments are.
    """
    paid = {record.key for record in written if isinstance(record, Payment) and record.customer}
    before = links.known(connection, sync.target, sync.connection, Kind.PAYMENT, paid) if paid else {}
    adopted = {key for key, facts in before.items() if not facts["customer"]}
    if adopted:
        refs = [(str(Kind.LEG), key) for key in links.legs_in(connection, sync.connection, GUESTS, adopted)]
        because = "its payment has a customer now"
        inbox.look_again(connection, sync.name, refs, "adopted", because, ledger.now(connection))


def adopted_meanwhile(connection: Connection, sync: Sync, records: Iterable[Record]) -> set[str]:
    """The guests' legs among the records whose payments have a customer by now.

    When that was settled these legs were not there yet to be found by `move_legs`.
    """
    legs = [record for record in records if isinstance(record, Leg)]
    moved = {leg.source_key for leg in legs if leg.type == MOVE}
    guests = {leg.key: str(leg.payment) for leg in legs if leg.account == GUESTS and leg.source_key not in moved}
    now = links.known(connection, sync.target, sync.connection, Kind.PAYMENT, {*guests.values()}) if guests else {}
    return {key for key, payment in guests.items() if (now.get(payment) or {}).get("customer")}

"""The workflows: which systems each reads, and where it shows what it read. A system joins one by a line here.

All else asks here by the name of a sync, which is the full name of its deployment: payment-to-account/main.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar

from prefect.blocks.core import Block
from pydantic import ValidationError

from accord.calendar_target import CalendarTarget
from accord.calendars import Calendars, Unusable
from accord.errors import Misconfigured
from accord.ledger import pairs
from accord.ledger.engine import Ledger
from accord.sync import ALONE, Sync, connection_of, name_of
from accord.systems.portal_api import PortalApi
from accord.systems.sql_look import SqlDatabase
from blocks import (
    AccountsDatabase,
    BookingsDatabase,
    DocumentArchive,
    GoogleCalendarAccount,
    InvoiceIssuing,
    MicrosoftCalendarAccount,
    OblioAccount,
    PortalApiAccount,
    PortalDatabase,
    SmartBillAccount,
    StripeAccount,
)

B = TypeVar("B", bound=Block)
Shown: TypeAlias = SqlDatabase | PortalApi | CalendarTarget
"""What a workflow can show records in."""


class Reads(NamedTuple):
    """A system that a workflow reads, through a block for each connection."""

    system: str  # as the names of its connections begin: stripe/main
    title: str  # as people call it
    block: type[Block]
    target: str | None  # the block's field that names the block of the target; empty where nothing is to go there.
    # None: the block itself leads to the target
    connect: str = "connect"  # the block's method that opens the source


@dataclass(frozen=True)
class Workflow:
    """What a flow keeps in agreement. The flow itself and its schedules are in deployments/prefect.yaml.

    What is expected of records, and what a report tells of them, goes by the kinds that the target shows.
    """

    name: str  # of the flow
    reads: tuple[Reads, ...]
    target: str  # the system that it shows records in, as the names of targets begin: accounts/main
    blocks: tuple[type[Block], ...]  # of the target, each a way to reach it; a name stands for one of them
    shows: str  # as sentences of reports begin
    files: bool = False  # whether what it shows has PDFs, which an archive may keep

    def find_target(self, name: str) -> Block | None:
        """The saved block of the target of this name, or None. Raises Misconfigured where there are several."""
        found = [saved for block in self.blocks if (saved := find_block(block, name)) is not None]
        if len(found) > 1:
            both = " and ".join(one._block_type_name or "" for one in found)
            raise Misconfigured(f"{name} is the name of a {both} block; delete the one that is not meant")
        return found[0] if found else None

    def open_target(self, block: Block, sync: Sync, ledger: Ledger) -> Shown:
        """The target of a sync, to which a block leads."""
        if isinstance(block, BookingsDatabase):
            return _open_calendars(block, sync, ledger)
        if isinstance(block, PortalApiAccount):
            return block.connect(sync.target, ledger)
        opened: Shown = block.connect(ledger.clock)  # type: ignore[attr-defined]
        return opened

    def route(self, system: str, connection: str) -> "Route":
        """The route from a connection. Raises Misconfigured where the workflow does not read such a system."""
        found = next((one for one in self.reads if one.system == system), None)
        if found is None:
            known = " or ".join(one.title for one in self.reads)
            raise Misconfigured(f"{self.name} reads {known}, and no system called {system}")
        return Route(self, found, connection)


@dataclass(frozen=True)
class Route:
    """One connection as a workflow reads it. With the block of the target that its own block names it is a sync."""

    workflow: Workflow
    reads: Reads
    connection: str  # the name of the block

    @cached_property
    def source(self) -> str:
        """The connection as the ledger calls it: stripe/main."""
        return f"{self.reads.system}/{self.connection}"

    @cached_property
    def name(self) -> str:
        """The name of the sync, and the full name of its deployment."""
        return name_of(self.workflow.name, self.source)

    @property
    def block(self) -> str:
        """The block of the connection, as messages call it."""
        return f"{self.reads.block.__name__}/{self.connection}"

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the flow that say which connection it is to read."""
        alone = self.workflow.name in ALONE
        return ({} if alone else {"system": self.reads.system}) | {"connection": self.connection}

    def sync(self, target: str) -> Sync:
        """The sync into the target whose block has this name."""
        return Sync(self.name, self.source, f"{self.workflow.target}/{target}")

    def archive(self, account: Block) -> DocumentArchive | None:
        """The saved block of the archive that a connection's block names for the PDFs of what is shown.

        None where it names none, or where nothing that is shown has PDFs. Raises Misconfigured where it is missing.
        """
        name = getattr(account, "archive", None) if self.workflow.files else None
        return None if name is None else load_block(DocumentArchive, name)

    def load(self) -> tuple[Any, Any, Sync]:
        """The saved blocks of the connection and of its target, and the sync that they make.

        Raises Misconfigured, naming what to do, where one is missing or does not fit.
        """
        account = load_block(self.reads.block, self.connection)
        if self.reads.target is None:
            return account, account, self.sync(self.connection)
        target: str | None = getattr(account, self.reads.target)
        if not target:
            how = f"accord connect {self.reads.system} --name {self.connection} --{self.reads.target} NAME"
            raise Misconfigured(
                f"{self.block} does not say which {self.workflow.target} its records go to; say it: {how}"
            )
        found = self.workflow.find_target(target) or load_block(self.workflow.blocks[0], target)
        return account, found, self.sync(target)

    def open(self, ledger: Ledger) -> tuple[Any, Shown, Sync]:
        """The saved block of the connection, its target, and the sync that they make."""
        account, block, sync = self.load()
        return account, self.workflow.open_target(block, sync, ledger), sync


PAYMENTS = Workflow(
    name="payment-to-account",
    reads=(Reads("stripe", "Stripe", StripeAccount, "accounts"),),
    target="accounts",
    blocks=(AccountsDatabase,),
    shows="the accounts show",
)
INVOICES = Workflow(
    name="invoice-to-portal",
    reads=(
        Reads("oblio", "Oblio", OblioAccount, "portal"),
        Reads("smartbill", "SmartBill", SmartBillAccount, "portal"),
        Reads("stripe", "Stripe", StripeAccount, "portal", "connect_invoices"),
    ),
    target="portal",
    blocks=(PortalDatabase, PortalApiAccount),
    shows="the portal shows",
    files=True,
)
BOOKINGS = Workflow(
    name="booking-to-calendar",
    reads=(Reads("bookings", "the booking system", BookingsDatabase, None),),
    target="calendars",
    blocks=(GoogleCalendarAccount, MicrosoftCalendarAccount),
    shows="the calendars show",
)
WORKFLOWS = {one.name: one for one in (PAYMENTS, INVOICES, BOOKINGS)}

CALENDARS: dict[str, type[Block]] = {"google": GoogleCalendarAccount, "microsoft": MicrosoftCalendarAccount}
"""The calendar systems, as the names of their connections begin: google/main."""


def route(sync: str) -> Route:
    """The route of a sync, by its name. Raises Misconfigured where there is no such workflow or system."""
    workflow = WORKFLOWS.get(sync.partition("/")[0])
    if workflow is None:
        raise Misconfigured(f"there is no workflow {sync.partition('/')[0]}; there are: {', '.join(WORKFLOWS)}")
    system, _, connection = connection_of(sync).partition("/")
    return workflow.route(system, connection)


def _open_calendars(block: BookingsDatabase, sync: Sync, ledger: Ledger) -> CalendarTarget:
    """The calendars of all who have bookings, or had; an account without a block is left out."""
    store = block.store(ledger.clock)
    people = store.people()
    names = {seat.account for seat in people.values()}
    names |= {account for _, account, _ in ledger.read(lambda c: pairs.seats(c, sync.name))}
    accounts = {name: found for name in sorted(names) if (found := _open_account(name, ledger)) is not None}
    return CalendarTarget(sync, accounts, people, store, ledger, block.policy, board=store)


def _open_account(name: str, ledger: Ledger) -> Calendars | None:
    system, _, called = name.partition("/")
    if system not in CALENDARS or not called:
        return None
    try:
        found: Any = find_block(CALENDARS[system], called)
        opened: Calendars | None = found and found.connect(name, ledger)
    except Misconfigured as error:  # of one account: the bookings of all others go on
        return Unusable(error)
    return opened


def find_block(block: type[B], name: str) -> B | None:
    """A saved block, or None. Raises Misconfigured where one is saved that does not fit."""
    try:
        return block.load(name)  # type: ignore[return-value]
    except ValueError:
        return None
    except RuntimeError as error:  # as Prefect says it; what is wrong is in its cause, whose text quotes secrets
        if not isinstance(error.__cause__, ValidationError):
            raise
        wrong = error.__cause__.errors(include_input=False, include_url=False)
    fields = ", ".join(sorted({str(one["loc"][0]) if one["loc"] else one["msg"] for one in wrong}))
    raise Misconfigured(f"the {block._block_type_name} block {name} does not fit: look at {fields}")


def load_block(block: type[B], name: str) -> B:
    """A saved block. Raises Misconfigured, naming what to do, where there is none."""
    found = find_block(block, name)
    if found is None:
        what = f"there is no {block._block_type_name} block named {name}"
        raise Misconfigured(f"{what}; make it: accord connect {_SYSTEMS[block]} --name {name}")
    return found


_SYSTEMS: dict[type[Block], str] = {
    DocumentArchive: "archive",
    InvoiceIssuing: "invoices",
}
_SYSTEMS |= {one.blocks[0]: one.target for one in (PAYMENTS, INVOICES)}
_SYSTEMS |= {block: system for system, block in CALENDARS.items()}
_SYSTEMS |= {reads.block: reads.system for one in WORKFLOWS.values() for reads in one.reads}

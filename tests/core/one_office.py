"""A booking system, two accounts with calendars, and the sync between them, as one worker runs it."""

from accord.calendar_target import CalendarTarget
from accord.calendars import Seat
from accord.compare import reconcile
from accord.ledger import inbox, links, pairs, quarantine
from accord.pairing import Policy
from accord.records import Kind
from accord.run import attempt
from accord.standing import stand
from accord.sync import Sync

SYNC = Sync("booking-to-calendar/main", "bookings/main", "calendars/main")
ANA, DAN, EVA = Seat("google/main", "ana@x"), Seat("google/main", "dan@x"), Seat("microsoft/main", "eva@x")


class Office:
    """A booking system, two accounts with calendars, and the sync between them."""

    def __init__(self, ledger, clock, homes, fakes, policy=Policy.BOOKING):
        self.ledger, self.clock, self.fakes, self._homes = ledger, clock, fakes, homes
        self.bookings = fakes.FakeBookings(clock.now)
        self.google = fakes.FakeCalendars(["ana@x", "dan@x"], clock.now)
        self.microsoft = fakes.FakeCalendars(["eva@x"], clock.now)
        self.accounts = {"google/main": self.google, "microsoft/main": self.microsoft}
        self.people = {"ana": ANA, "dan": DAN, "eva": EVA}
        self.policy = policy

    @property
    def target(self):
        straight = self._homes.Straight()
        return CalendarTarget(SYNC, self.accounts, self.people, self.bookings, self.ledger, self.policy, straight)

    def attempt(self):
        self.clock.sleep(400)
        home = self._homes.Home(self.ledger, self.bookings, self.target, {Kind.BOOKING}, sync=SYNC)
        return attempt(home, {Kind.BOOKING})

    def run(self):
        tally, error = self.attempt()
        if error is not None:
            raise error
        return tally

    def book(self, key, *given, **changed):
        return self.bookings.add(self.fakes.booking(key, *given, **changed))

    def event(self, key, calendar="ana@x"):
        account = self.microsoft if calendar == "eva@x" else self.google
        (event,) = account.of(calendar, key)
        return event

    def pair(self, key):
        (pair,) = self.ledger.read(lambda c: pairs.of(c, self.ledger.cipher, SYNC.name, [key]))[key]
        return pair

    def agreement(self):
        return reconcile(self.bookings, self.target, SYNC.connection)

    def kept(self):
        return self.ledger.read(lambda c: quarantine.reasons(c, SYNC.name, Kind.BOOKING))

    def waiting(self):
        return self.ledger.read(lambda c: inbox.waiting(c, SYNC.name))

    def standing(self):
        return stand(self.ledger, SYNC)

    def states(self):
        return self.ledger.read(
            lambda c: {key: link.state for key, link in links.load(c, *SYNC_LINKS, [*self.bookings.held]).items()}
        )


SYNC_LINKS = (SYNC.target, SYNC.connection, Kind.BOOKING)

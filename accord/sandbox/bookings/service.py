"""The sandbox's booking system as a plain object: a request goes in, an answer comes out."""

from dataclasses import dataclass
from pathlib import Path

from accord.sandbox.bookings import api, desk, page
from accord.sandbox.bookings.calendars import Calendars
from accord.sandbox.bookings.desk import Refusal
from accord.sandbox.bookings.store import Store
from accord.sandbox.clock import SandboxClock
from accord.sandbox.forms import Malformed, Tree, decode
from accord.sandbox.google.errors import GoogleError
from accord.sandbox.microsoft.errors import GraphError
from accord.sandbox.stats import Stats
from accord.sandbox.switches import as_json
from accord.sandbox.wire import Answer, Ask


@dataclass
class Begun:
    """A request between its beginning and its end; it never waits."""

    ask: Ask
    wait: float = 0.0


class Bookings:
    """One booking system, and the page on which people book."""

    def __init__(
        self, clock: SandboxClock, *, database: Path | None = None, calendars: Calendars | None = None
    ) -> None:
        self.clock = clock
        self.store = Store(database)
        self.stats = Stats()
        self.calendars = calendars or Calendars()

    def answer(self, ask: Ask) -> Answer:
        """Begin and finish at once."""
        return self.finish(self.begin(ask))

    def begin(self, ask: Ask) -> Begun:
        """Nothing stands between a request and its work."""
        return Begun(ask)

    def finish(self, begun: Begun) -> Answer:
        """Do the work."""
        answer = self._work(begun.ask)
        self.stats.count(f"{begun.ask.method} {begun.ask.path}"[:60], answer.status)
        return answer

    def _work(self, ask: Ask) -> Answer:
        in_json = ask.path.startswith("/v1/")
        try:
            params = decode(ask.query)
            if in_json:
                return api.answer(self.store, ask, params, self.clock.now())
            if ask.method == "POST":
                return self._do(ask, params)
            if ask.method == "GET":
                return page.answer(self, ask.path, params)
            return Answer(405, {"allow": "GET, POST"}, b"")
        except Malformed:
            return page.refused(400, "The form can not be read.")
        except Refusal as refusal:
            told = str(refusal)
            return as_json(refusal.status, {"error": told}) if in_json else page.refused(refusal.status, told)

    def _do(self, ask: Ask, params: Tree) -> Answer:
        """What a form asks for; then the page of the day, or the same page with why it was not done."""
        given = decode(ask.body.decode(errors="replace"))
        try:
            match ask.path:
                case "/book":
                    row = desk.book(self.store, given, self.clock.now())
                case "/booking":
                    row = desk.change(self.store, str(params.get("id", "")), given, self.clock.now())
                case "/event":
                    return page.to_day(self._by_hand(params, given))
                case _:
                    raise Refusal(404, "There is nothing at this address.")
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            shown = page.answer(self, "/" if ask.path == "/book" else ask.path, params | {"given": given}, str(refusal))
            return shown._replace(status=refusal.status)
        return page.to_day(row["starts_at"][:10])

    def _by_hand(self, params: Tree, given: Tree) -> str:
        """What a person does in the calendar itself; the day that it was seen on."""
        seat, event = page.event_of(self, params)
        if event is None or event.series:
            raise Refusal(404, "There is no such event, or it is one of a series.")
        try:
            if given.get("delete"):
                self.calendars.delete(*seat, event.id)
            else:
                self.calendars.move(*seat, event.id, str(given.get("start", "")), str(given.get("end", "")))
        except (GoogleError, GraphError) as error:
            raise Refusal(404, f"The calendar refuses it: {error}") from None
        return str(params.get("day", ""))

"""The sandbox as one ASGI application: every provider below its own prefix, and a page that says what there is."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from accord.sandbox import page
from accord.sandbox.bookings import admin as bookings_admin
from accord.sandbox.bookings import front as bookings_front
from accord.sandbox.bookings import seed as bookings_seed
from accord.sandbox.bookings.calendars import Calendars
from accord.sandbox.bookings.service import Bookings
from accord.sandbox.clock import SandboxClock
from accord.sandbox.google import admin as google_admin
from accord.sandbox.google import page as google_page
from accord.sandbox.google import seed as google_seed
from accord.sandbox.google.service import Google
from accord.sandbox.keep import Keeper
from accord.sandbox.microsoft import admin as microsoft_admin
from accord.sandbox.microsoft import page as microsoft_page
from accord.sandbox.microsoft import seed as microsoft_seed
from accord.sandbox.microsoft.service import Microsoft
from accord.sandbox.oblio import admin as oblio_admin
from accord.sandbox.oblio import page as oblio_page
from accord.sandbox.oblio import seed as oblio_seed
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.portal import admin as portal_admin
from accord.sandbox.portal import page as portal_page
from accord.sandbox.portal.files import Files
from accord.sandbox.portal.service import Portal
from accord.sandbox.provider import Provider, ProviderApp
from accord.sandbox.smartbill import admin as smartbill_admin
from accord.sandbox.smartbill import page as smartbill_page
from accord.sandbox.smartbill import seed as smartbill_seed
from accord.sandbox.smartbill.service import SmartBill
from accord.sandbox.stripe import admin as stripe_admin
from accord.sandbox.stripe import seed as stripe_seed
from accord.sandbox.stripe.service import Stripe

PAYMENTS = 2_150
"""One-off payments in the test mode's seed; subscriptions bring more."""
FEW_PAYMENTS = 12
"""The same for live mode and for the second account."""

_SAVE_EVERY = 1.0


class Sandbox:
    """The providers with their common clock, and the file that keeps them."""

    def __init__(
        self,
        clock: SandboxClock,
        stripe: Stripe,
        oblio: Oblio,
        smartbill: SmartBill,
        portal: Portal,
        google: Google,
        microsoft: Microsoft,
        bookings: Bookings,
        keeper: Keeper | None,
    ) -> None:
        self.clock = clock
        self.stripe = stripe
        self.oblio = oblio
        self.smartbill = smartbill
        self.portal = portal
        self.google = google
        self.microsoft = microsoft
        self.bookings = bookings
        self.providers = {
            "/stripe": Provider(stripe, partial(stripe_admin.answer, stripe)),
            "/oblio": Provider(oblio, partial(oblio_admin.answer, oblio)),
            "/smartbill": Provider(smartbill, partial(smartbill_admin.answer, smartbill)),
            "/portal": Provider(portal, partial(portal_admin.answer, portal)),
            "/google": Provider(google, partial(google_admin.answer, google)),
            "/microsoft": Provider(microsoft, partial(microsoft_admin.answer, microsoft)),
            "/bookings": Provider(bookings, partial(bookings_admin.answer, bookings)),
        }
        self._keeper = keeper
        self._saved: tuple[float, ...] | None = None

    def save(self) -> None:
        """Write the state to its file if there is one and anything changed."""
        kept: dict[str, Stripe | Oblio | SmartBill | Portal | Google | Microsoft]
        kept = {"stripe": self.stripe, "oblio": self.oblio, "smartbill": self.smartbill, "portal": self.portal}
        kept |= {"google": self.google, "microsoft": self.microsoft}
        mark = (*(service.version for service in kept.values()), self.clock.offset)
        if self._keeper is not None and mark != self._saved:
            self._keeper.save({name: service.dump() for name, service in kept.items()})
            self._saved = mark


def build(
    *,
    seed: int = 1,
    now: Callable[[], float] = time.time,
    payments: int = PAYMENTS,
    per_endpoint: int | None = None,
    state: Path | None = None,
    reset: bool = False,
    portal_database: Path | None = None,
    bookings_database: Path | None = None,
) -> Sandbox:
    """The providers, from the file `state` or, without one, from the seed; `reset` forgets the file first.

    `now` is the time in Unix seconds, `payments` the size of the seed (0: nothing but what can be sold),
    `per_endpoint` a limit of requests per second for each of Stripe's endpoints (four times that in all). The portal's
    page shows the SQLite database `portal_database`, where one is named. The booking system keeps its bookings in
    `bookings_database`, or in memory where none is named. Raises ValueError for a file that is no state.
    """
    clock = SandboxClock(now)
    stripe = Stripe(clock, seed=seed, per_endpoint=per_endpoint)
    keeper = Keeper(state) if state else None
    if keeper and reset:
        keeper.forget()
    saved = keeper.load() if keeper else None
    if saved:
        stripe.load(saved["stripe"])
    for shop, store in stripe.stores.items():
        if not saved or shop not in saved["stripe"]["stores"]:
            size = payments if shop == "test" else min(payments, FEW_PAYMENTS)
            stripe_seed.fill(store, payments=size, seed=store.seed)
    oblio = Oblio(clock, seed=seed)
    if saved and "oblio" in saved:
        oblio.load(saved["oblio"])
    else:
        oblio_seed.fill(oblio.store, invoices=min(payments, oblio_seed.INVOICES), seed=seed)
    smartbill = SmartBill(clock, seed=seed)
    if saved and "smartbill" in saved:
        smartbill.load(saved["smartbill"])
    elif payments:
        smartbill_seed.fill(smartbill.company)
    portal = Portal(clock, seed=seed, pdfs=Files(oblio, smartbill, stripe), database=portal_database)
    if saved and "portal" in saved:
        portal.load(saved["portal"])
    google = Google(clock, seed=seed)
    if saved and "google" in saved:
        google.load(saved["google"])
    else:
        google_seed.fill(google.store, planned=payments > 0)
    microsoft = Microsoft(clock, seed=seed)
    if saved and "microsoft" in saved:
        microsoft.load(saved["microsoft"])
    else:
        microsoft_seed.fill(microsoft.store, planned=payments > 0)
    if bookings_database and reset:
        for ending in ("", "-wal", "-shm"):  # SQLite's own files beside it
            bookings_database.with_name(bookings_database.name + ending).unlink(missing_ok=True)
    bookings = Bookings(clock, database=bookings_database, calendars=Calendars(google, microsoft))
    bookings_seed.fill(bookings.store, seed=seed, now=clock.now(), planned=payments > 0)
    return Sandbox(clock, stripe, oblio, smartbill, portal, google, microsoft, bookings, keeper)


def application(sandbox: Sandbox) -> Starlette:
    """The ASGI application around it; `app.state.sandbox` leads back."""

    async def index(request: Request) -> HTMLResponse:
        sandbox.stripe.run_due()
        base = str(request.base_url).rstrip("/")
        others = [
            oblio_page.render(sandbox.oblio, base),
            smartbill_page.render(sandbox.smartbill, base),
            portal_page.render(sandbox.portal, base),
            google_page.render(sandbox.google, base),
            microsoft_page.render(sandbox.microsoft, base),
            bookings_front.render(sandbox.bookings, base),
        ]
        return HTMLResponse(page.render(sandbox.stripe, base, others))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        saving = asyncio.create_task(_save_now_and_then(sandbox))
        try:
            yield
        finally:
            saving.cancel()
            sandbox.save()

    mounts = [Mount(prefix, ProviderApp(provider)) for prefix, provider in sandbox.providers.items()]
    app = Starlette(routes=[Route("/", index), *mounts], lifespan=lifespan)
    app.state.sandbox = sandbox
    return app


def create(**given: Any) -> Starlette:
    """`build` and `application` in one."""
    return application(build(**given))


async def _save_now_and_then(sandbox: Sandbox) -> None:
    while True:
        await asyncio.sleep(_SAVE_EVERY)
        sandbox.save()

"""The data a sandbox starts with: 400 days of the shop's life, lived through by the same code that serves requests.

Two halves: what the dice bring (`_Year`), and the showpieces (`showpieces`) that make sure that every status is there.
"""

import heapq
import random
from collections.abc import Callable

from accord.sandbox.stripe import billing_objects, customers, disputes, money, payments, payouts, subscriptions, taxes
from accord.sandbox.stripe.events import RETENTION
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.shop import PRICES, Shop
from accord.sandbox.stripe.showpieces import plan
from accord.sandbox.stripe.store import Obj, Store
from accord.sandbox.stripe.timers import run_due

DAYS = 400
_LATEST = 540  # seconds before now at which the last thing happened, at most

Deed = Callable[[], object]


class Diary:
    """What is still to happen, in the order of its time; deeds may write in further ones."""

    def __init__(self, store: Store, start: int, end: int) -> None:
        self.store = store
        self.start = start
        self.end = end
        self._ahead: list[tuple[int, int, Deed]] = []
        self._count = 0

    def at(self, moment: int, deed: Deed) -> None:
        """Note a deed; what lies after the end never happens."""
        if moment <= self.end:
            self._count += 1
            heapq.heappush(self._ahead, (moment, self._count, deed))

    def later(self, seconds: float, deed: Deed) -> None:
        self.at(self.store.time() + int(seconds), deed)

    def live(self, now: int) -> None:
        """Do everything at its time, the timers' work between; the clock is the diary's until it ends at `now`."""
        clock = self.store.now
        try:
            while self._ahead:
                moment, _, deed = heapq.heappop(self._ahead)
                self._set(moment)
                run_due(self.store)
                deed()
            self._set(now)
            run_due(self.store)
        finally:
            self.store.now = clock

    def _set(self, moment: int) -> None:
        self.store.now = lambda: float(moment)


def fill(store: Store, *, payments: int, seed: int) -> None:
    """Fill an empty store with about `payments` one-off payments and what belongs to them; 0 leaves only the prices."""
    now = store.time()
    store.events_from = now - RETENTION
    diary = Diary(store, now - DAYS * money.DAY, now - 60)
    shop = Shop(store, random.Random(f"{seed} {store.livemode}"))  # noqa: S311
    diary.at(diary.start, lambda: _open(store, fees=payments > 0))
    if payments:
        _Year(shop, diary, payments).plan()
        if payments >= 50:
            plan(shop, diary.at, now)
        diary.at(now - shop.dice.randrange(60, _LATEST), lambda: shop.buy(guest=True))
    diary.live(now)
    store.events_from = 0


def _open(store: Store, *, fees: bool) -> None:
    for key, product, name, amount, currency, interval in PRICES:
        if store.find("product", product) is None:
            store.add(billing_objects.product(store, product, name))
        store.add(billing_objects.price(store, key, product, amount, currency, interval))
    taxes.register(store)
    payouts.schedule(store)
    if fees:
        store.at(store.time() + 5 * money.DAY, "monthly_fee", "")


class _Year:
    """What the dice bring: one-off payments with their refunds and disputes, and subscriptions."""

    def __init__(self, shop: Shop, diary: Diary, count: int) -> None:
        self.shop = shop
        self.diary = diary
        self.dice = shop.dice
        self.count = count

    def plan(self) -> None:
        start, end, dice = self.diary.start, self.diary.end, self.dice
        people = max(6, self.count // 9)
        for number in range(people):
            # Four in ten are there from the first days, so that the early payments have someone to make them.
            spread = 3 * money.DAY if number < 0.4 * people else end - start
            self.diary.at(start + 60 + dice.randrange(spread), self._arrive)
        for _ in range(self.count):
            self.diary.at(start + 4 * money.DAY + dice.randrange(end - start - 4 * money.DAY), self._sell)
        for _ in range(max(1, self.count // 24)):
            self.diary.at(start + 4 * money.DAY + dice.randrange(end - start - 4 * money.DAY), self._subscribe)

    def _arrive(self) -> None:
        buyer = self.shop.customer()
        luck, later = self.dice.random(), self.dice.uniform(5, 200) * money.DAY
        if luck < 0.04:
            self.diary.later(later, lambda: self._leave(buyer))
        elif luck < 0.4:
            phone = Params({"phone": f"+40 700 {self.dice.randrange(100_000, 999_999)}"})
            self.diary.later(later, lambda: customers.update(self.shop.store, buyer["id"], phone))

    def _leave(self, buyer: Obj) -> None:
        customers.delete(self.shop.store, buyer["id"], Params({}))

    def _subscribe(self) -> None:
        buyer = self.shop.someone()
        if buyer is None:
            return
        subscription = self.shop.subscribe(buyer, trial_days=14 if self.dice.random() < 0.2 else 0)
        if self.dice.random() < 0.3:
            at_end = self.dice.random() < 0.5
            self.diary.later(self.dice.uniform(20, 300) * money.DAY, lambda: self._unsubscribe(subscription, at_end))

    def _unsubscribe(self, subscription: Obj, at_end: bool) -> None:
        store, key = self.shop.store, subscription["id"]
        if subscription["status"] == "canceled":
            return
        if at_end:
            subscriptions.update(store, key, Params({"cancel_at_period_end": "true"}))
        else:
            subscriptions.cancel(store, key, Params({}))

    def _sell(self) -> None:
        luck = self.dice.random()
        buyer = None if self.dice.random() < 0.12 else self.shop.someone()
        if luck < 0.04:
            return self._authorise(buyer)
        intent = self.shop.order(buyer)
        if luck < 0.06:
            if self.dice.random() < 0.6:
                self.diary.later(money.DAY, lambda: payments.call_off(self.shop.store, intent, "abandoned"))
            return None
        if luck < 0.08:
            self.shop.pay(intent, "pm_successDelayed_de" if self.dice.random() < 0.8 else "pm_failed_de")
            return None
        if luck < 0.14:
            self.shop.pay(intent, self.shop.declined())
            if self.dice.random() < 0.6:
                self.shop.pay(intent, "pm_card_visa")
            return None
        if luck < 0.155:
            card = "pm_card_refundFail" if self.dice.random() < 0.5 else "pm_card_pendingRefund"
            charge = self.shop.pay(intent, card)
            self.diary.later(self.dice.uniform(1, 20) * money.DAY, lambda: self._give_back(charge, 0.5))
            return None
        charge = self.shop.pay(intent, "pm_card_visa" if luck < 0.9 else "pm_card_mastercard")
        return self._aftermath(charge)

    def _aftermath(self, charge: Obj | None) -> None:
        luck, later = self.dice.random(), self.dice.uniform(0.2, 45) * money.DAY
        if luck < 0.05:
            self.diary.later(later, lambda: self._give_back(charge, None))
        elif luck < 0.12:
            self.diary.later(later, lambda: self._give_back(charge, self.dice.choice((0.2, 0.5, 0.75))))
            if luck < 0.07:
                self.diary.later(2 * later, lambda: self._give_back(charge, 0.2))
        elif luck < 0.14:
            self.diary.later(later, lambda: self._complain(charge))

    def _give_back(self, charge: Obj | None, share: float | None) -> None:
        if charge:
            self.shop.refund(charge, share)

    def _complain(self, charge: Obj | None) -> None:
        reason = self.dice.choice(("fraudulent", "product_not_received", "duplicate", "inquiry"))
        if charge and (dispute := self.shop.dispute(charge, reason)):
            won = self.dice.random() < 0.5
            self.diary.later(
                self.dice.uniform(12, 60) * money.DAY, lambda: disputes.close(self.shop.store, dispute, won=won)
            )

    def _authorise(self, buyer: Obj | None) -> None:
        """Take the money later, in part, or never."""
        intent = self.shop.order(buyer, manual=True)
        self.shop.pay(intent, "pm_card_visa")
        luck, store = self.dice.random(), self.shop.store
        if luck < 0.75:
            part = {"amount_to_capture": str(intent["amount"] // 20 * 10)} if luck < 0.2 else {}
            self.diary.later(
                self.dice.uniform(0.5, 6) * money.DAY, lambda: payments.capture(store, intent["id"], Params(part))
            )
        elif luck < 0.9:
            self.diary.later(2 * money.DAY, lambda: payments.call_off(store, intent, "requested_by_customer"))

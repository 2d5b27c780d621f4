"""Money at the sandbox's Stripe: currencies, conversion, fees, and the balance transactions that carry them.

Amounts are whole numbers in the currency's smallest unit by Stripe's own table (docs.stripe.com/currencies).
"""

import zlib
from collections import defaultdict

from accord.sandbox.forms import words
from accord.sandbox.stripe.errors import bad_param
from accord.sandbox.stripe.store import Obj, Store

DAY = 86_400

_NO_DECIMALS = frozenset(words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"))
_THREE_DECIMALS = frozenset(words("bhd jod kwd omr tnd"))
_WHOLE_HUNDREDS = frozenset(("isk", "ugx"))

_EUROS = {  # what one unit of a currency is worth in euros, times 10^8
    "eur": 100_000_000,
    "usd": 91_500_000,
    "ron": 20_100_000,
    "jpy": 585_000,
    "kwd": 297_500_000,
    "bhd": 242_000_000,
    "gbp": 115_300_000,
    "chf": 106_800_000,
    "huf": 252_000,
    "pln": 23_400_000,
    "sek": 8_950_000,
    "isk": 681_000,
    "ugx": 25_400,
}
_LEAST = {"ron": 200, "gbp": 30, "huf": 17_500, "pln": 200, "sek": 300, "kwd": 150, "bhd": 190}
_MOST = 99_999_999

_CATEGORY = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "stripe_fee": "fee",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}


def exponent(currency: str) -> int:
    """Digits behind the point in the amounts of the API."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def check_currency(currency: str, param: str = "currency") -> str:
    """The code in lower case; raises StripeError for what this account does not take."""
    code = currency.lower()
    if code not in _EUROS:
        listed = ", ".join(sorted(_EUROS))
        raise bad_param(param, f"Invalid currency: {code[:10]}. This account takes {listed}.")
    return code


def check_amount(amount: int, currency: str, param: str = "amount") -> int:
    """The amount, if it may be charged in that currency; raises StripeError."""
    if amount < 1:
        raise bad_param(param, "Invalid positive integer", "parameter_invalid_integer")
    if currency in _THREE_DECIMALS and amount % 10:
        raise bad_param(param, f"The last digit of an amount in {currency} must be 0.", "parameter_invalid_integer")
    if currency in _WHOLE_HUNDREDS and amount % 100:
        raise bad_param(param, f"An amount in {currency} must be divisible by 100.", "parameter_invalid_integer")
    if amount < _LEAST.get(currency, 50):
        raise bad_param(param, "Amount is below the minimum charge amount", "amount_too_small")
    if amount > _MOST:
        raise bad_param(param, "Amount must be no more than 8 digits", "amount_too_large")
    return amount


def settlement(currency: str) -> str:
    """The balance that a payment in `currency` lands on: the account has one in dollars and one in euros."""
    return "usd" if currency == "usd" else "eur"


def rate(currency: str, day: int) -> int | None:
    """Times 10^8: what one unit of `currency` gives in its settlement currency on that day; None if they are the same.

    It moves within one per cent from day to day, so that a refund rarely returns what the charge brought.
    """
    if settlement(currency) == currency:
        return None
    wobble = zlib.crc32(f"{currency}{day}".encode()) % 2_001 - 1_000
    return _EUROS[currency] * (100_000 + wobble) // 100_000


def convert(amount: int, currency: str, day: int) -> tuple[int, float | None]:
    """An amount in its settlement currency, rounded half up, with `exchange_rate` as Stripe shows it."""
    nanos = rate(currency, day)
    if nanos is None:
        return amount, None
    top = amount * nanos * 10 ** exponent(settlement(currency))
    bottom = 10 ** (8 + exponent(currency))
    return (2 * top + bottom) // (2 * bottom), nanos / 10**8


def fee(settled: int, currency: str) -> int:
    """What Stripe keeps of a payment, in the settlement currency: a share, a fixed part, 2 % more for a conversion."""
    permille, fixed = (29, 30) if currency == "usd" else (15, 25)
    if settlement(currency) != currency:
        permille += 20
    return min(settled, (settled * permille + 500) // 1_000 + fixed)


def dispute_fee(currency: str) -> int:
    return 1_500 if settlement(currency) == "usd" else 2_000


def post(
    store: Store,
    kind: str,
    amount: int,
    currency: str,
    *,
    source: str | None,
    fee: int = 0,
    rate: float | None = None,
    category: str | None = None,
    description: str | None = None,
    available_on: int | None = None,
) -> Obj:
    """Write a balance transaction of `amount` in the settlement currency; net is amount less fee."""
    now = store.time()
    due = max(now, available_on or now)
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Dispute fee" if kind == "adjustment" else "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    row = store.add(
        {
            "id": store.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": due,
            "balance_type": "payments",
            "created": now,
            "currency": currency,
            "description": description,
            "exchange_rate": rate,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": category or _CATEGORY[kind],
            "source": source,
            "status": "available" if due <= now else "pending",
            "type": kind,
        }
    )
    if due > now:
        store.at(due, "available", row["id"])
    return row


def take(store: Store, charge: Obj, amount: int) -> Obj:
    """The balance transaction of a payment of `amount`, as charged; available at midnight UTC a week later."""
    currency = charge["currency"]
    now = store.time()
    settled, exchange = convert(amount, currency, now // DAY)
    return post(
        store,
        "payment" if charge["id"].startswith("py_") else "charge",
        settled,
        settlement(currency),
        source=charge["id"],
        fee=fee(settled, currency),
        rate=exchange,
        description=charge["description"],
        available_on=(now // DAY + 7) * DAY,
    )


def give_back(store: Store, charge: Obj, amount: int, source: str) -> Obj:
    """The balance transaction of a refund, at the day's rate and without the fee; available with the payment's."""
    currency = charge["currency"]
    settled, exchange = convert(amount, currency, store.time() // DAY)
    paid = store.get("balance_transaction", charge["balance_transaction"])
    return post(
        store,
        "payment_refund" if charge["id"].startswith("py_") else "refund",
        -settled,
        settlement(currency),
        source=source,
        rate=exchange,
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
        available_on=paid["available_on"],
    )


def totals(store: Store, status: str | None = None) -> dict[str, dict[str, int]]:
    """Per settlement currency the number of balance transactions and the sums of amount, fee and net."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: {"count": 0, "amount": 0, "fee": 0, "net": 0})
    for row in store.shelves["balance_transactions"].rows.values():
        if status in (None, row["status"]):
            line = sums[row["currency"]]
            line["count"] += 1
            for part in ("amount", "fee", "net"):
                line[part] += row[part]
    return dict(sorted(sums.items()))

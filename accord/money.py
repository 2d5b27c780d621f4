"""Currencies and amounts as Stripe counts them: in smallest units, which are not always those of ISO 4217."""

_ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE = "BHD JOD KWD OMR TND"
# ISK and UGX have no decimals in fact, and are sent with two that are always 00.
_TWO = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY
    COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK
    JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS
    TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD XCG YER ZAR ZMW
"""
# Money of the past, which old payments are still in.
_WITHDRAWN = "EEK HRK LTL LVL MRO SLL SVC VEF"

CURRENCIES: dict[str, int] = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_WITHDRAWN.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
}
"""Every currency that Stripe charges or has charged, with its exponent (docs.stripe.com/currencies)."""


class UnknownCurrency(LookupError):
    """A currency that is not in the table, so that nobody can say how much an amount in it is."""


def exponent(currency: str) -> int:
    """How many digits of an amount stand behind the decimal point, by docs.stripe.com/currencies.

    Not by ISO 4217: ISK and UGX count hundredths that are always 00; HUF and TWD count hundredths, and only
    payouts must be free of them. Raises UnknownCurrency; codes are in upper case.
    """
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise UnknownCurrency("the currency is not one that Stripe charges in") from None


def format_amount(minor: int, currency: str) -> str:
    """An amount in smallest units as people write it, without rounding: 1250 of EUR is "12.50 EUR".

    Raises UnknownCurrency.
    """
    digits = exponent(currency)
    sign, text = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    point = len(text) - digits
    return f"{sign}{text[:point]}{'.' if digits else ''}{text[point:]} {currency}"


def any_amount(minor: int, currency: str) -> str:
    """The same, also in a currency that is not known, such as a user's own table may show."""
    return format_amount(minor, currency) if currency in CURRENCIES else f"{minor} smallest units of {currency}"

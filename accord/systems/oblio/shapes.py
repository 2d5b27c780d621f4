"""What Oblio's answers must look like, as far as they are used (oblio.eu/api, and what its users show of them).

Fields that are not named here may come, go and change. In a list's rows all scalars are texts; what has a default here
is missing from some samples, or its type is not documented.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, field

from accord.documents import Party
from accord.systems.answers import Shape

Flag = Literal["0", "1"]
Text = str | None
Scalar = str | int | float | bool | None


class Frame(Shape, gc=False):
    """What surrounds every answer."""

    status: int | str
    statusMessage: Text = None


class Rows(Shape, gc=False):
    """A list, with its rows unread."""

    data: list[Raw]


class Kept(Shape, gc=False):
    """A list as it is kept: its rows, whose invoices they are, and the ids of those that Oblio does not know any more.

    What parsing needs is thus at hand whenever it is parsed again, be Oblio there or not.
    """

    data: list[Raw]
    issuer: Party | None = None
    gone: list[str] = field(default_factory=list)


class Token(Shape, gc=False):
    access_token: str
    expires_in: Scalar = None


class Name(Shape, gc=False):
    """What a row is called by."""

    id: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")]


class Linked(Shape, gc=False):
    """Where a row's PDF is: whoever has the link has the document."""

    link: Annotated[str, Meta(min_length=1)]


class Due(Shape, gc=False):
    """Whether a row is among those that Oblio lists as not collected."""

    collected: Scalar = None
    canceled: Scalar = None


class Client(Shape, gc=False):
    name: Text
    cif: Text
    rc: Text = None
    address: Text = None
    city: Text = None
    state: Text = None
    country: Text = None
    email: Text = None
    iban: Text = None


class Product(Shape, gc=False):
    """A line. Only name, code and quantity are in a documented sample."""

    name: str
    quantity: str
    code: Text = None
    measuringUnit: Text = None
    price: Scalar = None
    vatName: Text = None
    vatPercentage: Scalar = None
    vatIncluded: Scalar = None


class Collect(Shape, gc=False):
    """A payment."""

    value: str


class EinvoiceStatus(Shape, gc=False):
    """What the tax authority says."""

    code: int | str


class Invoice(Name, gc=False):
    type: Literal["Factura"]
    draft: Flag
    canceled: Flag
    seriesName: Text
    number: Text
    issueDate: str
    dueDate: Text
    currency: str
    exchangeRate: Text
    total: str
    mentions: Text
    client: Client | None
    products: list[Product] | None
    collects: list[Collect] | None
    einvoiceStatus: EinvoiceStatus | None
    storno: Flag | None = None
    stornoed: Flag | None = None


class Company(Shape, gc=False):
    """A company of the account."""

    cif: str
    company: str


class Series(Shape, gc=False):
    type: str
    name: str
    next: str
    start: Text = None


class VatRate(Shape, gc=False):
    name: str
    percent: int | float | str
    default: bool = False


class Companies(Shape, gc=False):
    data: list[Company]


class SeriesList(Shape, gc=False):
    data: list[Series]


class VatRates(Shape, gc=False):
    data: list[VatRate]

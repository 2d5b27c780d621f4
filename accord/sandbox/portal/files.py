"""The PDFs of documents that the sandbox's own services have issued."""

from collections.abc import Callable
from functools import partial

from accord.sandbox.oblio import files as oblio_files
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.smartbill.company import INVOICE
from accord.sandbox.smartbill.paper import printed
from accord.sandbox.smartbill.service import SmartBill
from accord.sandbox.stripe import files as stripe_files
from accord.sandbox.stripe.service import Stripe


class Files:
    """By connection and key, as documents are named; without services there are none."""

    def __init__(
        self, oblio: Oblio | None = None, smartbill: SmartBill | None = None, stripe: Stripe | None = None
    ) -> None:
        self._oblio, self._smartbill, self._stripe = oblio, smartbill, stripe

    def find(self, connection: str, key: str) -> Callable[[], bytes] | None:
        """What makes the PDF, where one of the services has the document."""
        system = connection.partition("/")[0]
        if system == "oblio" and self._oblio is not None:
            for company in self._oblio.store.companies.values():
                if key in company.documents:
                    return partial(oblio_files.render, company, company.documents[key])
        if system == "smartbill" and self._smartbill is not None:
            for row in self._smartbill.company.of_type(INVOICE):
                if key.rpartition("/")[0] == f"{row['series']}/{int(row['number'])}":
                    return partial(printed, self._smartbill.company, row)
        if system == "stripe" and self._stripe is not None:
            for store in self._stripe.stores.values():
                if (paper := stripe_files.find(store, key)) is not None:
                    return partial(stripe_files.render, store, paper)
        return None

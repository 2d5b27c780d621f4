"""What blocks that hold a credential have in common: where it may travel, and that it may be changed under a run."""

from collections.abc import Callable
from typing import TypeVar, cast

from prefect.blocks.core import Block
from pydantic import AfterValidator, HttpUrl

B = TypeVar("B", bound=Block)


def encrypted(what: str) -> AfterValidator:
    """An address that a credential is sent to, only encrypted, or within this host; `what` names the credential."""

    def check(url: HttpUrl) -> HttpUrl:
        if url.scheme != "https" and url.host not in ("127.0.0.1", "localhost", "[::1]"):
            raise ValueError(f"must begin with https://, or the {what} would travel in the clear")
        return url

    return AfterValidator(check)


def as_saved(block: B) -> B:
    """The block as it is saved by now; itself where it is not."""
    name = block._block_document_name
    return block if name is None else cast(B, type(block).load(name))


def renewed(block: B) -> Callable[[], B]:
    """Gives the block itself at first, and then, each time it is asked, as it is saved by then.

    So a credential that is changed in the Prefect UI is taken up by a run that is under way.
    """
    at_hand = [block]
    return lambda: at_hand.pop() if at_hand else as_saved(block)

"""Names and VAT ids as they are compared: the same firm is written in several ways."""

import re
import unicodedata


def folded(text: str) -> str:
    """Without case, accents and the three ways to write ș and ț; blanks as one."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())


def digits(vat_id: str | None) -> str:
    """A VAT id without its country; empty where it is none, such as "-" or thirteen zeros."""
    found = re.sub(r"\D", "", vat_id or "")
    return found if found.strip("0") else ""

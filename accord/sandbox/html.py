"""What the sandbox's web pages are made with."""

from collections.abc import Callable
from importlib.resources import files

from jinja2 import Environment, Template


def template(package: str, name: str = "page.html", **filters: Callable[..., str]) -> Template:
    """The template that stands beside the code of a package."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    return environment.from_string(files(package).joinpath(name).read_text(encoding="utf-8"))


def units(amount: int, digits: int) -> str:
    """An amount in smallest units as people write it, with so many digits behind the point."""
    sign, whole = ("−" if amount < 0 else ""), abs(amount)
    return f"{sign}{whole // 10**digits:,}.{whole % 10**digits:0{digits}}" if digits else f"{sign}{whole:,}"

"""A customer portal behind an HTTP API: `openapi.yaml` says what it must do, and this package writes to it."""

from importlib.resources import files

from accord.systems.portal_api.client import PortalApi
from accord.systems.portal_api.errors import classify, headers

__all__ = ["PortalApi", "classify", "headers", "openapi"]


def openapi() -> bytes:
    """The description of the API, as YAML."""
    return files(__name__).joinpath("openapi.yaml").read_bytes()

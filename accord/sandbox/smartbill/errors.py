"""SmartBill's error answers in their three shapes: the envelope, the problem and the web page."""

from typing import Any

_DOCS = "https://api.smartbill.ro/#errors"
_PAGE = "<html><head><title>{status}</title></head><body><h1>{status} {title}</h1></body></html>"


class SmartBillError(Exception):
    """An answer that ends a request; a text as body is a web page."""

    def __init__(self, status: int, body: dict[str, Any] | str, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.headers = headers or {}


def envelope(text: str = "", message: str = "", series: str = "", number: str = "", **more: Any) -> dict[str, Any]:
    """What SmartBill answers with, be it well or not: an empty errorText is success."""
    return {"errorText": text, "message": message, "number": number, "series": series, "url": "", **more}


def refusal(text: str, status: int = 400, **more: Any) -> SmartBillError:
    """A business error."""
    return SmartBillError(status, envelope(text, **more))


def problem(status: int, code: str, message: str, path: str, param: str | None = None) -> SmartBillError:
    """An error in the request's form."""
    error = {"code": code, "message": message, "docUrl": _DOCS, "param": param}
    return SmartBillError(
        status, {"status": status, "type": "invalid_request_error", "instance": path, "errors": [error]}
    )


def web_page(status: int, title: str) -> SmartBillError:
    """What stands before SmartBill answers so when something behind it fails."""
    return SmartBillError(status, _PAGE.format(status=status, title=title))


def unauthorized(
    text: str = "Autentificare esuata. Va rugam verificati datele si incercati din nou.",
) -> SmartBillError:
    return SmartBillError(
        401,
        {
            "key": None,
            "successfully": False,
            "errorText": text,
            "errorCode": "0",
            "message": None,
            "operationExecuted": False,
            "cooldown": 0,
            "needsConsent": False,
        },
    )

"""A browser that runs no JavaScript, for the pages of the sandbox."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module alone: while it is open, the thread has an event loop that others would stumble over."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without JavaScript, which fails the test where a request fails or anything is said on the console."""
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("requestfailed", lambda request: said.append(f"{request.url} failed"))
    yield tab
    context.close()
    # A form that is refused is told so on its page; Chromium says it on the console besides.
    assert [one for one in said if not re.search(r"status of (409|422) ", one)] == []

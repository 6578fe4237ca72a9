"""A real Chromium for tests of the pages, by Playwright; without either a test is skipped with the reason."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium():
    """A running browser; no page of it reaches a network that it is not asked to."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install -e '.[test]'")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser for the pages: none of {', '.join(NAMES)} is there (apt install chromium)")
    with api.sync_playwright() as playwright:
        # the sandbox needs rights that a container's root has not
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page, and whatever it should not do: console errors, uncaught errors, requests beyond itself.

    Args:
        browser: see `chromium`.
        path: Path of the HTML file.
        hash: str, what stands behind the #.
        options: of `browser.new_context`, such as viewport, color_scheme.
    """

    def __init__(self, browser, path, hash="", **options):
        self.problems = []
        self.context = browser.new_context(accept_downloads=True, **options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.on("console", lambda message: message.type in ("error", "warning") and self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", self._asked)
        self.url = path.resolve().as_uri()
        self.page.goto(self.url + hash)

    def _note(self, text):
        self.problems.append(text)

    def _asked(self, request):
        if not request.url.startswith((self.url, "data:", "blob:")):
            self._note(f"asked for {request.url}")

    def close(self):
        """Close it; AssertionError if it did what it should not."""
        self.context.close()
        assert not self.problems, self.problems

"""A real browser at the console: what it must never see, axe over a page, and pictures of it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

AXE = (Path(__file__).parent / "axe" / "axe-4.10.3.min.js").read_text("utf-8")
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def launched(playwright: Playwright) -> Browser:
    """The system's own Chromium, without a window."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    assert found, "these tests need Chromium (Debian, Ubuntu: apt-get install chromium)"
    return playwright.chromium.launch(executable_path=found)


@contextmanager
def running(home: Path, *command: str) -> Iterator[str]:
    """`stillwatch COMMAND --home DIR --json` as a process of its own; the address that it tells."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stillwatch", *command, "--home", str(home), "--json"],
        stdout=subprocess.PIPE, text=True, cwd=home,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = ""
        while (found := re.search(r'"url": "([^"]+)"', told)) is None:
            line = process.stdout.readline()
            assert line, f"it ended: {told}"
            told += line
        yield found[1]
    finally:
        process.terminate()
        process.wait(timeout=20)


class Watched:
    """A page of a browser, and everything that went wrong on it."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        self.page.on("console", self._said)
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message[:80]}")
        dialog.dismiss()

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.faults.append(f"{message.type} in the browser's console on {self.page.url}: {message.text[:200]}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.faults.append(f"asks elsewhere: {request.url[:120]}")

    def _failed(self, request: Any) -> None:
        if request.failure not in ("net::ERR_ABORTED", None):
            self.faults.append(f"failed: {request.url[:120]} {request.failure}")

    def settle(self) -> Page:
        """The page once its charts are drawn: each when it comes into sight."""
        for chart in self.page.locator("[data-chart]").all():
            chart.scroll_into_view_if_needed()
            self.page.wait_for_timeout(100)
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.wait_for_timeout(300)
        return self.page

    def too_wide(self) -> int:
        """Pixels that the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width

    def serious(self) -> list[str]:
        """What axe finds serious or critical, WCAG 2.2 A and AA."""
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        return [
            f"{v['impact']} {v['id']}: {v['help']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:160]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]


def themed(browser: Browser, address: str, theme: str, size: dict[str, int] | None = None) -> BrowserContext:
    """A fresh visitor with a theme and a window."""
    context = browser.new_context(viewport=size or WIDE, accept_downloads=True)  # type: ignore[arg-type]
    context.add_cookies([{"name": "stillwatch_theme", "value": theme, "url": address}])
    return context


def take_picture(page: Page, file: Path, most_high: int = 6000) -> None:
    """A screenshot with few colours, which nobody sees, down to so many pixels."""
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled")))
    image = image.crop((0, 0, image.width, min(image.height, most_high)))
    image.convert("RGB").quantize(128).save(file, optimize=True)


def wait_for(true: Any, seconds: float) -> float:
    """Seconds until it holds; fails where it does not in time."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "not in time"
        time.sleep(0.02)
    return time.monotonic() - began

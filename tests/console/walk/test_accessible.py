"""axe finds nothing serious on any page of the console, in the light and in the dark, nor is a page too wide."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import PHONE, WIDE, Watched, running, themed
from playwright.sync_api import Browser
from test_days_work import free_port, look_alike_of, pages_of

from stillwatch.report.findings import read_findings


def _long_on_a_phone(watched: Watched, address: str) -> list[str]:
    """A table that shows more than five rows at once, or does not show the others when asked."""
    watched.page.goto(address)
    page, rows = watched.settle(), "#accounts tbody tr:visible"
    first = page.locator(rows).count()
    page.locator("#accounts .more-rows").click()
    then = page.locator(rows).count()
    return [] if first == 5 < then else [f"the phone's table shows {first}, then {then} rows"]


@pytest.mark.slow
def test_no_page_has_a_serious_fault_of_accessibility_or_is_too_wide(day: Path, browser: Browser) -> None:
    campaign = read_findings(day).campaign_rows()[0]["campaign_id"]
    with running(day, "console", "--no-browser", "--port", str(free_port())) as link:
        base = link.split("/login")[0]
        first = themed(browser, link, "light")
        first.new_page().goto(link)
        cookies = [c for c in first.cookies() if c["name"] != "stillwatch_theme"]
        faults = []
        for theme, size in (("light", WIDE), ("dark", WIDE), ("light", PHONE)):
            visit = themed(browser, base, theme, size)
            visit.add_cookies(cookies)  # type: ignore[arg-type]
            watched = Watched(visit)
            for path in (*pages_of(campaign, look_alike_of(day)).values(), "/login"):
                watched.page.goto(base + path)
                watched.settle()
                faults += [f"{theme} {size['width']} {path}: {fault}" for fault in watched.serious()]
                if watched.too_wide() > 0:
                    faults.append(f"{theme} {size['width']} {path}: {watched.too_wide()} pixels too wide")
            faults += watched.faults
            if size is PHONE:
                faults += _long_on_a_phone(watched, base + f"/campaigns/{campaign}")
            visit.close()
        first.close()
    assert faults == []

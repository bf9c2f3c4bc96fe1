"""An analyst's day in a real browser, from a new campaign to a gateway that refuses one of its accounts."""

from __future__ import annotations

import csv
import os
import re
import socket
import time
from pathlib import Path

import pytest
from browsing import PHONE, WIDE, Watched, running, take_picture, themed, wait_for
from playwright.sync_api import Browser, Page, expect

from stillwatch.decide.record import Record, Who
from stillwatch.decide.tokens import make_token
from stillwatch.report.findings import read_findings
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.follow import Follower
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.settings import GatewaySettings

PICTURES = os.environ.get("STILLWATCH_PICTURES", "")
"""A folder that pictures of every page are written to; none: no pictures."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def gateway_on(home: Path, address: str) -> tuple[Judge, Follower]:
    """A gateway's own judge, following the service at `address`."""
    record = Record(home)
    token = make_token(record, Who("ann", "approver"), "a gateway", "gateway", time.time())
    record.close()
    settings = GatewaySettings(url=address, token=token, wait_s=5.0, post_every_s=0.3, known_every_s=0.5)
    cache = Cache()
    judge = Judge(cache, settings=settings)
    follower = Follower(cache, judge, settings=settings)
    follower.start()
    assert follower.wait_ready(20)
    return judge, follower


def look_alike_of(home: Path) -> str:
    """An account in no campaign whose own conduct looks most like one."""
    accounts = [row for row in read_findings(home).accounts.to_pylist() if row["campaign_id"] is None]
    return str(max(accounts, key=lambda row: (row["score"] or 0.0, row["exchanges"], row["account_id"]))["account_id"])


@pytest.mark.slow
def test_a_whole_days_work(day: Path, browser: Browser, tmp_path: Path) -> None:
    with (
        running(day, "console", "--no-browser", "--port", str(free_port())) as link,
        running(day, "serve", "--port", str(free_port())) as service,
    ):
        judge, follower = gateway_on(day, service)
        context = themed(browser, link, "light")
        watched = Watched(context)
        page = watched.page
        try:
            page.goto(link)
            campaign = finds_the_new_campaign(page)
            reads_why(watched)
            reveals_phrases(page, day)
            marks_a_look_alike_as_wrong(page, look_alike_of(day))
            accounts = approves_the_suspension(page, campaign, judge)
            sees_it_reach_the_gateway(page, judge, accounts)
            exports_the_accounts(page, campaign, len(accounts), tmp_path)
            assert watched.faults == []
            if PICTURES:
                takes_pictures(browser, context, page, Path(PICTURES), campaign, look_alike_of(day))
        finally:
            follower.stop()
            context.close()


def finds_the_new_campaign(page: Page) -> str:
    """What is new since the sweep before is beside the list of campaigns."""
    expect(page.get_by_role("heading", name="Campaigns", exact=False).first).to_be_visible()
    news = page.locator("section", has=page.locator("#news-title"))
    news.get_by_role("link", name=re.compile("[Rr]eplay")).click()
    expect(page.locator("dl.figures .big")).to_contain_text("almost certain")
    return page.url.rsplit("/", 1)[-1]


def reads_why(watched: Watched) -> None:
    """The sentence, the waterfall, the network, and the innocent explanations that were weighed."""
    page = watched.settle()
    expect(page.locator("p.sum")).to_contain_text("accounts")
    for chart in ("waterfall", "timeline", "network"):
        assert page.locator(f'[data-chart="{chart}"] canvas, [data-chart="{chart}"] svg').count(), chart
    expect(page.locator("#innocent")).to_contain_text("Look-alikes")
    assert page.locator("#innocent tbody tr").count() > 3
    assert watched.too_wide() <= 0


def reveals_phrases(page: Page, home: Path) -> None:
    """Asking needs a reason, which the audit log keeps; phrases come when the logs were read again."""
    page.get_by_role("link", name="Common phrases").click()
    page.get_by_label("What for").fill("to see what these sessions are")
    page.get_by_role("button", name="Reveal its common phrases").click()
    expect(page.locator("td.n").first).to_be_visible(timeout=120_000)
    assert page.locator(".phrase").count() >= 5
    assert re.search(r"[2-9]\d unrelated accounts", page.inner_text("#job"))
    record = Record(home)
    lines = record.rows("SELECT * FROM audit WHERE what='revealed common phrases'")
    record.close()
    assert len(lines) == 1 and "to see what these sessions are" in lines[0]["details"]


def marks_a_look_alike_as_wrong(page: Page, account: str) -> None:
    """Searched for by its id, read, and found to be accused wrongly; from then on nothing touches it."""
    page.locator("#find").fill(account)
    page.locator("#find").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(account[:20])
    expect(page.locator("#why-title")).to_contain_text("no campaign")
    page.get_by_label("Why", exact=True).fill("our own evaluation run, the team confirmed it")
    page.get_by_role("button", name="Mark as wrong").click()
    expect(page.get_by_text("Left alone: allowed, or found to be accused wrongly.")).to_be_visible()


def approves_the_suspension(page: Page, campaign: str, judge: Judge) -> list[str]:
    """The policy proposes it; until a person approves, the gateway lets everybody pass."""
    page.get_by_role("link", name="Decisions", exact=False).first.click()
    page.get_by_role("button", name="Bring decisions in line").click()
    expect(page.get_by_text("waiting for approval").first).to_be_visible()
    page.goto(page.url.split("/decisions")[0] + f"/campaigns/{campaign}")
    page.get_by_role("link", name="Look at what waits: suspend").click()
    accounts = page.locator("ul.ids a").all_inner_texts()
    assert judge.judge(Caller(accounts[0]), None).action == ""
    page.get_by_label("What you looked at").fill("why it is reported, its phrases, the look-alikes")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("holds now. Gateways learn of it at once.")).to_be_visible()
    return accounts


def sees_it_reach_the_gateway(page: Page, judge: Judge, accounts: list[str]) -> None:
    """A real gateway refuses within seconds, and what it did comes back to the page."""
    wait_for(lambda: judge.judge(Caller(accounts[0]), None).action == "suspend", 10)
    assert judge.judge(Caller("somebody-else"), None).action == ""

    def acted() -> bool:
        page.reload()
        return page.locator("dl.figures div", has_text="Acted").locator("dd").inner_text() not in ("0", "")

    wait_for(acted, 20)
    expect(page.get_by_role("heading", name="What gateways did")).to_be_visible()


def exports_the_accounts(page: Page, campaign: str, suspended: int, folder: Path) -> None:
    """The campaign's accounts as a file that a spreadsheet opens."""
    page.goto(page.url.split("/decisions")[0] + f"/campaigns/{campaign}#accounts")
    sheet = page.locator("section#accounts")
    sheet.locator("details.export summary").click()
    with page.expect_download() as download:
        sheet.get_by_role("link", name="CSV").click()
    file = folder / "accounts.csv"
    download.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as read:
        rows = list(csv.DictReader(read))
    assert len(rows) >= suspended > 0
    assert all(row["account_id"].startswith("acct_") for row in rows)


def pages_of(campaign: str, account: str) -> dict[str, str]:
    """Name to path of every page that there is a picture of."""
    return {
        "today": "/", "campaign": f"/campaigns/{campaign}", "account": f"/accounts/{account}", "accounts": "/accounts",
        "decisions": "/decisions?state=all", "reveal": f"/reveal/{campaign}", "appeals": "/appeals?open=0",
        "what-if": "/what-if", "audit": "/audit", "search": "/search?q=acct_1", "keys": "/keys",
        "wrong": "/campaigns/C-0",
    }  # fmt: skip


def takes_pictures(browser: Browser, context: object, page: Page, folder: Path, campaign: str, account: str) -> None:
    """Every page in light and dark, and on a phone."""
    base = page.url.split("/campaigns")[0]
    page.goto(f"{base}/decisions?state=all")
    decision = page.locator("a[href^='/decisions/D-']").first.get_attribute("href")
    cookies = page.context.cookies()
    for look, theme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", PHONE)):
        visit = themed(browser, base, theme, size)
        visit.add_cookies([c for c in cookies if c["name"] != "stillwatch_theme"])  # type: ignore[misc]
        watched = Watched(visit)
        for name, path in {**pages_of(campaign, account), "decision": decision or "", "login": "/login"}.items():
            watched.page.goto(base + path)
            take_picture(watched.settle(), folder / f"{name}-{look}.png")
        visit.close()

"""Whatever a log or an accounts file holds, no page runs it, breaks under it or grows wider than its window."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from browsing import Watched, running, themed
from playwright.sync_api import Browser
from test_days_work import free_port

from stillwatch.decide import people
from stillwatch.decide.record import Record, Who
from stillwatch.report.findings import read_findings

MOST_OF_A_KIND = 6
ATTACK = "<script>alert('P')</script>=1+1\u202e" + "W" * 1500


def kind_of(url: str) -> str:
    """Pages of one kind differ in their ids only."""
    parts = urlsplit(url)
    names = re.sub(r"=[^&]*", "", parts.query)
    return re.sub(r"(/(?:campaigns|accounts|decisions|appeals|reveal)/)[^/]+", r"\1*", parts.path) + "?" + names


def act_badly(home: Path) -> None:
    """What people and customers can write: a note, a verdict, an appeal, an allowance."""
    record, ann = Record(home), Who("<b>ann</b>", "approver")
    findings = read_findings(home)
    account = findings.campaign_rows()[0]["account_ids"][0]
    people.note(record, ann, 1.8e9, kind="account", subject=account, text=ATTACK)
    people.appeal(record, ann, account, 1.8e9, says=ATTACK)
    people.give_verdict(record, ann, 1.8e9, kind="account", subject=account, verdict="confirm", reason=ATTACK)
    people.allow(record, ann, 1.8e9, scope="account", value=account, reason=ATTACK)
    record.close()


@pytest.mark.slow
def test_hostile_logs_run_nothing_and_break_no_page(hostile_home: Path, browser: Browser) -> None:
    assert len(read_findings(hostile_home).campaign_rows()) >= 2, "the poisoned traffic still holds its campaigns"
    act_badly(hostile_home)
    with running(hostile_home, "console", "--no-browser", "--port", str(free_port())) as link:
        context = themed(browser, link, "light")
        watched = Watched(context)
        watched.page.goto(link)
        base = link.split("/login")[0]
        waiting, seen, met, faults = [base + "/"], set(), {}, []
        while waiting:
            url = waiting.pop(0)
            kind = kind_of(url)
            if url in seen or met.get(kind, 0) >= MOST_OF_A_KIND:
                continue
            seen.add(url)
            met[kind] = met.get(kind, 0) + 1
            answer = watched.page.goto(url)
            page = watched.settle()
            if answer is None or answer.status >= 400:
                faults.append(f"{kind} {url[:150]}: status {answer.status if answer else None}")
            if watched.too_wide() > 0:
                faults.append(f"{kind} {url[:150]}: {watched.too_wide()} pixels too wide")
            faults += [f"{kind}: {fault}" for fault in watched.faults]
            watched.faults.clear()
            links = page.eval_on_selector_all(
                "main a[href], nav a[href]", "all => all.map(a => a.getAttribute('href'))"
            )
            for href in links:
                full = urljoin(page.url, href).split("#")[0]
                assert full.startswith((base, "https://atlas.mitre.org/techniques/AML.T")), (
                    f"a link leads to {full[:80]}"
                )
                if full.startswith(base) and not urlsplit(full).path.startswith(("/tables/", "/static/")):
                    waiting.append(full)
        context.close()
    assert faults == []
    assert {k.split("?")[0] for k in met} >= {"/", "/campaigns/*", "/accounts/*", "/decisions/*", "/appeals", "/audit"}

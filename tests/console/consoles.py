"""Consoles to ask: over findings made by hand, with a decision that waits, and browsers that are logged in."""

from __future__ import annotations

import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))

import hand_made as made

from decide.place import ANN, facts, finding, policy
from stillwatch.console.app import create_console
from stillwatch.decide.decide import decide
from stillwatch.decide.record import Record
from stillwatch.decide.tokens import make_token
from stillwatch.report.findings import Findings
from stillwatch.settings import Settings
from stillwatch.store import open_store

PLACE = "http://127.0.0.1:8766"


def home_with(folder: Path, found: Findings | None) -> Path:
    """A home with a store and, where given, findings with their pictures."""
    open_store(folder, create=True).close()
    if found is not None:
        made.leave(folder, found)
        made.pictures(folder)
    Record(folder).close()
    return folder


def decided(home: Path) -> str:
    """Lets a policy propose to suspend the ring; the decision that waits."""
    record = Record(home)
    ring = finding("sw-ring", members=tuple(f"acct-{i:04d}" for i in range(30)))
    decide(record, policy(), facts(ring), time.time())
    waiting = record.rows("SELECT decision_id FROM decisions WHERE state='proposed'")
    record.close()
    return str(waiting[0]["decision_id"])


def browser(home: Path, role: str = "approver", name: str = "", app: Any = None) -> TestClient:
    """A browser in which somebody with a role has logged in."""
    record = Record(home)
    token = make_token(record, ANN, name or f"a {role}", role, time.time())
    record.close()
    client = stranger(home, app)
    assert client.post("/login", data={"token": token}).status_code == 200
    return client


def stranger(home: Path, app: Any = None) -> TestClient:
    """A browser in which nobody is logged in."""
    return TestClient(app or create_console(home, Settings()), base_url=PLACE)


def mark_of(client: TestClient, path: str = "/keys") -> str:
    """The mark that this session's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def do(client: TestClient, path: str, **fields: str) -> Any:
    """Sends a form as the page would."""
    return client.post(path, data={"csrf": mark_of(client), "back": "/", **fields})


class Reading(HTMLParser):
    """What of a page matters here: links, forms, elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == "form":
            self.forms.append(str(given.get("action", "")))

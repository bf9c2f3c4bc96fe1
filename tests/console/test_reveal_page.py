"""Common phrases are asked for with a reason, shown to who asked, and the asking is in the log whatever comes of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from consoles import browser, do

from stillwatch.console import longer
from stillwatch.decide.record import Record
from stillwatch.reveal import Phrase, Revealed


def answered(client: Any, path: str) -> str:
    until = time.monotonic() + 20
    text = str(client.get(path).text)
    while "Look again" in text and time.monotonic() < until:
        time.sleep(0.05)
        text = client.get(path).text
    return text


def test_a_phrase_is_shown_to_who_asked_and_to_nobody_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def found(home: Path, campaign_id: str, logs: list[str], **more: Any) -> Revealed:
        asked.append((campaign_id, logs, more["k"], more["least_orgs"]))
        return Revealed((Phrase("think <step> by step", 24, 21, 900),), 1200, ("old.jsonl",), "A sample was read.")

    monkeypatch.setattr(longer, "reveal_phrases", found)
    app_client = browser(home, "analyst", name="Lin")
    assert "a.jsonl\nb.jsonl" in app_client.get("/reveal/sw-ring").text
    assert do(app_client, "/reveal/sw-ring", reason=" ").status_code == 409
    do(app_client, "/reveal/sw-ring", reason="case 12", logs="a.jsonl\n\nb.jsonl")
    text = answered(app_client, "/reveal/sw-ring")
    assert "think &lt;step&gt; by step" in text and "old.jsonl" in text and "A sample was read." in text
    assert asked == [("sw-ring", ["a.jsonl", "b.jsonl"], 20, 3)]
    other = browser(home, "analyst", name="Ada", app=app_client.app)
    assert "by step" not in other.get("/reveal/sw-ring").text
    line = Record(home).rows("SELECT * FROM audit WHERE what='revealed common phrases'")[0]
    assert (line["who"], line["subject"], json.loads(line["details"])["reason"]) == ("Lin", "sw-ring", "case 12")


def test_logs_that_are_gone_are_named_and_nothing_is_shown(home: Path) -> None:
    client = browser(home, "analyst")
    do(client, "/reveal/sw-ring", reason="case 13", logs=str(home / "nothing.jsonl"))
    text = answered(client, "/reveal/sw-ring")
    assert 'Phrases <span class="total">0</span>' in text
    assert Record(home).rows("SELECT * FROM audit WHERE what='revealed common phrases'")

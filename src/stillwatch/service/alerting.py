"""Sends a home's alerts to the webhook and to Slack: in order, each once, by whichever process has the turn."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from stillwatch.decide.record import Record
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.service.alerts import check_url, send, sentence, slack_form
from stillwatch.settings import Settings
from stillwatch.store import locked

_LONGEST_PAUSE_S = 300.0
_LOCK = "alerts.lock"


class Alerting:
    """What `[decide]` names is told of what happened since it was told last. UsageError where a URL is none."""

    def __init__(self, home: Path, settings: Settings, count: Callable[[str], None] = lambda outcome: None) -> None:
        self._home, self._count = home, count
        forms: tuple[tuple[str, Callable[[str, dict[str, Any]], dict[str, Any]]], ...] = (
            ("webhook", _plain), ("slack", slack_form),
        )  # fmt: skip
        self._receivers = [(name, url, form) for name, form in forms if (url := getattr(settings.decide, name))]
        for name, url, _ in self._receivers:
            check_url(f"[decide] {name}", url)
        self._failed: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._receivers)

    def alerts(self, record: Record) -> None:
        """One turn: what waits is sent, unless another process of this home is at it."""
        with suppress(UsageError), locked(self._home, _LOCK):
            for name, url, form in self._receivers:
                if time.monotonic() >= self._due.get(name, 0.0):
                    self._send_to(record, name, url, form)

    def _send_to(
        self, record: Record, name: str, url: str, form: Callable[[str, dict[str, Any]], dict[str, Any]]
    ) -> None:
        mark = f"alerts sent to {name}"
        done = record.db.execute("SELECT value FROM meta WHERE name=?", (mark,)).fetchone()
        since = int(done[0]) if done else _latest(record, mark)
        for row in record.rows("SELECT * FROM alerts WHERE alert_id > ? ORDER BY alert_id LIMIT 100", (since,)):
            try:
                send(url, form(row["event"], json.loads(row["body"])))
                self._count("sent")
            except StillwatchError as error:
                # Kept in order and asked again later; the other receiver does not wait for this one.
                self._failed[name] = self._failed.get(name, 0) + 1
                pause = min(2.0 ** min(self._failed[name] - 1, 30), _LONGEST_PAUSE_S)
                self._due[name] = time.monotonic() + pause
                self._count("failed")
                if self._failed[name] == 1:
                    print(f"{name}: {error}; will try again", file=sys.stderr)
                return
            self._failed[name] = 0
            with record.act() as db:
                db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (mark, str(row["alert_id"])))


def _plain(event: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"event": event, "text": sentence(event, body), **body}


def _latest(record: Record, mark: str) -> int:
    """Who starts for the first time tells of what comes, not of all that was."""
    latest = int(record.db.execute("SELECT coalesce(max(alert_id), 0) FROM alerts").fetchone()[0])
    with record.act() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (mark, str(latest)))
    return latest

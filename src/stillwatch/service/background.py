"""What the service does by itself: ends what has run out, sends alerts, feeds the Redis that gateways share."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stillwatch.decide.gateways import take_reports
from stillwatch.decide.live import delta, expire
from stillwatch.decide.record import Record, Who
from stillwatch.errors import StillwatchError
from stillwatch.service.alerts import check_url, send, sentence, slack_form
from stillwatch.service.metrics import Metrics
from stillwatch.settings import Settings

_LONGEST_PAUSE_S = 300.0
_BEAT_S = 20.0
_SHARED = Who("shared cache", "gateway")


class Background:
    """Threads that end with the service. Nothing in them stops it; what fails is counted and tried again."""

    def __init__(
        self, home: Path, settings: Settings, metrics: Metrics, clock: Callable[[], float],
        known: Callable[[], tuple[str, bytes]], rules: tuple[bytes, str], knows: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._home, self._settings, self._metrics, self._clock, self._known = home, settings, metrics, clock, known
        self._rules, self._knows = rules, knows
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        for name in ("webhook", "slack"):
            if url := getattr(settings.decide, name):
                check_url(f"[decide] {name}", url)

    def start(self) -> None:
        """Starts what the settings ask for."""
        work: list[Callable[[], None]] = [self._expiry]
        if self._settings.decide.webhook or self._settings.decide.slack:
            work.append(self._alerts)
        if self._settings.decide.redis:
            work += [self._publish, self._collect]
        self._threads = [threading.Thread(target=w, name=f"stillwatch{w.__name__}", daemon=True) for w in work]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=6.0)

    def _every(self, seconds: float, turn: Callable[[Record], None]) -> None:
        record: Record | None = None
        told = 0.0
        while not self._stop.is_set():
            try:
                record = record or Record(self._home)
                turn(record)
            except Exception as error:  # a service that decides nothing is worse than one that tries again
                if time.monotonic() - told > 60 or not told:
                    told = time.monotonic()
                    what = str(error) if isinstance(error, StillwatchError) else type(error).__name__
                    print(f"{turn.__name__.strip('_')}: {what}; will try again", file=sys.stderr)
                record = None
            self._stop.wait(seconds)

    def _expiry(self) -> None:
        def expiry(record: Record) -> None:
            expire(record, self._clock())

        self._every(5.0, expiry)

    def _alerts(self) -> None:
        failed: dict[str, int] = {}
        due: dict[str, float] = {}

        def alerts(record: Record) -> None:
            for name, form in (("webhook", _plain), ("slack", slack_form)):
                url = getattr(self._settings.decide, name)
                if not url or time.monotonic() < due.get(name, 0.0):
                    continue
                mark = f"alerts sent to {name}"
                done = record.db.execute("SELECT value FROM meta WHERE name=?", (mark,)).fetchone()
                since = int(done[0]) if done else _latest(record, mark)
                for row in record.rows("SELECT * FROM alerts WHERE alert_id > ? ORDER BY alert_id LIMIT 100", (since,)):
                    try:
                        send(url, form(row["event"], json.loads(row["body"])))
                        self._metrics.alerts.labels("sent").inc()
                    except StillwatchError as error:
                        # Kept in order and asked again later; the other receiver does not wait for this one.
                        failed[name] = failed.get(name, 0) + 1
                        due[name] = time.monotonic() + min(2.0 ** (failed[name] - 1), _LONGEST_PAUSE_S)
                        self._metrics.alerts.labels("failed").inc()
                        if failed[name] == 1:
                            print(f"{name}: {error}; will try again", file=sys.stderr)
                        break
                    failed[name] = 0
                    with record.act() as db:
                        db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (mark, str(row["alert_id"])))

        self._every(1.0, alerts)

    def _shared_cache(self) -> Any:
        import redis

        return redis.Redis.from_url(self._settings.decide.redis, socket_timeout=5.0)

    def _collect(self) -> None:
        """Reports of gateways; apart from what is published, which no fault here must hold up."""
        from stillwatch_gateway.shared_cache import acknowledge, handed_in

        client = self._shared_cache()

        def reports(record: Record) -> None:
            for kind in ("usage", "sightings"):
                if entries := handed_in(client, kind):
                    take_reports(record, _SHARED, kind, entries, self._clock(), known=self._knows)
                    acknowledge(client, kind, entries)

        self._every(0.2, reports)

    def _publish(self) -> None:
        from stillwatch_gateway.shared_cache import PREFIX, publish

        client = self._shared_cache()
        sent_cursor, sent_known, beat = -1, "", 0.0

        def shared_cache(record: Record) -> None:
            nonlocal sent_cursor, sent_known, beat
            etag, body = self._known()
            cursor = record.cursor()
            fresh = sent_cursor < 0 or not client.exists(f"{PREFIX}cursor")  # or the cache lost what it had
            due = time.monotonic() - beat > _BEAT_S
            if not fresh and not due and (sent_cursor, sent_known) == (cursor, etag):
                return
            try:
                changes = delta(record, 0 if fresh else sent_cursor, self._clock())
                told = {**changes, "known": etag, "now": self._clock()}
                publish(
                    client, told, changes["upsert"] if changes["reset"] else None,
                    (body, etag) if fresh or sent_known != etag else None, rules=self._rules if fresh else None,
                )  # fmt: skip
                sent_cursor, sent_known, beat = int(changes["cursor"]), etag, time.monotonic()
                self._metrics.published.labels("sent").inc()
            except Exception:
                self._metrics.published.labels("failed").inc()
                raise

        self._every(0.2, shared_cache)


def _plain(event: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"event": event, "text": sentence(event, body), **body}


def _latest(record: Record, mark: str) -> int:
    """A service that starts for the first time tells of what comes, not of all that was."""
    latest = int(record.db.execute("SELECT coalesce(max(alert_id), 0) FROM alerts").fetchone()[0])
    with record.act() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (mark, str(latest)))
    return latest

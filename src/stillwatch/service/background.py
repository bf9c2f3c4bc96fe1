"""What the service does by itself: ends what has run out, sends alerts, feeds the Redis that gateways share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stillwatch.decide.gateways import take_reports
from stillwatch.decide.live import delta, expire
from stillwatch.decide.record import Record, Who
from stillwatch.service.alerting import Alerting
from stillwatch.service.metrics import Metrics
from stillwatch.service.turns import take_turns
from stillwatch.settings import Settings

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
        self._alerting = Alerting(home, settings, lambda outcome: metrics.alerts.labels(outcome).inc())

    def start(self) -> None:
        """Starts what the settings ask for."""
        work: list[Callable[[], None]] = [self._expiry]
        if self._alerting:
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
        take_turns(self._home, self._stop, seconds, turn)

    def _expiry(self) -> None:
        def expiry(record: Record) -> None:
            expire(record, self._clock())

        self._every(5.0, expiry)

    def _alerts(self) -> None:
        self._every(1.0, self._alerting.alerts)

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


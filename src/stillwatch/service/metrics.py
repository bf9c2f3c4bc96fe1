"""Prometheus metrics of the service: decisions by action and state, what waits, what gateways did, how it answers."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from stillwatch.decide.record import Record


class Metrics:
    """One registry a service, so that several in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "stillwatch_http_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram("stillwatch_http_seconds", "Seconds to an answer", ("route",), registry=self.registry)
        self._live = Gauge(
            "stillwatch_decisions", "Decisions that hold or wait", ("action", "state", "mode"), registry=self.registry
        )
        self._waiting = Gauge(
            "stillwatch_waiting_for_approval", "Decisions that wait for a person", registry=self.registry
        )
        self._appeals = Gauge("stillwatch_open_appeals", "Appeals that wait for an answer", registry=self.registry)
        self._acted = Gauge("stillwatch_gateway_acted", "Requests acted on", ("gateway",), registry=self.registry)
        self._would = Gauge(
            "stillwatch_gateway_would_have_acted",
            "Requests that a simulation met",
            ("gateway",),
            registry=self.registry,
        )
        self._swept = Gauge("stillwatch_findings_age_seconds", "Since the latest sweep", registry=self.registry)
        self._audit = Gauge("stillwatch_audit_lines", "Lines of the audit log", registry=self.registry)
        self.alerts = Counter("stillwatch_alerts", "Alerts by outcome", ("outcome",), registry=self.registry)
        self.published = Counter(
            "stillwatch_redis_published", "Deltas by outcome", ("outcome",), registry=self.registry
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        self._answers.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, record: Record, now: float, home: Path) -> bytes:
        """The metrics in Prometheus' text form, gauges read now."""
        self._live.clear()
        for row in record.rows(
            "SELECT action, state, mode, count(*) AS n FROM decisions WHERE state IN ('proposed','active') "
            "AND expires_at > ? GROUP BY action, state, mode",
            (now,),
        ):
            self._live.labels(row["action"], row["state"], row["mode"]).set(row["n"])
        waiting = record.rows("SELECT count(*) AS n FROM decisions WHERE state='proposed' AND expires_at > ?", (now,))
        self._waiting.set(waiting[0]["n"])
        self._appeals.set(record.rows("SELECT count(*) AS n FROM appeals WHERE state LIKE 'open%'")[0]["n"])
        for row in record.rows("SELECT gateway, sum(acted) AS acted, sum(would) AS would FROM usage GROUP BY gateway"):
            self._acted.labels(row["gateway"]).set(row["acted"])
            self._would.labels(row["gateway"]).set(row["would"])
        run = home / "findings" / "run.json"
        if run.is_file():
            self._swept.set(now - run.stat().st_mtime)
        self._audit.set(record.rows("SELECT coalesce(max(seq), 0) AS n FROM audit")[0]["n"])
        return generate_latest(self.registry)

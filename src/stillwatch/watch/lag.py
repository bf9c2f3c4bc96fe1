"""How far a watch is behind, for Prometheus: rows, the age of the newest one, sources that are away, sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from stillwatch.errors import OutsideError
from stillwatch.watch.intaking import Batch


class Lag:
    """One registry a watch."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._rows = Counter("stillwatch_watch_rows", "Rows read, by outcome", ("outcome",), registry=self.registry)
        self._behind = Gauge("stillwatch_watch_rows_behind", "Rows that wait", ("source",), registry=self.registry)
        self._away = Gauge("stillwatch_watch_source_away", "1 where it is away", ("source",), registry=self.registry)
        self._store = Gauge("stillwatch_watch_store_failing", "1 where batches cannot be kept", registry=self.registry)
        self._age = Gauge("stillwatch_watch_newest_row_age_seconds", "Age of the newest row", registry=self.registry)
        self._sweeps = Counter("stillwatch_watch_sweeps", "Sweeps, by outcome", ("outcome",), registry=self.registry)
        self._took = Gauge("stillwatch_watch_sweep_seconds", "What the last sweep took", registry=self.registry)

    def serve(self, port: int, newest_at: Callable[[], float | None]) -> None:
        """Answers on loopback. OutsideError where the port is taken."""
        self._age.set_function(lambda: max(0.0, time.time() - at) if (at := newest_at()) is not None else float("nan"))
        try:
            start_http_server(port, "127.0.0.1", registry=self.registry)
        except OSError as error:
            raise OutsideError("--metrics-port", f"{port} cannot be listened on", "name another port") from error

    def took(self, batch: Batch) -> None:
        """Counts a batch."""
        for outcome in ("kept", "quarantined", "duplicates"):
            self._rows.labels(outcome).inc(getattr(batch, outcome))

    def stands(self, source: str, behind: int | None, away: bool) -> None:
        """How a source stands."""
        self._behind.labels(source).set(float("nan") if behind is None else behind)
        self._away.labels(source).set(away)

    def store(self, failing: bool) -> None:
        """Whether batches can be kept."""
        self._store.set(failing)

    def swept(self, seconds: float, failed: bool) -> None:
        """Counts a sweep."""
        self._sweeps.labels("failed" if failed else "done").inc()
        self._took.set(seconds)

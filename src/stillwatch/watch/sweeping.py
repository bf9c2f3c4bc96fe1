"""One sweep of a watch, beside the reading: hunt, and where it was asked for decide."""

from __future__ import annotations

import sqlite3
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stillwatch import pipeline
from stillwatch.decide.policy import Policy
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.report.findings import read_findings
from stillwatch.settings import Settings


@dataclass(frozen=True)
class Swept:
    """What a sweep found. `decided`, `waiting`: None where nothing was to be decided; `error`: what failed."""

    seconds: float
    campaigns: int = 0
    new_campaigns: int = 0
    networks: int = 0
    decided: int | None = None
    waiting: int | None = None
    error: str = ""


class Sweeping:
    """At most one sweep at a time, in a thread of its own. A process that ends leaves it: it is whole or nothing."""

    def __init__(self, home: Path, settings: Settings, policy: Policy | None) -> None:
        self._home, self._settings, self._policy = home, settings, policy
        self._thread: threading.Thread | None = None
        self._swept: Swept | None = None

    @property
    def busy(self) -> bool:
        """Whether a sweep is under way, or has ended and was not asked for."""
        return self._thread is not None

    def begin(self) -> None:
        """Starts one."""
        self._thread = threading.Thread(target=self._sweep, name="stillwatch sweep", daemon=True)
        self._thread.start()

    def ended(self, wait_s: float = 0.0) -> Swept | None:
        """The sweep that has ended since, once."""
        if self._thread is None:
            return None
        self._thread.join(wait_s)
        if self._thread.is_alive():
            return None
        self._thread, swept, self._swept = None, self._swept, None
        return swept

    def _sweep(self) -> None:
        began = time.monotonic()
        try:
            self._swept = self._look(began)
        except (StillwatchError, OSError, sqlite3.Error, MemoryError) as error:
            what = str(error) if isinstance(error, StillwatchError) else type(error).__name__
            self._swept = Swept(time.monotonic() - began, error=what)
        except Exception as error:  # the watch goes on: what it reads must not wait for our mistake
            traceback.print_exc()
            self._swept = Swept(time.monotonic() - began, error=type(error).__name__)

    def _look(self, began: float) -> Swept:
        before: set[str] = set()
        with suppress(UsageError):
            before = set(read_findings(self._home).campaigns.column("campaign_id").to_pylist())
        found = pipeline.hunt(self._home, settings=self._settings).campaigns
        kinds = found.column("kind").to_pylist()
        networks = sum(kind == "account_network" for kind in kinds)
        new = sum(campaign not in before for campaign in found.column("campaign_id").to_pylist())
        decided = waiting = None
        if self._policy is not None:
            outcome = pipeline.decide(self._home, self._policy, settings=self._settings)
            decided, waiting = len(outcome.new), len(outcome.waiting)
        return Swept(time.monotonic() - began, len(kinds) - networks, new, networks, decided, waiting)

"""Work that takes longer than a page may: done in a thread, asked after by name, its result kept a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stillwatch.errors import StillwatchError, UsageError

KEPT_S = 900.0
_MOST_RUNNING = 2


@dataclass
class Job:
    """`state` is running, done or failed; `step` where it is; `result` what came of it, `fault` why nothing did."""

    state: str
    began_at: float
    step: str = ""
    result: Any = None
    fault: str = ""
    ended_at: float | None = None


class Jobs:
    """Jobs by name. A name has one at a time; a few run at once; results are dropped after a quarter of an hour."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, name: str, work: Callable[[Callable[[dict[str, Any]], None]], Any]) -> Job:
        """Begins `work(progress)`. UsageError where that name, or too many others, are running."""
        with self._lock:
            self._drop_old()
            running = [n for n, job in self._jobs.items() if job.state == "running"]
            if name in running or len(running) >= _MOST_RUNNING:
                raise UsageError("console", "this or something like it is running already", "wait until it is done")
            job = self._jobs[name] = Job("running", self._clock())
        threading.Thread(target=self._run, args=(job, work), daemon=True).start()
        return job

    def get(self, name: str) -> Job | None:
        """The latest job of that name, while it is kept."""
        with self._lock:
            self._drop_old()
            return self._jobs.get(name)

    def _run(self, job: Job, work: Callable[[Callable[[dict[str, Any]], None]], Any]) -> None:
        def tell(at: dict[str, Any]) -> None:
            job.step = str(at.get("step", ""))[:200]

        try:
            job.result = work(tell)
            job.state = "done"
        except StillwatchError as error:
            job.fault, job.state = "; ".join(error.lines())[:2000], "failed"
        except Exception as error:
            job.fault, job.state = f"it failed ({type(error).__name__})", "failed"
            job.ended_at = self._clock()
            raise
        job.ended_at = self._clock()

    def _drop_old(self) -> None:
        now = self._clock()
        old = [n for n, job in self._jobs.items() if job.ended_at is not None and job.ended_at < now - KEPT_S]
        for name in old:
            del self._jobs[name]

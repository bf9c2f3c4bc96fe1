"""Faults that must not reach a customer's request: each is counted, and said in the log once a minute and place."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

LOGGER = logging.getLogger("stillwatch_gateway")
SAY_EVERY_S = 60.0


class Faults:
    """Counts faults by place. Never raises.

    Messages of exceptions are not logged, since they may quote a prompt, a token or an address: the log gets the place,
    the exception's type, its error number where it has one, and the hint of the caller.
    """

    def __init__(self, *, say_every_s: float = SAY_EVERY_S, steady: Callable[[], float] = time.monotonic) -> None:
        self._every, self._steady = say_every_s, steady
        self._counts: dict[str, int] = {}
        self._said: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def note(self, place: str, error: BaseException | None = None, *, hint: str = "", level: int | None = None) -> None:
        """Count one fault at `place`; log it (a warning unless `level` says otherwise) when a minute has gone by."""
        try:
            now = self._steady()
            with self._lock:
                count = self._counts[place] = self._counts.get(place, 0) + 1
                said_at, said = self._said.get(place, (None, 0))
                if said_at is not None and now - said_at < self._every:
                    return
                self._said[place] = (now, count)
            what = "" if error is None else type(error).__name__
            number = getattr(error, "errno", None)
            LOGGER.log(
                logging.WARNING if level is None else level,
                "%s: %s%s (%d since last said, %d in all)%s",
                place, what or "fault", f" {number}" if isinstance(number, int) else "", count - said, count,
                f"; try: {hint}" if hint else "",
            )  # fmt: skip
        except Exception:  # Logging handlers are the host's; whatever they raise must stop here.
            return

    def counts(self) -> dict[str, int]:
        """Faults so far by place."""
        with self._lock:
            return dict(self._counts)

    def renew_lock(self) -> None:
        """For a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()


def give_way() -> None:
    """For background work every 0.1 ms or so: let a waiting request run. A sleep of nothing would not: the thread takes
    the interpreter back before the other has woken up."""
    time.sleep(0.0002)

"""Work that comes again and again on a home's record; a failure is said once a minute and tried again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from stillwatch.decide.record import Record
from stillwatch.errors import StillwatchError

_SAID_S = 60.0


def take_turns(home: Path, stop: threading.Event, seconds: float, turn: Callable[[Record], None]) -> None:
    """Calls `turn` every so often until `stop` is set, whatever it raises. For a thread of its own."""
    record: Record | None = None
    told = 0.0
    while not stop.is_set():
        try:
            record = record or Record(home)
            turn(record)
        except Exception as error:  # a service that decides nothing is worse than one that tries again
            if time.monotonic() - told > _SAID_S or not told:
                told = time.monotonic()
                what = str(error) if isinstance(error, StillwatchError) else type(error).__name__
                print(f"{turn.__name__.strip('_')}: {what}; will try again", file=sys.stderr)
            record = None
        stop.wait(seconds)

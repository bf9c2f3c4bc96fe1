"""Whether decisions run out between two sweeps: a harvest goes on in the gap, and nobody meant it to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stillwatch.campaigns.track import SWEEPS_FILE, read_sweeps
from stillwatch.decide.policy import Policy


@dataclass(frozen=True)
class Lapses:
    """How far apart the last two sweeps lie (hours; None: there are no two), and the policy's rows whose decisions end
    sooner than that."""

    hours_apart: float | None
    rules: tuple[str, ...]

    def says(self) -> str:
        """One line for a person; "" where nothing runs out."""
        if not self.rules or self.hours_apart is None:
            return ""
        rules = ", ".join(self.rules)
        return (
            f"the last two sweeps lie {self.hours_apart:.1f} h apart, and decisions of {rules} end sooner "
            "(expires_hours): sweep and decide more often, or let them last longer"
        )


def lapses(home: Path, policy: Policy) -> Lapses:
    """What the history of sweeps in a home says of a policy's `expires_hours`."""
    latest = [_time(sweep["at"]) for sweep in read_sweeps(home / SWEEPS_FILE)[-2:]]
    if len(latest) < 2 or latest[0] is None or latest[1] is None:
        return Lapses(None, ())
    apart = abs((latest[1] - latest[0]).total_seconds()) / 3600.0
    return Lapses(apart, tuple(row.name for row in policy.rows if row.expires_hours < apart))


def _time(at: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        return None
    return read if read.tzinfo else None

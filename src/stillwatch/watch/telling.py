"""What a watch says: a line a sweep for people, JSON lines for machines; trouble goes to standard error."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from stillwatch.report.plain_text import clean, number


class Teller:
    """Says what happened, at once. Only our own words, names of sources, counts and ids; never a row."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._lock = threading.Lock()

    def __call__(self, event: str, **facts: Any) -> None:
        """One event: `away`, `back`, `store`, `quarantine`, `passed over`, `clock`, `started`, `swept`, `stopped`."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        with self._lock, suppress(OSError):  # nobody listens any more, or the disk below it is full: the watch goes on
            if self._as_json:
                line = json.dumps({"event": event, "at": now, **_plain(facts)})
                print(line, flush=True)
                return
            out = sys.stdout if event == "swept" else sys.stderr
            print(f"{now} {clean(_sentence(event, facts), 600)}", file=out, flush=True)
            if facts.get("hint"):
                print(f"try: {clean(facts['hint'], 300)}", file=out, flush=True)


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}


def _sentence(event: str, facts: Mapping[str, Any]) -> str:
    match event:
        case "started":
            return f"watching {facts['sources']} source(s); {number(facts['stored'])} exchanges are stored"
        case "back":
            return f"{facts['where']}: is back after {facts['seconds']:.0f} s"
        case "quarantine":
            return (
                f"{facts['where']}: {number(facts['rows'])} of {number(facts['of'])} rows were refused, most often "
                f"{facts['reason']} ({number(facts['most'])})"
            )
        case "swept":
            return _swept(facts)
        case "stopped":
            return f"stopped; {number(facts['kept'])} exchanges were stored by this watch"
        case _:
            return f"{facts['where']}: {facts['what']}"


def _swept(facts: Mapping[str, Any]) -> str:
    if facts.get("error"):
        return f"the sweep failed: {facts['error']}; next in {facts['next_s'] / 60:.0f} min"
    said = [
        f"swept in {facts['seconds']:.1f} s: {facts['campaigns']} campaign(s), {facts['new_campaigns']} new; "
        f"{facts['networks']} network(s); {number(facts['exchanges'])} new exchanges",
    ]
    if facts.get("decided") is not None:
        said.append(f"{facts['decided']} new decision(s), {facts['waiting']} waiting for approval")
    behind, age = facts.get("rows_behind"), facts.get("newest_age_s")
    lag = "rows behind unknown" if behind is None else f"{number(behind)} rows behind"
    said.append(lag if age is None else f"{lag}, newest row {_age(age)} old")
    return "; ".join(said)


def _age(seconds: float) -> str:
    for limit, unit, each in ((120.0, "s", 1.0), (7200.0, "min", 60.0), (172_800.0, "h", 3600.0)):
        if seconds < limit:
            return f"{seconds / each:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"

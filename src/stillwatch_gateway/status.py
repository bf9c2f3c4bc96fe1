"""What a gateway's cache folder holds, for a person who wants to know whether it follows."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from stillwatch_gateway import cache_file
from stillwatch_gateway.cache import Cache


def status_of(folder: Path) -> dict[str, Any]:
    """`age_s` (seconds since the service was heard; None: there is no readable cache), `cursor`, `decisions` (those
    that hold now), `known_accounts` (None: no list), `actions`: how many hold of each, simulated ones apart."""
    cache = Cache()
    source = _source_of(folder / cache_file.DECISIONS)
    if source is not None:
        with contextlib.suppress(cache_file.CacheFileError, OSError):
            cache_file.load(cache, folder, source)
    now, snapshot = cache.now(), cache.snapshot
    holding = [one for one in snapshot.decisions.values() if one.created_at <= now < one.expires_at]
    actions = Counter(one.action if one.enforced else f"{one.action} (simulated)" for one in holding)
    return {
        "age_s": cache.age_s(),
        "cursor": cache.cursor,
        "decisions": len(holding),
        "known_accounts": None if snapshot.known is None else len(snapshot.known),
        "actions": dict(sorted(actions.items())),
    }


def _source_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(65_536))
    except (OSError, ValueError, RecursionError):
        return None
    source = head.get("source") if isinstance(head, dict) else None
    return source if isinstance(source, str) else None

"""Runs inside the proxy of `bench.gateway_faults`: says what the plug-in counts, and breaks what it is told to break.

`BENCH_FOLDER` holds `clock` (seconds that the wall clock is off) and `raise` (`judging` or `answers`: which of our own
functions raise), and gets `stats.json` four times a second. Nothing of LiteLLM is touched.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["BENCH_FOLDER"])
JUDGING = {
    "plugin": ("caller_of", "last_user_text", "row_at_arrival", "refusal_of", "trim_request", "bucket_of", "status_of"),
    "Stillwatch": ("_call", "_remember", "_logged_call", "_write"), "Judge": ("_judge", "_holding", "_verdict"),
}  # fmt: skip
ANSWERS = {
    "plugin": ("edited_answer", "outcome_of", "status_of"), "StreamEdit": ("chunk", "rest"), "Journal": ("put",),
}  # fmt: skip
_true_time = time.time
_off = 0.0


def _time() -> float:
    return _true_time() + _off


def _raising(plugin: Any) -> None:
    """Lets functions that hooks call raise while `raise` names them, in turns of three kinds of exception."""
    kinds = (RuntimeError, MemoryError, RecursionError)
    up = {"judging": False, "answers": False}

    def broken(true: Any, kind: type[Exception], stages: list[str]) -> Any:
        def function(*args: Any, **more: Any) -> Any:
            if any(up[stage] for stage in stages):
                raise kind("planted")
            return true(*args, **more)

        return function

    holders = {"plugin": plugin, "Judge": type(plugin.handler.assembly.judge)} | {
        name: getattr(plugin, name) for name in ("Stillwatch", "StreamEdit", "Journal")
    }
    stages: dict[tuple[str, str], list[str]] = {}
    for stage, places in (("judging", JUDGING), ("answers", ANSWERS)):
        for holder, names in places.items():
            for name in names:
                stages.setdefault((holder, name), []).append(stage)
    for i, ((holder, name), when) in enumerate(stages.items()):
        setattr(holders[holder], name, broken(getattr(holders[holder], name), kinds[i % 3], when))
    while True:
        said = (FOLDER / "raise").read_text("utf-8") if (FOLDER / "raise").exists() else ""
        for stage in up:
            up[stage] = stage == said
        time.sleep(0.1)


def _watch() -> None:
    global _off
    raising = False
    while True:
        time.sleep(0.25)
        try:
            _off = float((FOLDER / "clock").read_text("utf-8") or 0)
        except (OSError, ValueError):
            _off = 0.0
        plugin = sys.modules.get("stillwatch_gateway.litellm_plugin")
        handler = getattr(plugin, "handler", None)
        if plugin is None or handler is None:
            continue
        if not raising:
            raising = True
            threading.Thread(target=_raising, args=(plugin,), daemon=True).start()
        stats = handler.assembly.judge.stats() | {"journal": handler.journal.counts()}
        part = FOLDER / "stats.part"
        part.write_text(json.dumps(stats), "utf-8")
        part.replace(FOLDER / "stats.json")


def _begin() -> None:
    if Path(sys.argv[0] if sys.argv else "").name != "litellm":
        return
    time.time = _time
    from stillwatch_gateway import follow

    follow.SAVE_EVERY_S = 2.0  # type: ignore[misc]
    threading.Thread(target=_watch, daemon=True).start()


_begin()

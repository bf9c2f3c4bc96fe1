"""Runs inside the proxy of `bench.gateway_faults`: says what the plug-in counts, and breaks what it is told to break.

`BENCH_FOLDER` holds `clock` (seconds that the wall clock is off), `raise` (its presence lets our own functions raise),
and gets `stats.json` twice a second. Nothing of LiteLLM is touched.
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
BROKEN = (
    "caller_of", "last_user_text", "row_at_arrival", "refusal_of", "trim_request", "edited_answer", "outcome_of",
    "bucket_of", "status_of",
)  # fmt: skip
_true_time = time.time
_off = 0.0


def _time() -> float:
    return _true_time() + _off


def _raising(plugin: Any) -> None:
    """Every function that a hook calls raises while the flag lies there, in turns of three kinds of exception."""
    kinds = (RuntimeError, MemoryError, RecursionError)
    flag = {"up": False}

    def broken(true: Any, kind: type[Exception]) -> Any:
        def function(*args: Any, **more: Any) -> Any:
            if flag["up"]:
                raise kind("planted")
            return true(*args, **more)

        return function

    for i, name in enumerate(BROKEN):
        setattr(plugin, name, broken(getattr(plugin, name), kinds[i % 3]))
    for holder, name in ((plugin.StreamEdit, "chunk"), (plugin.StreamEdit, "rest"), (plugin.Journal, "put")):
        setattr(holder, name, broken(getattr(holder, name), RuntimeError))
    for name in ("_call", "_remember", "_logged_call", "_write"):
        setattr(plugin.Stillwatch, name, broken(getattr(plugin.Stillwatch, name), RuntimeError))
    judge = type(plugin.handler.assembly.judge)
    for name in ("_judge", "_holding", "_verdict"):
        setattr(judge, name, broken(getattr(judge, name), KeyError))
    while True:
        flag["up"] = (FOLDER / "raise").exists()
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

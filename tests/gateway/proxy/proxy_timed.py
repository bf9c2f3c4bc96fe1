"""The plug-in with a stopwatch: CPU time of each of its hooks, and of the journal's writer, in `timed.json`."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stillwatch_gateway.journal as journal
import stillwatch_gateway.litellm_plugin as plugin

spent: dict[str, float] = {}
calls: dict[str, int] = {}
HOOKS = ("async_pre_call_hook", "async_post_call_success_hook", "async_post_call_response_headers_hook",
         "async_log_success_event")  # fmt: skip


def note(name: str, began: float) -> None:
    spent[name] = spent.get(name, 0.0) + time.thread_time() - began
    calls[name] = calls.get(name, 0) + 1


def timed_hook(name: str, hook: Callable[..., Any]) -> Callable[..., Any]:
    """None of these hooks waits for anything, so the thread's own time is theirs alone."""

    @functools.wraps(hook)
    async def run(*rest: Any, **more: Any) -> Any:
        began = time.thread_time()
        try:
            return await hook(*rest, **more)
        finally:
            note(name, began)

    return run


def timed_write(self: Any, line: bytes) -> None:
    began = time.thread_time()
    _write(self, line)
    note("journal: write", began)
    if calls["journal: write"] % 20 == 0:
        Path("timed.json").write_text(json.dumps({"seconds": spent, "calls": calls}), "utf-8")


def timed_line(*rest: Any, **more: Any) -> bytes:
    began = time.thread_time()
    made = _line_of(*rest, **more)
    note("journal: line", began)
    return made


_write, _line_of = journal.Journal._write, journal.line_of
journal.Journal._write, journal.line_of = timed_write, timed_line  # type: ignore[method-assign]
for _name in HOOKS:
    setattr(plugin.Stillwatch, _name, timed_hook(_name, getattr(plugin.Stillwatch, _name)))
handler = plugin.handler

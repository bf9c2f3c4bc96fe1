"""Standard output and standard error: consoles, JSON documents, and progress that shows on a terminal only."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[Mapping[str, Any]], None]


def console() -> Console:
    """A console on standard output: as wide as the terminal up to 120 columns, 110 where it is none."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    width = min(max(shutil.get_terminal_size((110, 24)).columns, 60), 120) if terminal else 110
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_json(document: Any) -> None:
    """One JSON document, ASCII only, so that no terminal obeys what is in it."""
    from stillwatch.report.findings import plain

    print_pieces([json.dumps(plain(document), indent=2) + "\n"])


def done(as_json: bool, says: str, **document: Any) -> None:
    """What came of an act: a sentence, or the same as a JSON document."""
    if as_json:
        print_json(document)
    else:
        click.echo(says)


def tell_url(does: str, url: str, home: Path, as_json: bool) -> None:
    """Where a server answers that is about to start: a line on standard error, or a JSON document."""
    if as_json:
        print_json({"url": url, "home": str(home)})
    else:
        click.echo(f"{does} {url} (Ctrl-C ends it).", err=True)


def print_pieces(pieces: Iterable[str]) -> None:
    """Text to standard output, piece by piece."""
    for piece in pieces:
        sys.stdout.write(piece)
    sys.stdout.flush()


@contextmanager
def progress() -> Iterator[Progress | None]:
    """One line on standard error that tells how far a run is, or None where that is no terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    told = _Line()
    try:
        yield told
    finally:
        told.wipe()


class _Line:
    """Redraws one line at most ten times a second."""

    def __init__(self) -> None:
        self._next = 0.0
        self._stage = ""
        self._began = time.monotonic()

    def __call__(self, state: Mapping[str, Any]) -> None:
        stage = str(state.get("stage") or state.get("step") or state.get("what") or "")
        now = time.monotonic()
        if now < self._next and stage == self._stage:
            return
        self._next, self._stage = now + 0.1, stage
        line = progress_line(state, now - self._began)[: shutil.get_terminal_size((80, 24)).columns - 1]
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()

    def wipe(self) -> None:
        """Takes the line away."""
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def by_share(told: Progress | None) -> Callable[[float, str], None] | None:
    """A progress for what tells a share done (0..1) and words, such as a simulation."""
    if told is None:
        return None
    return lambda share, words: told({"step": f"simulating, {share:.0%}", "detail": words})


def progress_line(state: Mapping[str, Any], seconds: float) -> str:
    """`reading · rows 32,768 · 12 s` from whatever a run tells of itself."""
    from stillwatch.report.plain_text import clean, number

    parts: list[str] = []
    for name, value in state.items():
        if isinstance(value, bool) or value is None:
            continue
        if name in ("stage", "step", "what"):
            parts.insert(0, clean(value, 60))
        elif isinstance(value, (int, float)):
            parts.append(f"{clean(name, 30).replace('_', ' ')} {number(value)}")
        elif isinstance(value, str):
            parts.append(clean(value, 60))
    return " · ".join([*parts, f"{seconds:.0f} s"])

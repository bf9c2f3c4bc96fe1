"""What grows for ever: a folder of logs, a Kafka topic, a Redis stream. One file for each kind; nothing else lists it.

A follower reads from the places that the ledger holds and from nowhere else. It may be asked again after a batch that
was not stored, or by another process after a kill, and gives the same rows again.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from stillwatch.errors import UsageError
from stillwatch.ingest.inputs import Input, Position


class Follower(Protocol):
    """One source that grows."""

    @property
    def name(self) -> str:
        """What it is called in messages and metrics; holds no password."""

    def ready(self, known: Mapping[str, Position]) -> Sequence[Input]:
        """Inputs that hold something behind `known`, in the order in which they must be committed.

        OutsideError where the source is away; the next call tries again.
        """

    def stored(self, known: Mapping[str, Position]) -> None:
        """Told after each commit: acknowledges up to there, where the source has use for it."""

    def behind(self, known: Mapping[str, Position]) -> int | None:
        """Rows that wait to be read (of files: estimated by their bytes); None where it cannot be told."""

    def overlooked(self) -> Mapping[str, str]:
        """What of it is not read, and why."""

    def close(self) -> None:
        """Lets go of the source."""


@cache
def _kinds() -> dict[str, Callable[..., Follower]]:
    found: dict[str, Callable[..., Follower]] = {}
    for module in pkgutil.iter_modules(__path__):
        kind: Any = importlib.import_module(f"{__name__}.{module.name}")
        found.update(dict.fromkeys(kind.SCHEMES, kind.follow))
    return found


def follow(source: str, *, leave: Sequence[Path] = ()) -> Follower:
    """The follower of a source: a URL of a known kind, else a path. UsageError where it cannot be one."""
    scheme = urlsplit(source).scheme if "://" in source else ""
    if scheme not in _kinds():
        known = ", ".join(sorted(f"{name}://" for name in _kinds() if name))
        raise UsageError("SOURCE", f"there is no source {scheme[:20]}://", f"a folder, a file, or one of {known}")
    return _kinds()[scheme](source, leave=leave)


def options_of(url: str, defaults: Mapping[str, str]) -> dict[str, str]:
    """What a URL says behind its `?`, over the defaults; UsageError where it says something else."""
    given = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if odd := sorted(set(given) - set(defaults)):
        raise UsageError("SOURCE", f"has no option {odd[0][:40]!r}", "one of " + ", ".join(defaults))
    return {**defaults, **given}


def missing_client(package: str, extra: str) -> UsageError:
    """The error where a source's client is not installed."""
    return UsageError("SOURCE", f"needs {package}, which is not installed", f"pip install 'stillwatch[{extra}]'")

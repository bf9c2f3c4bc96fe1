"""Published record formats, a file each, found by walking this folder: each has `reads(name, data)` and `read`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from stillwatch.entity.records import Entry


@dataclass(frozen=True)
class Format:
    """A format: whether a file is of it, and its entries."""

    name: str
    reads: Callable[[str, bytes], bool]
    read: Callable[[str, bytes], tuple[Entry, ...]]


@cache
def formats() -> tuple[Format, ...]:
    """Every format of this folder, by name."""
    found = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        found.append(Format(module, loaded.reads, loaded.read))
    return tuple(found)

"""One file for each log dialect. A new dialect is one new file here with a `DIALECT`; nothing else lists it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from stillwatch.errors import UsageError


@dataclass(frozen=True)
class Dialect:
    """How one kind of log is read.

    `recognises` says of a decoded row whether it is of this kind. `to_exchange` gives the contract's fields of
    a row (None: the row is in the contract's fields already); it may raise `RowFault`. `known` are the row's
    own fields that are read or knowingly left; others are counted as unknown. Empty: nothing is counted.
    """

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    to_exchange: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    known: frozenset[str] = frozenset()


@cache
def dialects() -> dict[str, Dialect]:
    """Every dialect in this folder, by name; the contract's own comes last, as it asks for the least."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        dialect: Dialect = importlib.import_module(f"{__name__}.{module.name}").DIALECT
        found[dialect.name] = dialect
    return dict(sorted(found.items(), key=lambda item: (item[0] == "exchange", item[0])))


def dialect_named(name: str) -> Dialect | None:
    """The dialect of this name, None for `auto`; UsageError for one that does not exist."""
    if name == "auto":
        return None
    if name not in dialects():
        raise UsageError("--format", f"there is no log format {name[:40]!r}", "one of auto, " + ", ".join(dialects()))
    return dialects()[name]

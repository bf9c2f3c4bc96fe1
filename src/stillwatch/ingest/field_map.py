"""A YAML file that says where a log of any shape holds the contract's fields."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stillwatch.errors import UsageError
from stillwatch.ingest.defects import RowFault
from stillwatch.ingest.dialects import Dialect
from stillwatch.ingest.values import READ_VALUE, Micros
from stillwatch.records.tables import EXCHANGE

_TYPES = {column.name: column.type for column in EXCHANGE}
_REQUIRED = ("exchange_id", "started_at", "account_id", "model")
_PER_SECOND = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
_AS = (*_PER_SECOND, "rfc3339")
_KEYS = ("from", "constant", "as", "times")


@dataclass(frozen=True)
class _Field:
    paths: tuple[str, ...]
    constant: Any
    unit: str
    times: float | None


def read_field_map(path: Path) -> Dialect:
    """The dialect that a map describes; UsageError with every fault of the file at once."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(str(path), "cannot be read", "check the path given to --map") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise UsageError(where, "is no YAML", "write `fields:` and below it one line a field") from error
    faults: list[str] = []
    if not isinstance(document, dict) or not isinstance(document.get("fields"), dict):
        raise UsageError(str(path), "has no `fields:` table", "write `fields:` and below it one line a field")
    for key in document:
        if key != "fields":
            faults.append(f"{_shown(key)} is not known, only `fields`")
    fields: dict[str, _Field] = {}
    for name, given in document["fields"].items():
        if name not in _TYPES:
            faults.append(f"{_shown(name)} is no field of the contract{_nearest(name, tuple(_TYPES))}")
            continue
        field = _field(name, given, faults)
        if field is not None:
            fields[name] = field
    faults += [f"{name} is required" for name in _REQUIRED if name not in document["fields"]]
    if faults:
        raise UsageError(str(path), "; ".join(faults), "mend these lines; docs/ingest.md has an example")
    known = {".".join(parts[:n + 1]) for f in fields.values() for p in f.paths for parts in [p.split(".")]
             for n in range(len(parts))}  # fmt: skip
    return Dialect("map", lambda row: True, _mapper(fields), frozenset(known))


def _field(name: str, given: Any, faults: list[str]) -> _Field | None:
    before = len(faults)
    table = given if isinstance(given, dict) else {"from": given}
    for key in table:
        if key not in _KEYS:
            faults.append(f"{name}: {_shown(key)} is not known{_nearest(key, _KEYS)}")
    source = table.get("from", [])
    paths = source if isinstance(source, list) else [source]
    if not all(isinstance(path, str) and path for path in paths):
        faults.append(f"{name}: `from` takes a path or a list of paths")
    if not paths and table.get("constant") is None:
        faults.append(f"{name}: needs `from` or `constant`")
    unit = table.get("as", "rfc3339")
    if "as" in table and _TYPES[name] != "timestamp":
        faults.append(f"{name}: `as` is for times only")
    elif unit not in _AS:
        faults.append(f"{name}: `as` is {_shown(unit)}, it takes {', '.join(_AS)}")
    times = table.get("times")
    if times is not None and not _finite(times):
        faults.append(f"{name}: `times` takes a number")
    elif times is not None and _TYPES[name] not in ("int64", "float64"):
        faults.append(f"{name}: `times` is for numbers only")
    if (constant := table.get("constant")) is not None:
        try:
            READ_VALUE[name](constant)
        except RowFault as fault:
            faults.append(f"{name}: `constant` {fault.reason}")
    if len(faults) > before:
        return None
    return _Field(tuple(paths), table.get("constant"), unit, times)


def _mapper(fields: Mapping[str, _Field]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    def to_exchange(row: Mapping[str, Any]) -> dict[str, Any]:
        out = {}
        for name, field in fields.items():
            value = next((v for v in (_at(row, p) for p in field.paths) if v is not None), None)
            if value is None:
                value = field.constant
            elif field.unit in _PER_SECOND and name == "started_at":
                value = _epoch(value, field.unit)
            elif field.times is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
                value = _multiplied(value, field.times)
                if _TYPES[name] == "int64" and abs(value) < 2**62:
                    value = round(value)
            out[name] = value
        return out

    return to_exchange


def _epoch(value: Any, unit: str) -> Micros:
    if isinstance(value, str):
        try:
            value = float(value) if "." in value else int(value)
        except ValueError:
            raise RowFault("is no number of an epoch", "started_at") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e19:
        raise RowFault("is no number of an epoch", "started_at")
    ticks = round(value * 1_000_000 / _PER_SECOND[unit])
    if abs(ticks) >= 2**62:
        raise RowFault("clock", "started_at")
    return Micros(ticks)


def _multiplied(value: float, times: float) -> float:
    try:
        return value * times
    except OverflowError:
        return math.inf


def _finite(number: Any) -> bool:
    try:
        return isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number)
    except OverflowError:
        return False


def _at(row: Any, path: str) -> Any:
    """What lies at a dotted path. A key that holds dots itself is tried first; numbers index lists."""
    if isinstance(row, dict):
        if path in row:
            return row[path]
        head, dot, rest = path.partition(".")
        while dot:
            if head in row:
                return _at(row[head], rest)
            more, dot, rest = rest.partition(".")
            head = f"{head}.{more}"
        return None
    if isinstance(row, list):
        head, dot, rest = path.partition(".")
        if head.isascii() and head.isdigit() and len(head) < 7 and int(head) < len(row):
            return _at(row[int(head)], rest) if dot else row[int(head)]
    return None


def _nearest(name: Any, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(name)[:60], known, 1, 0.5)
    return f" (nearest: {close[0]})" if close else ""


def _shown(name: Any) -> str:
    return repr(str(name)[:40])

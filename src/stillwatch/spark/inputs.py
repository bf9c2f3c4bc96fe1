"""Inputs as Spark frames: Parquet files, tables of the catalogue, frames of a session; each row with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import UsageError
from stillwatch.ingest import FileInput, find_sources
from stillwatch.ingest.checks import SCHEMA
from stillwatch.spark.text_pass import AT, INPUT, TIE

TABLE = "table:"
_NEEDED = ("exchange_id", "started_at", "account_id", "model")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_LOCAL = re.compile("^file:/+")
_GLOB = re.compile(r"([\[\]{}*?\\])")
_PARQUET_HINT = "Spark reads Parquet and tables; sweep other logs without --engine"


@dataclass(frozen=True)
class Frame:
    """One Spark frame of contract columns and places. `numbers`: the inputs in it; `extra`: columns not read."""

    data: Any
    numbers: tuple[int, ...]
    extra: tuple[str, ...]
    dated: bool


@dataclass(frozen=True)
class Inputs:
    """All inputs of a run in reading order. `positions`: a file's label to where its reading stands."""

    labels: tuple[str, ...]
    frames: tuple[Frame, ...]
    files: Mapping[int, Path]
    rows: Mapping[int, int]
    """Rows of each file, as its footer says."""
    positions: Mapping[str, dict[str, Any]]
    unchanged: tuple[str, ...]
    passed: tuple[tuple[str, str], ...]


def open_inputs(
    session: Any, logs: Sequence[Any], *, known: Mapping[str, dict[str, Any]], leave: Sequence[Path] = ()
) -> Inputs:
    """What `logs` mean: paths that every machine sees, `table:NAME`, addresses such as s3a://..., or Spark frames.

    `known`: label to where the reading of a file stood; an unchanged file is not read again. UsageError where an
    input is not there, is no Parquet, or lacks a column that each exchange must have.
    """
    local = [str(log) for log in logs if isinstance(log, str | Path) and not _is_spark(str(log))]
    sources = find_sources(local, leave=leave) if local else []
    passed = [(source.label, source.passed) for source in sources if source.passed is not None]
    sources = [source for source in sources if source.passed is None]
    others = [s.label for s in sources if not s.parquet and (s.named or s.path is None)]
    if others:
        raise UsageError(", ".join(others[:5]), "is no Parquet", _PARQUET_HINT)
    passed += [(source.label, "no Parquet: not read by Spark") for source in sources if not source.parquet]
    labels: list[str] = []
    positions: dict[str, dict[str, Any]] = {}
    unchanged: list[str] = []
    files: dict[int, Path] = {}
    rows: dict[int, int] = {}
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for source in sources:
        if not source.parquet or source.path is None:
            continue
        schema, count = _footer_of(source.path)
        if not source.named and not {"exchange_id", "account_id"} <= set(schema.names):
            passed.append((source.label, "no log format was recognised"))
            continue
        _demand(schema.names, source.path)
        position = FileInput(source).start(known.get(source.label))
        if position is None:
            unchanged.append(source.label)
            continue
        positions[source.label] = {**position, "rows": 0, "kept": 0, "quarantined": 0, "duplicates": 0}
        files[len(labels)], rows[len(labels)] = source.path, count
        groups.setdefault(tuple((f.name, str(f.type)) for f in schema), []).append(len(labels))
        labels.append(source.label)
    frames = [_of_files(session, {number: files[number] for number in numbers}) for numbers in groups.values()]
    for log in logs:
        if isinstance(log, str | Path) and not _is_spark(str(log)):
            continue
        labels.append(_label(log))
        frames.append(_of_table(session, log, len(labels) - 1))
    return Inputs(tuple(labels), tuple(frames), files, rows, positions, tuple(unchanged), tuple(passed))


def _is_spark(log: str) -> bool:
    return log.startswith(TABLE) or (bool(_REMOTE.match(log)) and not log.startswith("file:"))


def _label(log: Any) -> str:
    return str(log) if isinstance(log, str | Path) else "frame:" + "-".join(sorted(log.columns))[:40]


def _footer_of(path: Path) -> tuple[pa.Schema, int]:
    try:
        file = pq.ParquetFile(path)
        return file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException, ValueError) as error:
        raise UsageError(str(path), "cannot be read as Parquet", "check the file, or sweep without --engine") from error


def _of_files(session: Any, files: Mapping[int, Path]) -> Frame:
    """Files of one schema. A row's place is its file's number and its number in the file."""
    from pyspark.sql import functions as F

    data = session.read.parquet(*(_GLOB.sub(r"\\\1", str(path)) for path in files.values()))
    numbers = {str(path): number for number, path in files.items()}
    # Spark writes file: with one stroke or three, by where one asks.
    uris = [_LOCAL.sub("/", uri) for uri in data.inputFiles()]
    given = [(uri, numbers[unquote(uri)]) for uri in uris]
    places = session.createDataFrame(given, f"_uri string, {INPUT} int")
    meant = data.select(
        *_contract(data, next(iter(files.values()))),
        F.regexp_replace("_metadata.file_path", _LOCAL.pattern, "/").alias("_uri"),
        F.col("_metadata.row_index").cast("long").alias(AT),
        F.lit(0).cast("long").alias(TIE),
    ).join(F.broadcast(places), "_uri").drop("_uri")  # fmt: skip
    return Frame(meant, tuple(files), _extra(data), dated=False)


def _of_table(session: Any, log: Any, number: int) -> Frame:
    """A table, a frame, or files at an address. A row's place is its time, then a hash of all that it says."""
    from pyspark.sql import functions as F

    if not isinstance(log, str | Path):
        data = log
    elif str(log).startswith(TABLE):
        data = session.table(str(log).removeprefix(TABLE))
    else:
        data = session.read.parquet(str(log))
    contract = _contract(data, log if isinstance(log, str | Path) else "the frame")
    time = F.col("started_at").cast("timestamp")
    return Frame(data.select(
        *contract, F.lit(number).cast("int").alias(INPUT), F.coalesce(F.unix_micros(time), F.lit(0)).alias(AT),
        F.xxhash64(*contract).alias(TIE),
    ), (number,), _extra(data), dated=True)  # fmt: skip


def _contract(data: Any, where: Any) -> list[Any]:
    from pyspark.sql import functions as F

    _demand(data.columns, where)
    return [F.col(name) for name in data.columns if name in SCHEMA.names]


def _demand(names: Sequence[str], where: Any) -> None:
    lacking = [name for name in _NEEDED if name not in names]
    if lacking:
        hint = "docs/contract.md has the columns; rename them first"
        raise UsageError(str(where), f"lacks {', '.join(lacking)}", hint)


def _extra(data: Any) -> tuple[str, ...]:
    return tuple(name for name in data.columns if name not in SCHEMA.names)

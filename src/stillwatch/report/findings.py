"""What a sweep left in DIR/findings/, read back, with the extra tables that pictures are drawn from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.errors import OutsideError, UsageError
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE, Column
from stillwatch.report.plain_text import quoted

_LAYOUTS: dict[str, tuple[Column, ...]] = {"campaigns": CAMPAIGNS, "accounts": ACCOUNTS, "evidence": EVIDENCE}

TRAFFIC = pa.schema(
    [("campaign_id", pa.string()), ("hour", pa.timestamp("us", tz="UTC")), ("exchanges", pa.int64())]
)
TIES = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("kind", pa.string()),
        ("value_label", pa.string()),
        ("account_id", pa.string()),
        ("exchanges", pa.int64()),
    ]
)
NEAR = pa.schema(
    [
        ("near", pa.string()),
        ("account_id", pa.string()),
        ("score", pa.float64()),
        ("how", pa.string()),
        ("exchanges", pa.int64()),
        ("pro_bits", pa.float64()),
        ("pro", pa.string()),
        ("against_bits", pa.float64()),
        ("against", pa.string()),
    ]
)


@dataclass(frozen=True)
class Findings:
    """The latest sweep's findings: three tables in the contract's layouts, and the run beside them."""

    campaigns: pa.Table
    accounts: pa.Table
    evidence: pa.Table
    run: Mapping[str, Any] = field(default_factory=dict)

    def campaign_rows(self) -> list[dict[str, Any]]:
        """The campaigns as dictionaries, highest score first."""
        return sorted(self.campaigns.to_pylist(), key=lambda row: (-_or_zero(row["score"]), str(row["campaign_id"])))

    def evidence_of(self, actor_kind: str, actor_id: str) -> list[dict[str, Any]]:
        """Evidence on one actor as dictionaries, heaviest first; `facts` a dictionary."""
        chosen = self.evidence.filter(
            pc.and_(
                pc.equal(self.evidence["actor_kind"], pa.scalar(actor_kind)),
                pc.equal(self.evidence["actor_id"], pa.scalar(actor_id)),
            )
        )
        rows: list[dict[str, Any]] = chosen.to_pylist(maps_as_pydicts="lossy")
        return sorted(rows, key=lambda row: (-abs(_or_zero(row["weight_bits"])), str(row["signal"])))

    def account(self, account_id: str) -> dict[str, Any] | None:
        """One account's row, or None."""
        found = self.accounts.filter(pc.equal(self.accounts["account_id"], pa.scalar(account_id))).slice(0, 1)
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows[0] if rows else None

    def campaign(self, campaign_id: str) -> dict[str, Any] | None:
        """One campaign's row, or None."""
        found = self.campaigns.filter(pc.equal(self.campaigns["campaign_id"], pa.scalar(campaign_id))).slice(0, 1)
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows[0] if rows else None


@dataclass(frozen=True)
class Pictures:
    """Tables for charts, empty where the hunt left none; `drill` is the latest drill's document or empty."""

    traffic: pa.Table
    ties: pa.Table
    scores: Mapping[str, Mapping[str, Any]]
    drill: Mapping[str, Any]
    near: pa.Table = field(default_factory=NEAR.empty_table)
    """Linked groups that score `mixed` and are in no campaign, a row for each of their accounts."""


def read_findings(home: Path) -> Findings:
    """The findings of the latest sweep in `home`. UsageError where there are none or they cannot be read."""
    folder = home / "findings"
    if not (folder / "campaigns.parquet").is_file():
        hint = f"run `stillwatch sweep LOGS --home {quoted(home, 200)}`, or name another home"
        raise UsageError(str(home), "holds no findings yet", hint)
    tables = {name: _read(folder / f"{name}.parquet", layout) for name, layout in _LAYOUTS.items()}
    return Findings(tables["campaigns"], tables["accounts"], tables["evidence"], _json(folder / "run.json"))


def as_findings(found: Any) -> Findings:
    """The same from anything with the four attributes, such as what a hunt returns."""
    tables = {name: _fit(getattr(found, name), layout, name) for name, layout in _LAYOUTS.items()}
    return Findings(tables["campaigns"], tables["accounts"], tables["evidence"], dict(found.run))


def read_pictures(home: Path) -> Pictures:
    """What charts need beyond the findings. A missing or unreadable file is an empty table: a page does without."""
    latest = home / "history" / "latest"
    scores = {k: v for k, v in _json(latest / "scores.json").items() if isinstance(v, Mapping)}
    return Pictures(
        _optional(latest / "traffic.parquet", TRAFFIC),
        _optional(latest / "ties.parquet", TIES),
        scores,
        read_drill(home),
        _optional(latest / "near.parquet", NEAR),
    )


def read_drill(home: Path) -> Mapping[str, Any]:
    """The document that the latest `stillwatch drill` left, or an empty one."""
    return _json(home / "drill.json")


def plain(value: Any) -> Any:
    """Any value of a findings table or run as what JSON has: times RFC 3339 in UTC, not-a-number null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    item = getattr(value, "item", None)
    return plain(item()) if callable(item) else str(value)


def json_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows of a findings table as JSON objects, a batch at a time."""
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist(maps_as_pydicts="lossy"):
            yield plain(row)


def json_document(findings: Findings) -> Iterator[str]:
    """Contract section 5 as one JSON document, in pieces: campaigns, accounts, evidence, run."""
    yield "{"
    for name in _LAYOUTS:
        yield f'"{name}": ['
        for i, row in enumerate(json_rows(getattr(findings, name))):
            yield (",\n" if i else "\n") + json.dumps(row)
        yield "],\n"
    yield f'"run": {json.dumps(plain(dict(findings.run)))}}}\n'


def _or_zero(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else 0.0


def _read(file: Path, layout: tuple[Column, ...]) -> pa.Table:
    try:
        return _fit(pq.read_table(file), layout, str(file))
    except FileNotFoundError as error:
        raise UsageError(str(file), "is missing", "run `stillwatch sweep` again: it writes all three tables") from error
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise OutsideError(str(file), "cannot be read as Parquet", "run `stillwatch sweep` again") from error


def _fit(table: pa.Table, layout: tuple[Column, ...], where: str) -> pa.Table:
    lacking = [column.name for column in layout if column.name not in table.column_names]
    if lacking:
        raise UsageError(
            where, f"lacks the columns {', '.join(lacking)}", "another version wrote it: run `stillwatch sweep` again"
        )
    return table.select([column.name for column in layout]).cast(arrow_schema(layout))


def _optional(file: Path, schema: pa.Schema) -> pa.Table:
    try:
        return pq.read_table(file).select(schema.names).cast(schema)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, KeyError):
        return schema.empty_table()


def _json(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}

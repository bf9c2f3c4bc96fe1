"""Traffic in which every field that a log or an accounts file can set tries to break out of a page."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import ACCOUNT, EXCHANGE

LONG = "W" * 1_000_000
ATTACKS = (
    "<script>alert('S')</script>", "\"><img src=x onerror=alert('I')>", "'><svg onload=alert('V')>",
    "javascript:alert('J')", "=HYPERLINK(\"http://x.example/\";\"x\")", "+1-1|cmd", "@SUM(1)", "-2+3", "{{7*7}}${7*7}",
    "\u202egnp.exe\u202d\u2066", "\x07\x1b[2J\x7f", "</style></script></title></textarea>",
    "../../../etc/passwd?a=b&c#d%00", "a b/c\\d:e;f,g", "]]>--><!--", "\ufeff\u200b\u00ad",
    "ﷺ" * 40, "é́́́́́́́́́́́" * 20, "W" * 300,
    "http://evil.example/<b>", "%3Cscript%3E", "\u2028\u2029", "constructor", "__proto__", "\ud7ff\U0010ffff",
)  # fmt: skip
#: What stays as it is: without these the traffic would be no campaign any more.
_KEPT = frozenset(("started_at", "messages", "prompt", "system", "completion", "status", "created_at", "allow_until",
                   "status_changed_at"))  # fmt: skip
_CHOICES = frozenset(("kind", "verification", "payment_kind"))


def attack(value: str, turn: int = 0) -> str:
    """A value made hostile; equal values stay equal, different ones different."""
    return ATTACKS[(sum(value.encode()) + turn) % len(ATTACKS)] + value


def poison(world: Path, folder: Path) -> None:
    """Writes the world at `world` anew below `folder`, poisoned. A log of its own holds 1 MB strings in each field."""
    (folder / "exchanges").mkdir(parents=True)
    for file in sorted((world / "exchanges").glob("*.parquet")):
        table = pq.read_table(file)
        for place, field in enumerate(table.schema):
            if pa.types.is_string(field.type) and field.name not in _KEPT:
                coded = table.column(place).combine_chunks().dictionary_encode()
                worse = [attack(v, place) for v in coded.dictionary.to_pylist()]
                column = pa.array(worse, pa.string()).take(coded.indices)
                table = table.set_column(place, field, column)
        pq.write_table(table, folder / "exchanges" / f"<img src=x onerror=alert('F')> {file.name}")
    _write_long(folder / "exchanges" / "'\"><svg onload=alert('L')>.jsonl")
    turns = {column.name: place for place, column in enumerate(EXCHANGE)}
    with (folder / "accounts.jsonl").open("w", encoding="utf-8") as out:
        for number, line in enumerate((world / "accounts.jsonl").read_text("utf-8").splitlines()):
            record = _record(json.loads(line), number, turns)
            out.write(json.dumps(record) + "\n")
    with (folder / "accounts.jsonl").open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in long_accounts())
    with (world / "releases.csv").open(encoding="utf-8") as given:
        rows = list(csv.DictReader(given))
    with (folder / "releases.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ["model", "released_at"])
        writer.writeheader()
        for row in rows:
            writer.writerow({"model": attack(row["model"], turns["model"]), "released_at": row["released_at"]})


def _record(record: dict[str, Any], number: int, turns: dict[str, int]) -> dict[str, Any]:
    out = {}
    for name, value in record.items():
        if isinstance(value, str) and name not in _KEPT:
            out[name] = attack(value, turns.get(name, 0))
            if name in _CHOICES and number % 3:
                out[name] = value
        else:
            out[name] = value
    if number % 7 == 0:
        out |= {"allow": attack("agreed in writing", number), "allow_until": "2026-04-20T00:00:00Z"}
    return out


def _write_long(file: Path) -> None:
    """One row for each text field of an exchange, with a megabyte in it, and rows that are no rows at all."""
    plain = {"exchange_id": "long", "account_id": "long", "model": "m", "started_at": "2026-04-25T10:00:00Z"}
    with file.open("w", encoding="utf-8") as out:
        for number, field in enumerate(arrow_schema(EXCHANGE)):
            for many in (LONG, "<b>" * 300_000, "\u202e" * 300_000):
                row = {**plain, "exchange_id": f"long {number} {many[:4]}", field.name: many}
                out.write(json.dumps(row) + "\n")
        out.write(json.dumps({"<script>alert('N')</script>": 1, "constructor": {"__proto__": []}}) + "\n")
        out.write("<script>alert('R')</script>\n")


def long_accounts() -> list[dict[str, Any]]:
    """An account record for each field with a megabyte in it."""
    return [{"account_id": f"long-{column.name}", column.name: LONG} for column in ACCOUNT]

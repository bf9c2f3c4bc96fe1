"""One way for every table: sorted, filtered, in pages of a hundred rows, and as a file of CSV, Parquet or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.report.findings import plain

PAGE_ROWS = 100
LONGEST_FILTER = 200
FORMATS = {
    "csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet",
}  # fmt: skip
#: What a spreadsheet would take for the start of a formula, also in its full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Column:
    """A column as it is shown: its name in the table, its title, how its cells look, whether a filter looks there."""

    name: str
    title: str
    look: str = "text"
    """`text`, `id`, `account`, `campaign`, `decision`, `number`, `score`, `share`, `bits`, `time`, `list`, `words`."""
    searched: bool = True


@dataclass(frozen=True)
class Sheet:
    """A table with what to show of it. `sort` is a column's name, with a minus for descending."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    table: pa.Table
    sort: str = ""
    empty: str = "Nothing here."
    keep: Mapping[str, str] = field(default_factory=dict)
    """Parameters that name this table's rows, for its exports."""
    selects: str = ""
    """The column whose values a person can tick, to export only those rows."""


@dataclass(frozen=True)
class Page:
    """What a page shows of a sheet, and where its links lead."""

    sheet: Sheet
    rows: list[dict[str, Any]]
    total: int
    """Rows that the filter leaves."""
    number: int
    pages: int
    sort: str
    filter: str
    query: tuple[tuple[str, str], ...]
    path: str

    def link(self, **changes: str) -> str:
        """The same page with this table's sort, filter or page changed."""
        own = {f"{self.sheet.name}_{name}": value for name, value in changes.items()}
        kept = [(k, v) for k, v in self.query if k not in own and not (
            k == f"{self.sheet.name}_page" and "page" not in changes)]  # fmt: skip
        wanted = [*kept, *((k, v) for k, v in own.items() if v)]
        return self.path + ("?" + urlencode(wanted) if wanted else "")

    def sort_link(self, column: Column) -> str:
        """Sorts by a column, or turns its order round."""
        falling = column.look in ("number", "score", "bits", "time", "share")
        first, second = (f"-{column.name}", column.name) if falling else (column.name, f"-{column.name}")
        return self.link(sort=second if self.sort == first else first)

    def sorted_as(self, column: Column) -> str:
        """`ascending`, `descending` or `none`, as ARIA names it."""
        return {column.name: "ascending", f"-{column.name}": "descending"}.get(self.sort, "none")

    def export_link(self, kind: str) -> str:
        """This table, as filtered and sorted now, as a file."""
        wanted = {**self.sheet.keep, "q": self.filter, "sort": self.sort}
        kept = [(k, v) for k, v in wanted.items() if v]
        return f"/tables/{self.sheet.name}.{kind}" + ("?" + urlencode(kept) if kept else "")

    @property
    def others(self) -> list[tuple[str, str]]:
        """Parameters of the other tables and views of the page, for a filter's form to carry along."""
        return [(k, v) for k, v in self.query if not k.startswith(f"{self.sheet.name}_")]


def sheet_of(
    name: str, caption: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], **more: Any
) -> Sheet:
    """A sheet of dictionaries."""
    arrays = [pa.array([_flat(row.get(c.name)) for row in rows]) for c in columns]
    table = pa.table({c.name: a for c, a in zip(columns, arrays, strict=True)})
    return Sheet(name, caption, tuple(columns), table, **more)


def page_of(sheet: Sheet, path: str, query: Sequence[tuple[str, str]], rows_a_page: int = PAGE_ROWS) -> Page:
    """The rows that a request asks for."""
    given = dict(query)
    wanted = given.get(f"{sheet.name}_q", "")[:LONGEST_FILTER]
    sort = given.get(f"{sheet.name}_sort", "") or sheet.sort
    chosen = arranged(sheet, wanted, sort)
    pages = max(1, -(-chosen.num_rows // rows_a_page))
    asked = given.get(f"{sheet.name}_page", "1")
    number = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    rows = chosen.slice((number - 1) * rows_a_page, rows_a_page).to_pylist(maps_as_pydicts="lossy")
    return Page(sheet, rows, chosen.num_rows, number, pages, sort, wanted, tuple(query), path)


def arranged(sheet: Sheet, wanted: str, sort: str, only: Sequence[str] = ()) -> pa.Table:
    """A sheet's table filtered by a text that any searched column holds, and sorted; unknown sorts are passed over."""
    table = sheet.table
    if only and sheet.selects:
        table = table.filter(pc.is_in(table[sheet.selects], value_set=pa.array(list(only), pa.string())))
    if wanted and table.num_rows:
        masks = [_holds(table[c.name], wanted) for c in sheet.columns if c.searched]
        held = [m for m in masks if m is not None]
        if held:
            found = held[0]
            for mask in held[1:]:
                found = pc.or_(found, mask)
            table = table.filter(found)
    name = sort.removeprefix("-")
    if name in {c.name for c in sheet.columns} and table.num_rows and not pa.types.is_nested(table[name].type):
        order = "descending" if sort.startswith("-") else "ascending"
        table = table.take(pc.sort_indices(table, sort_keys=[(name, order)]))
    return table


def _holds(column: Any, wanted: str) -> Any:
    kind = column.type
    if pa.types.is_string(kind):
        return pc.fill_null(pc.match_substring(column, wanted, ignore_case=True), False)
    if pa.types.is_integer(kind):
        return pc.fill_null(pc.match_substring(column.cast(pa.string()), wanted), False)
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        joined = pc.binary_join(column, " ")
        return pc.fill_null(pc.match_substring(joined, wanted, ignore_case=True), False)
    return None


def exported(table: pa.Table, kind: str) -> Iterator[bytes]:
    """A table as a file, in pieces. CSV cells that a spreadsheet would run as a formula begin with an apostrophe."""
    if kind == "parquet":
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        yield sink.getvalue()
        return
    if kind == "json":
        yield b"["
        lead = "\n"
        for batch in table.to_batches(max_chunksize=4096):
            lines = [json.dumps(plain(row)) for row in batch.to_pylist(maps_as_pydicts="lossy")]
            if lines:
                yield (lead + ",\n".join(lines)).encode()
                lead = ",\n"
        yield b"\n]\n"
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist(maps_as_pydicts="lossy"):
            writer.writerow([_cell(value) for value in row.values()])
        yield text.getvalue().encode("utf-8", "replace")
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, datetime):
        return plain(value)
    if isinstance(value, (list, tuple)):
        value = "; ".join(str(v) for v in value)
    elif isinstance(value, Mapping):
        value = json.dumps(plain(value))
    return guarded(str(value))


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" \ufeff\u200b").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _flat(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value]
    return value


def at_time(seconds: float | None) -> datetime | None:
    """Epoch seconds as a time in UTC; null where it lies beyond what a calendar holds."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None

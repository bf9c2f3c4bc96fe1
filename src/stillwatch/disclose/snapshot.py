"""The snapshot that figures are queried from: tables of counts without an account id, kept back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ask(snapshot: Mapping[str, Any], query: Mapping[str, Any]) -> float | int:
    """The value of a query: `take` of `column` over the rows of `table` that `where` keeps.

    `value` wants exactly one row. KeyError for an unknown table or column, ValueError where no row is left.
    """
    rows = [
        row for row in snapshot["tables"][query["table"]]
        if all(str(row[name]) == wanted for name, wanted in query.get("where", {}).items())
    ]  # fmt: skip
    take, column = query["take"], query.get("column", "")
    if take == "count":
        return len(rows)
    values = [row[column] for row in rows if row[column] is not None]
    if not values:
        raise ValueError(f"no row of {query['table']} is left for {query['id']}")
    if take == "sum":
        total: float | int = sum(values)
        return total
    if take == "value" and len(values) == 1:
        only: float | int = values[0]
        return only
    if take in ("min", "max"):
        edge: float | int = min(values) if take == "min" else max(values)
        return edge
    raise ValueError(f"{query['id']}: takes {take!r} of {len(values)} rows")


def unit_of(snapshot: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    """What the asked column counts. KeyError where the snapshot does not say."""
    return str(snapshot["units"][f"{query['table']}.{query.get('column', '')}".rstrip(".")])

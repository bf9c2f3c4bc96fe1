"""Small batches of exchanges for the tests of the text pass."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.rules import Rule
from stillwatch.records.sketched import Sketched
from stillwatch.records.tables import EXCHANGE
from stillwatch.sketch import CompiledRules, compile_rules, sketch_batch

KEY = b"a key of the tests only"
SCHEMA = arrow_schema(EXCHANGE)
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NO_RULES = compile_rules([])


def batch_of(*rows: dict[str, Any]) -> pa.RecordBatch:
    """A batch in the layout EXCHANGE; ids and times are filled in."""
    filled = [
        {
            "exchange_id": f"x{i}",
            "account_id": "a",
            "model": "m",
            "started_at": START + dt.timedelta(seconds=i),
            **row,
        }
        for i, row in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(filled, schema=SCHEMA)


def sketched(*rows: dict[str, Any], accounts: list[int] | None = None, rules: CompiledRules = NO_RULES) -> Sketched:
    """Sketch rows; account numbers default to 0."""
    numbers = np.array(accounts if accounts is not None else [0] * len(rows), dtype=np.int32)
    return sketch_batch(batch_of(*rows), numbers, KEY, rules)


def kept(*rows: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The kept rows as dictionaries."""
    rows_out: list[dict[str, Any]] = sketched(*rows, **more).kept.to_pylist()
    return rows_out


def rule(code: int, expression: str, **more: Any) -> Rule:
    """A rule with nothing but an expression."""
    return Rule(code, f"r{code}", "grading", "", "en", expression, (), "", **more)

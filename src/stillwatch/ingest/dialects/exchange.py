"""The contract's own fields, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.ingest.dialects import Dialect
from stillwatch.records.tables import EXCHANGE

_NAMES = frozenset(column.name for column in EXCHANGE)


def _recognises(row: Mapping[str, Any]) -> bool:
    return "exchange_id" in row and len(_NAMES & row.keys()) >= 3


DIALECT = Dialect("exchange", _recognises, known=_NAMES)

"""From the layouts of `records/tables.py` to Arrow schemas."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from stillwatch.records.tables import Column

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
    "list<int16>": pa.list_(pa.int16()),
    "map<string,float64>": pa.map_(pa.string(), pa.float64()),
}


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of a layout, columns in its order, all nullable."""
    return pa.schema([pa.field(column.name, _TYPES[column.type]) for column in columns])

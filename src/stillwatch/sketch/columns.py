"""Between Arrow columns and numpy arrays, without copying text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sketch.conversations import Text

Array = Any


def text_column(values: pa.Array) -> Text:
    """A string array as bytes, offsets and which rows are known; invalid UTF-8 is mended first (U+FFFD)."""
    if values.type == pa.null():
        values = values.cast(pa.string())
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        values = _mended(values)
    _, offset_buffer, data_buffer = values.buffers()
    if offset_buffer is None or len(values) == 0:
        offsets = np.zeros(len(values) + 1, dtype=np.int32)
    else:
        offsets = np.frombuffer(offset_buffer, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    if data_buffer is None or data_buffer.size == 0:
        data = np.frombuffer(bytes(8), dtype=np.uint8)
    else:
        data = np.frombuffer(data_buffer, dtype=np.uint8)
    return Text(data, _read_only(offsets), known(values))


def _read_only(values: Array) -> Array:
    # One kind of array everywhere, so that numba compiles each kernel once.
    view = values.view()
    view.flags.writeable = False
    return view


def read_only(values: Array) -> Array:
    """The same array, not to be written to: kernels are compiled for that kind only."""
    return _read_only(values)


def _mended(values: pa.Array) -> pa.Array:
    raw = values.cast(pa.binary()) if values.type != pa.binary() else values
    return pa.array([None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()], pa.string())


def known(values: pa.Array) -> Array:
    """Which rows are not null, as bool."""
    if values.null_count == 0:
        return np.ones(len(values), dtype=np.bool_)
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def int64_array(values: Array, valid: Array) -> pa.Array:
    """int64 Arrow array, null where not `valid`."""
    return number_array(values, valid, pa.int64())


def number_array(values: Array, valid: Array, kind: pa.DataType) -> pa.Array:
    """Arrow array of a number type, null where not `valid`; values out of the type's range become its ends."""
    wanted = np.dtype(kind.to_pandas_dtype())
    if np.issubdtype(wanted, np.integer) and values.dtype != wanted:
        limits = np.iinfo(wanted)
        values = np.clip(values, limits.min, limits.max)
    out = np.ascontiguousarray(values.astype(wanted, copy=False))
    mask = None if valid.all() else pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(kind, len(out), [mask, pa.py_buffer(out)])

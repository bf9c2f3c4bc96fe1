"""The set of tools offered with a call, as one keyed hash in which order and repeats don't count."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pyarrow as pa

from stillwatch.sketch.columns import read_only, text_column
from stillwatch.sketch.siphash import siphash_numbers, siphash_spans

Array = Any


def hash_tool_sets(tools: pa.Array, key: Any) -> tuple[Array, Array]:
    """(tools offered, hash of the set) for each row of a list<string> array; 0 and 0 where none were offered."""
    names = text_column(tools.values)
    hashes = np.zeros(len(tools.values), dtype=np.int64)
    siphash_spans(names.data, names.offsets, *key, False, hashes)
    offsets = read_only(np.asarray(tools.offsets.to_numpy(zero_copy_only=False), dtype=np.int64))
    present = np.asarray(tools.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
    return _hash_sets(hashes.view(np.uint64), offsets, present, key[0], key[1])  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hash_sets(hashes: Array, offsets: Array, present: Array, k0: Any, k1: Any) -> Any:
    offered, out = np.zeros(present.size, dtype=np.int64), np.zeros(present.size, dtype=np.int64)
    for row in range(present.size):
        if not present[row] or offsets[row + 1] == offsets[row]:
            continue
        own = np.sort(hashes[offsets[row] : offsets[row + 1]])
        offered[row] = own.size
        distinct = 1
        for i in range(1, own.size):
            if own[i] != own[distinct - 1]:
                own[distinct] = own[i]
                distinct += 1
        hashed = np.int64(siphash_numbers(own, distinct, k0, k1))
        out[row] = hashed if hashed != 0 else 1
    return offered, out

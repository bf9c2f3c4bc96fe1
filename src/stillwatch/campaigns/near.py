"""Close, and left alone: linked groups that score `mixed` and are in no campaign, with the most on each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.actors.book import Book
from stillwatch.campaigns.calibration import label
from stillwatch.campaigns.findings import Reported
from stillwatch.campaigns.weigh import Weighed
from stillwatch.linking.candidate import Candidate

Array = np.ndarray[Any, Any]

SCHEMA = pa.schema([
    ("near", pa.string()), ("account_id", pa.string()), ("score", pa.float64()), ("how", pa.string()),
    ("exchanges", pa.int64()), ("pro_bits", pa.float64()), ("pro", pa.string()), ("against_bits", pa.float64()),
    ("against", pa.string()),
])  # fmt: skip
"""A row for each account of each such group; what is said of the group stands in each of them."""
_MOST = 12
_LEAST_BITS = 0.05


def write_near(
    folder: Path, book: Book, found: Sequence[Candidate], weighed: Weighed, reported: Sequence[Reported], guilt: Array
) -> None:
    """Writes near.parquet: `guilt` (0..1) is each candidate's calibrated probability."""
    pq.write_table(near_misses(book, found, weighed, reported, guilt), folder / "near.parquet", compression="zstd")


def near_misses(
    book: Book, found: Sequence[Candidate], weighed: Weighed, reported: Sequence[Reported], guilt: Array
) -> pa.Table:
    """The `mixed` groups in SCHEMA, highest score first; of groups that share most accounts only the first."""
    taken = np.zeros(book.accounts, dtype=bool)
    for r in reported:
        taken[r.chosen.candidate.members] = True
    rows: list[dict[str, Any]] = []
    groups = 0
    for i in np.argsort(-guilt, kind="stable").tolist():
        score = 100.0 * float(guilt[i])
        members = found[i].members
        if groups == _MOST or label(score) == "clear":
            break
        if label(score) != "mixed" or taken[members].mean() > 0.5:
            continue
        taken[members] = True
        groups += 1
        told = {"near": f"group {groups}", "score": score, "how": found[i].how,
                "exchanges": int(book.n[members].sum()), **_both_sides(weighed, i)}  # fmt: skip
        rows.extend({**told, "account_id": book.ids[m]} for m in members)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _both_sides(weighed: Weighed, i: int) -> Mapping[str, Any]:
    """What speaks most for and most against candidate `i`; null and empty where nothing does."""
    bits = {name: float(b[i]) for name, b in weighed.bits.items() if np.isfinite(weighed.opinions[name].statistic[i])}
    most, least = max(bits, key=bits.__getitem__, default=""), min(bits, key=bits.__getitem__, default="")
    pro = most if bits.get(most, 0.0) >= _LEAST_BITS else ""
    against = least if bits.get(least, 0.0) <= -_LEAST_BITS else ""
    return {
        "pro_bits": bits.get(pro), "pro": weighed.opinions[pro].says(i) if pro else "",
        "against_bits": bits.get(against), "against": weighed.opinions[against].says(i) if against else "",
    }  # fmt: skip

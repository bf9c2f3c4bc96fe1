"""How many, as others may read it: one interval and one rounding, for the letter and for machines alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.report.findings import Findings

_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Between:
    """A count as an interval, both ends included."""

    low: int
    high: int


def rounded(low: int, high: int) -> Between:
    """An interval rounded outwards to the first two digits of its upper end: 2,345 to 2,345 is told as 2,300 to 2,400.

    It never closes to one number: that would be the exact count.
    """
    step = step_of(high)
    down, up = low // step * step, -(-high // step) * step
    return Between(down, up if up > down else down + step)


def step_of(high: int) -> int:
    """What an interval with this upper end is rounded to."""
    return int(10 ** max(len(str(high)) - 2, 0))


def lower_bounds(findings: Findings, row: Mapping[str, Any]) -> tuple[int, int]:
    """(accounts, exchanges) of a campaign that belong to it with 95 % confidence, from its members' own scores.

    A network's members count by its coordination: a member's own score says nothing of whether it belongs.
    """
    members = findings.accounts.filter(
        pc.is_in(findings.accounts["account_id"], value_set=pa.array(row["account_ids"] or [], pa.string()))
    )
    certain = np.nan_to_num(members["score"].to_numpy(zero_copy_only=False).astype(float), nan=0.0) / 100.0
    volume = np.nan_to_num(members["exchanges"].to_numpy(zero_copy_only=False).astype(float))
    if row["kind"] == "account_network":
        certain = np.full(len(certain), (row["coordination_score"] or 0.0) / 100.0)
    return _low(certain, np.ones(len(certain))), _low(certain, volume)


def _low(certain: Any, volume: Any) -> int:
    """The lower bound of a sum over uncertain members: its mean less what 95 % of the time covers."""
    mean = float((certain * volume).sum())
    spread = math.sqrt(float((certain * (1 - certain) * volume**2).sum()))
    return max(int(mean - _NORMAL_95 * spread), 0)

"""Which accounts sent templates that another provider saw in a campaign: exact matches of public fingerprints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from stillwatch.store.window import Window, numbers

Array = np.ndarray[Any, Any]

#: So many different marks of one foreign campaign must an account have sent before it counts: one is a coincidence.
LEAST_MARKS = 3


def _none() -> sp.csr_matrix:
    return sp.csr_matrix((0, 0), dtype=np.float64)


@dataclass(frozen=True)
class Foreign:
    """Accounts x foreign campaigns: `marks`, distinct marks sent; `sent`, exchanges that at least carry one."""

    marks: sp.csr_matrix = field(default_factory=_none)
    sent: sp.csr_matrix = field(default_factory=_none)
    confidence: Array = field(default_factory=lambda: np.zeros(0))
    """How sure its source is of each foreign campaign, 0..1."""

    @property
    def known(self) -> bool:
        """Whether any indicator was there to be asked."""
        return len(self.confidence) > 0

    def hits(self) -> sp.csr_matrix:
        """Accounts x campaigns, 1 where an account sent enough marks; of two campaigns with the same marks, both."""
        hit = self.marks.copy()
        hit.data = (hit.data >= LEAST_MARKS).astype(np.float64)
        hit.eliminate_zeros()
        return hit

    def covered(self) -> sp.csr_matrix:
        """`sent`, of the accounts that sent enough marks."""
        return sp.csr_matrix(self.sent.multiply(self.hits()))


def foreign_matches(window: Window, lookup: Array, count: int) -> Foreign:
    """Matches the window's marks with its indicators; `lookup` gives account number to row, `count` the rows."""
    table = window.indicators
    if table is None or table.num_rows == 0:
        return Foreign()
    import ibis

    campaigns = int(numbers(table.column("campaign")).max()) + 1
    confidence = np.zeros(campaigns)
    np.maximum.at(confidence, np.asarray(table.column("campaign")), numbers(table.column("confidence")))
    marks = sp.csr_matrix((count, campaigns))
    sent = sp.csr_matrix((count, campaigns))
    t = window.exchanges
    for kind, source, most in (
        ("opening", t.filter(t.opening.notnull()).select("account", value=t.opening), False),
        ("closing", t.filter(t.closing.notnull()).select("account", value=t.closing), False),
        ("shingle", window.fingerprints.select("account", "n", value=window.fingerprints.fingerprint), True),
    ):
        wanted = table.filter(pa.compute.equal(table.column("kind"), kind)).select(["campaign", "value"])
        if not wanted.num_rows:
            continue
        asked = ibis.memtable(wanted)
        found = source.semi_join(asked, "value")
        rows = found.n.sum() if most else found.count()
        held = found.group_by(["account", "value"]).aggregate(n=rows)
        each = held.inner_join(asked, "value")
        # A text holds many shingles: their counts don't add up to exchanges, the largest is one that surely is.
        carried = each.n.max() if most else each.n.sum()
        summed = each.group_by(["account", "campaign"]).aggregate(marks=each.count(), sent=carried).to_pyarrow()
        at = (lookup[np.asarray(summed.column("account"))], np.asarray(summed.column("campaign")))
        marks = marks + sp.csr_matrix((numbers(summed.column("marks")), at), shape=(count, campaigns))
        sent = sent.maximum(sp.csr_matrix((numbers(summed.column("sent")), at), shape=(count, campaigns)))
    return Foreign(sp.csr_matrix(marks), sp.csr_matrix(sent), confidence)

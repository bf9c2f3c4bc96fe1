"""Which accounts another provider's campaign is seen in: its templates, as public fingerprints, and tokens of what its
accounts held (payment, phone, device ...)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from stillwatch.store.indicators import TOKEN
from stillwatch.store.window import Window, numbers

Array = np.ndarray[Any, Any]

#: So many different marks of one foreign campaign must an account have sent before it counts: one is a coincidence.
LEAST_MARKS = 3
#: Kinds of tokens of which one is enough: hardly any two strangers have the same. A network is many people's, and a
#: template's fingerprint is a mark like any other: `LEAST_MARKS` of them.
ONE_IS_ENOUGH = ("payment", "email", "phone", "device")
_BESIDE_ANOTHER = "network"


def _none() -> sp.csr_matrix:
    return sp.csr_matrix((0, 0), dtype=np.float64)


@dataclass(frozen=True)
class Foreign:
    """Accounts x foreign campaigns: `marks`, distinct marks sent; `sent`, exchanges that at least carry one."""

    marks: sp.csr_matrix = field(default_factory=_none)
    sent: sp.csr_matrix = field(default_factory=_none)
    confidence: Array = field(default_factory=lambda: np.zeros(0))
    """How sure its source is of each foreign campaign, 0..1."""
    tokens: dict[str, sp.csr_matrix] = field(default_factory=dict)
    """By kind, accounts x campaigns: how many different tokens of that kind an account holds."""

    @property
    def known(self) -> bool:
        """Whether any indicator was there to be asked."""
        return len(self.confidence) > 0

    def senders(self) -> sp.csr_matrix:
        """Accounts x campaigns, 1 where an account sent enough marks; of two campaigns with the same marks, both."""
        return _at_least(self.marks, LEAST_MARKS)

    def holders(self) -> sp.csr_matrix:
        """Accounts x campaigns, 1 where an account holds tokens enough: one of a kind of which one is enough, three
        templates, or a network beside templates that it sent."""
        held = sp.csr_matrix(self.marks.shape)
        for kind, n in self.tokens.items():
            if kind == _BESIDE_ANOTHER:
                held = held + _at_least(n, 1).multiply(_at_least(self.marks, 1))
            else:
                held = held + _at_least(n, 1 if kind in ONE_IS_ENOUGH else LEAST_MARKS)
        return _at_least(held, 1)

    def hits(self) -> sp.csr_matrix:
        """Accounts x campaigns, 1 where an account sent enough marks or holds tokens enough."""
        return self.senders().maximum(self.holders())

    def covered(self) -> sp.csr_matrix:
        """`sent`, of the accounts that sent enough marks."""
        return sp.csr_matrix(self.sent.multiply(self.senders()))


def _at_least(counts: sp.csr_matrix, least: int) -> sp.csr_matrix:
    one = sp.csr_matrix(counts)
    one = sp.csr_matrix(((one.data >= least).astype(np.float64), one.indices, one.indptr), shape=one.shape)
    one.eliminate_zeros()
    return one


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
    return Foreign(sp.csr_matrix(marks), sp.csr_matrix(sent), confidence, _tokens(table, lookup, (count, campaigns)))


def _tokens(table: pa.Table, lookup: Array, shape: tuple[int, int]) -> dict[str, sp.csr_matrix]:
    """By kind, how many tokens each account of the window holds; accounts outside it are left out."""
    kinds = np.asarray(table.column("kind").to_pylist(), dtype=object)
    out: dict[str, sp.csr_matrix] = {}
    values = np.asarray(table.column("value"))
    for kind in sorted({k for k in kinds if k.startswith(TOKEN)}):
        mine = kinds == kind
        accounts = values[mine]
        campaigns = np.asarray(table.column("campaign"))[mine]
        known = (accounts >= 0) & (accounts < len(lookup))
        rows = np.where(known, lookup[np.where(known, accounts, 0)], -1)
        here = rows >= 0
        out[kind.removeprefix(TOKEN)] = sp.csr_matrix(
            (np.ones(int(here.sum())), (rows[here], campaigns[here])), shape=shape
        )
    return out

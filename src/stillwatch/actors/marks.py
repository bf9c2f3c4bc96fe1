"""What accounts leave behind that others may share: kinds of marks, without threshold or opinion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class MarkKind:
    """One kind of mark. Marks of one `family` are not independent of each other and count once."""

    name: str
    family: str
    says: str
    """How a sentence names it, plural: 'payment methods'."""
    source: str
    """exchanges, fingerprints, turns or account."""
    value: Callable[[Any], Any]
    """The Ibis value expression (exchanges, fingerprints, turns), or the account column's name as a lambda."""
    trust: float = 1.0
    """How far sharing a *rare* value speaks for one hand, 0..1 (low: shared by fashion or software)."""
    of: tuple[str, ...] = ()
    """The columns that a value is made of, where making it is costly."""


_SETTINGS = ("temperature", "top_p", "max_tokens", "n", "logprobs", "stream")


def _settings_text(t: Any) -> Any:
    # Floats as millionths, since no two engines write a float alike.
    parts = [
        (t[name].cast("float64") * 1e6).round().cast("int64") if name in ("temperature", "top_p") else t[name]
        for name in _SETTINGS
    ]
    known = t.temperature.notnull() | t.max_tokens.notnull() | t.top_p.notnull()
    text = parts[0].cast("string").fill_null("-")
    for part in parts[1:]:
        text = text + "|" + part.cast("string").fill_null("-")
    return known.ifelse(text, None)


KINDS: tuple[MarkKind, ...] = (
    MarkKind("ip", "network", "request addresses", "exchanges", lambda t: t.ip, 0.8),
    MarkKind("net", "network", "request networks (/24, /48)", "exchanges", lambda t: t.net, 0.5),
    MarkKind("client", "setup", "client fingerprints with user agent", "exchanges", lambda t: t.client, 0.4),
    MarkKind("settings", "setup", "request settings", "exchanges", _settings_text, 0.3, _SETTINGS),
    MarkKind("tools", "setup", "tool sets", "exchanges", lambda t: t.tools.nullif(0), 0.4),
    MarkKind("key", "credential", "credentials", "exchanges", lambda t: t.key, 1.0),
    MarkKind("session", "history", "sessions", "exchanges", lambda t: t.session, 0.6),
    MarkKind(
        "history",
        "history",
        "inbound conversations",
        "exchanges",
        lambda t: (t.assistant_turns > 0).ifelse(t.history, None),
        0.9,
    ),
    MarkKind("turn", "history", "assistant turns in histories", "turns", lambda t: t.turn, 0.8),
    MarkKind("end_user", "end_users", "end users", "exchanges", lambda t: t.end_user, 0.6),
    MarkKind("prompt", "content", "exact prompts", "exchanges", lambda t: t.prompt, 0.5),
    MarkKind("masked", "content", "prompts but for numbers and quotations", "exchanges", lambda t: t.masked, 0.5),
    MarkKind("opening", "content", "opening words", "exchanges", lambda t: t.opening, 0.5),
    MarkKind("closing", "content", "closing words", "exchanges", lambda t: t.closing, 0.5),
    MarkKind("fingerprint", "content", "prompt fingerprints", "fingerprints", lambda t: t.fingerprint, 0.5),
    MarkKind("system", "system", "system prompts", "exchanges", lambda t: t.system, 0.5),
    MarkKind("system_opening", "system", "openings of system prompts", "exchanges", lambda t: t.system_opening, 0.4),
    MarkKind("payment", "payment", "payment methods", "account", lambda a: a["payment"], 1.0),
    MarkKind("email", "registration", "e-mail addresses", "account", lambda a: a["email"], 1.0),
    MarkKind("phone", "registration", "telephone numbers", "account", lambda a: a["phone"], 1.0),
    MarkKind("device", "registration", "sign-up devices", "account", lambda a: a["device"], 1.0),
    MarkKind("email_pattern", "registration", "e-mail domain and shape", "account", lambda a: a["email_pattern"], 0.4),
    MarkKind("referrer", "registration", "referrers", "account", lambda a: a["referrer"], 0.3),
    MarkKind("signup_ip", "network", "sign-up addresses", "account", lambda a: a["signup_ip"], 0.8),
    MarkKind("signup_net", "network", "sign-up networks", "account", lambda a: a["signup_net"], 0.5),
    MarkKind("organisation", "organisation", "organisations", "account", lambda a: a["org"], 1.0),
    MarkKind("signup_hour", "signup_time", "sign-up hours", "account", lambda a: a["signup_hour"], 0.4),
)

KIND: dict[str, MarkKind] = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class MarkTable:
    """Accounts by values of one kind: `counts` is accounts x values (exchanges, or 1), values that two or more hold."""

    kind: MarkKind
    counts: sp.csr_matrix
    values: np.ndarray[Any, Any]
    held: np.ndarray[Any, Any]
    """Distinct values of each account, shared or not; 0 where none is known."""
    rows: np.ndarray[Any, Any]
    """Exchanges of each account with a known value (1 for account marks)."""
    _held_by: dict[float, sp.csr_matrix] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def binary(self) -> sp.csr_matrix:
        """`counts` with a 1 for each value that an account holds; not to be changed."""
        counts = self.counts
        ones = sp.csr_matrix((np.ones_like(counts.data), counts.indices, counts.indptr), shape=counts.shape, copy=False)
        ones.has_sorted_indices = ones.has_canonical_format = True
        return ones

    @cached_property
    def holders(self) -> np.ndarray[Any, Any]:
        """Accounts for each value."""
        return np.bincount(self.counts.indices, minlength=self.counts.shape[1])

    def held_by(self, least_share: float) -> sp.csr_matrix:
        """`binary`, only with values that make up `least_share` of an account's exchanges; not to be changed."""
        if least_share <= 0.0 or not self.counts.nnz:
            return self.binary
        if least_share not in self._held_by:
            edges = self.counts.tocoo()
            keep = edges.data >= least_share * np.maximum(self.rows[edges.row], 1.0)
            ones = np.ones(int(keep.sum()), dtype=np.float32)
            self._held_by[least_share] = sp.csr_matrix((ones, (edges.row[keep], edges.col[keep])), shape=edges.shape)
        return self._held_by[least_share]

    @classmethod
    def build(
        cls, kind: MarkKind, accounts: int, rows: Any, column: Any, values: Any, n: Any, held: Any, known: Any
    ) -> MarkTable:
        """From edge arrays (account position, place in `values`, count); `values` ascending, each once."""
        counts = sp.csr_matrix(
            (np.asarray(n, dtype=np.float32), (rows, np.asarray(column, dtype=np.int32))),
            shape=(accounts, len(values)),
        )
        counts.sum_duplicates()
        return cls(kind, counts, values, np.asarray(held, dtype=float), np.asarray(known, dtype=float))

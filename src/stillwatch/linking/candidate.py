"""A candidate group: accounts that share something, before anybody has weighed what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Candidate:
    """Accounts (positions in the book, ascending) and the families of marks that put them together."""

    members: Array
    formed_by: frozenset[str]
    how: str

    @property
    def size(self) -> int:
        """Accounts."""
        return len(self.members)

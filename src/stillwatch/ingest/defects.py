"""What is wrong with a row, told without a word of the row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Defect:
    """A row that is not taken: `row` counts from 1 (a line, or a row of Parquet; 0 is the file itself).

    `rows` is more than 1 where rows are lost together: they begin at `row`.
    """

    row: int
    reason: str
    field: str | None
    sha256: str | None
    rows: int = 1

    @property
    def key(self) -> str:
        """How it is counted: `field: reason`, or the reason alone."""
        return f"{self.field}: {self.reason}" if self.field else self.reason

    def as_dict(self, file: str) -> dict[str, Any]:
        """The quarantine line of it."""
        line = {"file": file, "row": self.row, "reason": self.reason, "field": self.field, "sha256": self.sha256}
        return line if self.rows == 1 else {**line, "rows": self.rows}


def digest(raw: bytes | memoryview) -> str:
    """Hex SHA-256: lets an operator find the row again in a log, tells nothing by itself."""
    return hashlib.sha256(raw).hexdigest()


class RowFault(ValueError):
    """A row, or one field of it, that cannot be taken."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field

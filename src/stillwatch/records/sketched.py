"""What the text pass returns for a batch of exchanges."""

from __future__ import annotations

from typing import Any, NamedTuple


class Sketched(NamedTuple):
    """Three Arrow record batches: KEPT (one row an exchange), FINGERPRINTS and TURNS (summed over the batch)."""

    kept: Any
    fingerprints: Any
    turns: Any

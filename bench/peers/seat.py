"""SEAT on text embeddings: how many of a window's queries are near copies of an earlier one?

Source: Zhang, Chen and Wagner, "SEAT: Similarity Encoder by Adversarial Training for Detecting Model Extraction Attack
Queries", AISec at CCS 2021, adapted: the given text encoder in place of its trained image encoder, share of similar
queries instead of a count per account, two-sided threshold. Own code.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.peers.prada import nearest_earlier

Floats = npt.NDArray[np.float64]
_NULL_WINDOWS = 80
#: Share of benign queries that may look like a near copy of an earlier one among `_NEAR_AMONG`.
_NEAR_SHARE = 0.05
_NEAR_AMONG = 200


class Seat:
    """Share of queries nearer to an earlier one than a benign distance, against benign windows of the same size."""

    NAME = "SEAT"

    def fit(self, reference: Floats, calibration: Floats, rng: np.random.Generator) -> None:
        """Sets what counts as similar on `reference`; keeps `calibration`; both (n, d) benign rows."""
        reference, self._calibration, self._rng = np.asarray(reference, float), np.asarray(calibration, float), rng
        size = min(_NEAR_AMONG, len(reference))
        distances = [
            nearest_earlier(reference[rng.choice(len(reference), size, replace=False)]) for _ in range(_NULL_WINDOWS)
        ]
        self._near = float(np.quantile(np.concatenate(distances), _NEAR_SHARE)) + 1e-9
        self._null: dict[int, tuple[float, float]] = {}

    def score(self, window: Floats) -> float:
        """Deviations of the share of similar queries from the benign one, either way; 0 for fewer than two rows."""
        window = np.asarray(window, float)
        if len(window) < 2:
            return 0.0
        middle, spread = self._benign(len(window))
        return abs(self._similar(window) - middle) / spread

    def _similar(self, window: Floats) -> float:
        return float((nearest_earlier(window) <= self._near).mean())

    def _benign(self, n: int) -> tuple[float, float]:
        if n not in self._null:
            size = min(n, len(self._calibration))
            draws = np.asarray([
                self._similar(self._calibration[self._rng.choice(len(self._calibration), size, replace=False)])
                for _ in range(_NULL_WINDOWS)
            ])  # fmt: skip
            # One similar query more or less is no deviation, however rare similar ones are.
            self._null[n] = float(draws.mean()), float(max(draws.std(), 1.0 / n))
        return self._null[n]

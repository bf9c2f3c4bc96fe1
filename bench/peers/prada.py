"""PRADA on text embeddings: are the nearest distances within a window distributed as in benign windows?

Source: Juuti et al., "PRADA: Protecting against DNN Model Stealing Attacks", EuroS&P 2019 (arXiv 1805.02628), adapted:
no classes, one window of text embeddings in place of a client's images, two-sided threshold. Own code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import shapiro

Floats = npt.NDArray[np.float64]
_NULL_WINDOWS = 80
_LEAST = 5


def nearest_earlier(window: Floats) -> Floats:
    """Distance of each row (from the second on) to the nearest row before it; (n, d) gives (n - 1,)."""
    squares = (window**2).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2.0 * window @ window.T
    apart[np.triu_indices(len(window))] = np.inf
    return np.sqrt(np.maximum(apart[1:].min(axis=1), 0.0))


class Prada:
    """Shapiro-Wilk's W of nearest distances, as its distance from benign windows' W of the same size."""

    NAME = "PRADA"

    def fit(self, reference: Floats, calibration: Floats, rng: np.random.Generator) -> None:
        """Keeps `calibration`, (n, d) benign rows; PRADA itself learns nothing from `reference`."""
        self._calibration, self._rng = np.asarray(calibration, float), rng
        self._null: dict[int, tuple[float, float]] = {}

    def score(self, window: Floats) -> float:
        """Deviations of W from the benign median, either way; 0 for windows of fewer than five rows."""
        window = np.asarray(window, float)
        if len(window) < _LEAST:
            return 0.0
        middle, spread = self._benign(len(window))
        return abs(self._normality(window) - middle) / spread

    @staticmethod
    def _normality(window: Floats) -> float:
        distances = nearest_earlier(window)
        distances = distances[np.abs(distances - distances.mean()) <= 3 * distances.std() + 1e-12]  # as PRADA trims
        if len(distances) < 3 or np.ptp(distances) < 1e-9:
            return 0.0  # all alike: as far from normal as can be
        answer: Any = shapiro(distances)
        return float(answer.statistic)

    def _benign(self, n: int) -> tuple[float, float]:
        if n not in self._null:
            size = min(n, len(self._calibration))
            draws = np.asarray([
                self._normality(self._calibration[self._rng.choice(len(self._calibration), size, replace=False)])
                for _ in range(_NULL_WINDOWS)
            ])  # fmt: skip
            self._null[n] = float(np.median(draws)), float(draws.std() + 1e-3)
        return self._null[n]

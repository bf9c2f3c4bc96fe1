"""Marginal Mahalanobis distance of a window's embeddings from one benign Gaussian.

Source: Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples", NeurIPS 2018; marginal and
averaged over a window as the MMD paper's baseline does (arXiv 2606.05725). Own code.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_SHRINK = 0.1


class Mahalanobis:
    """Mean squared Mahalanobis distance of a window, divided by that of the calibration rows."""

    NAME = "Mahalanobis"

    def fit(self, reference: Floats, calibration: Floats, rng: np.random.Generator) -> None:
        """Fits mean and shrunk covariance on `reference`, the unit on `calibration`; both (n, d) benign rows."""
        reference = np.asarray(reference, float)
        self._mean = reference.mean(axis=0)
        covariance = np.atleast_2d(np.cov(reference, rowvar=False))
        level = max(float(np.trace(covariance)) / len(covariance), 1e-12)
        self._inverse = np.linalg.inv((1 - _SHRINK) * covariance + _SHRINK * level * np.eye(len(covariance)))
        self._unit = 1.0
        self._unit = self.score(calibration)

    def score(self, window: Floats) -> float:
        """About 1 for benign windows, higher for what lies further off; 0 for an empty window."""
        if not len(window):
            return 0.0
        away = np.asarray(window, float) - self._mean
        return float(np.einsum("ij,jk,ik->i", away, self._inverse, away, optimize=True).mean()) / self._unit

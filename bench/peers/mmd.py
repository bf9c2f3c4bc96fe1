"""MMD (arXiv 2606.05725), written anew from the paper's protocol: a kernel two-sample statistic over a window.

Unbiased MMD^2 under the mean of four RBF kernels (0.5, 1, 2 and 4 times the median benign distance), averaged over 20
reference windows. Two nulls: the paper's (pairs of benign windows, one against one) and a matched one (held-out benign
windows, scored as a test window is).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class MMD:
    """Higher score = further from the benign reference."""

    def __init__(self, pairs: int = 1000, matched: int = 499) -> None:
        self._pairs, self._matched = pairs, matched

    def fit(self, reference: Array, calibration: Array, rng: np.random.Generator) -> None:
        """Take reference and calibration vectors [n x d] and the median distance of at most 2,000 of them."""
        self._reference, self._calibration, self._rng = reference, calibration, rng
        some = reference[rng.permutation(len(reference))[:2000]]
        square = _squares(some, some)[np.triu_indices(len(some), 1)]
        self._median = float(np.median(np.sqrt(square)))
        self._inside = self._kernel(reference, reference)
        self._windows: dict[int, tuple[NDArray[np.float64], float]] = {}

    def score(self, window: Array) -> float:
        """Mean unbiased MMD^2 of the window [n x d] against the 20 reference windows of its size."""
        n = len(window)
        weight, self_mean = self._reference_windows(n)
        own = self._kernel(window, window)
        cross = self._kernel(window, self._reference).sum(0, dtype=np.float64) @ weight / n
        return float((own.sum(dtype=np.float64) - n) / (n * (n - 1)) + self_mean - 2 * cross)

    def paper_threshold(self, n: int, percentile: float = 95.0) -> float:
        """The percentile of 1,000 benign windows, each against one other, disjoint within the pair."""
        k, out = self._inside, []
        for _ in range(self._pairs):
            at = self._rng.permutation(len(k))[: 2 * n]
            a, b = at[:n], at[n:]
            within = sum(float(k[np.ix_(s, s)].sum(dtype=np.float64) - n) / (n * (n - 1)) for s in (a, b))
            out.append(within - 2 * float(k[np.ix_(a, b)].mean(dtype=np.float64)))
        return float(np.percentile(out, percentile))

    def matched_null(self, n: int) -> NDArray[np.float64]:
        """Scores of held-out benign windows of n texts, drawn without replacement within a window."""
        c = self._calibration
        draws = (c[self._rng.permutation(len(c))[:n]] for _ in range(self._matched))
        return np.asarray([self.score(w) for w in draws])

    def _reference_windows(self, n: int) -> tuple[NDArray[np.float64], float]:
        if n not in self._windows:
            weight, inside = np.zeros(len(self._reference)), []
            for _ in range(20):
                at = self._rng.permutation(len(self._reference))[:n]
                weight[at] += 1 / (20 * n)
                inside.append((self._inside[np.ix_(at, at)].sum(dtype=np.float64) - n) / (n * (n - 1)))
            self._windows[n] = (weight, float(np.mean(inside)))
        return self._windows[n]

    def _kernel(self, left: Array, right: Array) -> Array:
        u = np.exp(_squares(left, right) / np.float32(-2 * (4 * self._median) ** 2))
        four = u**4
        sixteen = four**4
        out: Array = (u + four + sixteen + sixteen**4) / np.float32(4)
        return out


def _squares(left: Array, right: Array) -> Array:
    out: Array = np.maximum((left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2 * left @ right.T, 0)
    return out

"""The window test: is a part of these texts dense where benign texts are sparse?

Each statistic compares, text by text, how near the window's other texts lie with how near benign texts lie, at several
radii, in the encoder's space and in a whitened one. The null is matched: the same statistics for windows of the same
size drawn from the benign pool without replacement against the rest of that pool.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import UsageError

Array = NDArray[np.float32]
Numbers = NDArray[np.float64]

_RADII = (0.05, 0.15, 0.4)  # temperatures of exp((cosine - 1) / t): from near-copies to one topic
_WHITE_RADII = (0.1, 0.3)
_KEPT = 96  # principal directions that a whitened space keeps
_RAW, _WHITE = "raw", "white"


class WindowTest:
    """A benign pool of vectors, and what windows drawn from it look like.

    After `fit`, `p_value` of a window [n x d] is at most alpha with a probability of about alpha for benign windows.
    """

    def __init__(self, draws: int = 499) -> None:
        self._draws = draws
        self._nulls: dict[int, tuple[Numbers, Numbers, Numbers]] = {}

    def fit(self, reference: Array, calibration: Array | None = None, rng: np.random.Generator | None = None) -> None:
        """Take the benign pool: reference and calibration, [n x d] each, joined (the null draws its own halves)."""
        pool = reference if calibration is None else np.vstack([reference, calibration])
        if pool.ndim != 2 or not np.isfinite(pool).all():
            raise UsageError("window test", "the benign vectors are no finite table [n x d]")
        self._rng = np.random.default_rng(0) if rng is None else rng
        self._pool = _unit(np.asarray(pool, np.float32))
        self._centre = self._pool.mean(0)
        _, size, axes = np.linalg.svd(self._pool - self._centre, full_matrices=False)
        kept = min(_KEPT, max(1, len(pool) // 10), len(size))
        spread = size / np.sqrt(len(pool))
        # Shrunk towards the mean spread, so that a direction with hardly any benign variance is not blown up.
        self._axes = (axes[:kept].T / np.sqrt(spread[:kept] ** 2 + 0.1 * np.mean(spread[:kept] ** 2))).astype(np.float32)
        self._white = self._whiten(self._pool)
        self._inside = _kernels(self._pool, self._pool, self._white, self._white)
        self._nulls = {}

    def score(self, window: Array) -> float:
        """How far the window's strongest statistic stands above the null's median, in null spreads (1 = its 95 %)."""
        n = len(window)
        middle, scale, _ = self._null(n)
        return float(np.max((self._statistics_of(window) - middle) / scale))

    def p_value(self, window: Array) -> float:
        """(1 + null windows at least as high) / (1 + null windows), for a window [n x d] of at least 8 texts."""
        _, _, top = self._null(len(window))
        return float((1 + np.sum(top >= self.score(window))) / (1 + len(top)))

    def _null(self, n: int) -> tuple[Numbers, Numbers, Numbers]:
        if n < 8:
            raise UsageError("window test", f"{n} texts are too few for a window", "give at least 8")
        if len(self._pool) < 2 * n:
            raise UsageError(
                "window test",
                f"{len(self._pool)} benign vectors are too few for windows of {n}",
                f"give at least {2 * n}, or a window of at most {len(self._pool) // 2}",
            )
        if n not in self._nulls:
            total = [k.sum(1, dtype=np.float64) - 1.0 for k in self._inside]
            rows = []
            for _ in range(self._draws):
                at = self._rng.choice(len(self._pool), n, replace=False)
                mutual = [k[np.ix_(at, at)].sum(1, dtype=np.float64) - 1.0 for k in self._inside]
                rest = len(self._pool) - n
                rows.append(
                    _statistics(
                        [m / (n - 1) for m in mutual],
                        [(t[at] - m) / rest for t, m in zip(total, mutual, strict=True)],
                        self._white[at],
                    )
                )
            seen = np.asarray(rows)
            middle = np.median(seen, 0)
            scale = np.maximum(np.quantile(seen, 0.95, axis=0) - middle, 1e-12)
            self._nulls[n] = (middle, scale, ((seen - middle) / scale).max(1))
        return self._nulls[n]

    def _statistics_of(self, window: Array) -> Numbers:
        own = _unit(np.asarray(window, np.float32))
        white = self._whiten(own)
        n = len(own)
        # The null's windows saw the pool less one window: so does this one.
        left = self._rng.permutation(len(self._pool))[n:]
        mutual = [(k.sum(1, dtype=np.float64) - 1.0) / (n - 1) for k in _kernels(own, own, white, white)]
        others = _kernels(own, self._pool[left], white, self._white[left])
        return _statistics(mutual, [k.mean(1, dtype=np.float64) for k in others], white)

    def _whiten(self, unit: Array) -> Array:
        white: Array = (unit - self._centre) @ self._axes
        return white


def _statistics(mutual: list[Numbers], benign: list[Numbers], white: Array) -> Numbers:
    """Statistics of one window, higher = more suspicious, from each text's mean nearness to window and benign texts."""
    n = len(white)
    out: list[float] = []
    for near, expected in zip(mutual, benign, strict=True):
        # A floor: nearness below that of one benign neighbour in some hundreds is noise.
        floor = 0.2 * float(np.mean(expected)) + 1e-6
        excess = np.sort((near - expected) / np.sqrt(expected + floor))
        out.append(float(np.mean(near - expected)))
        out.append(float(np.mean(excess)))
        out.extend(float(np.mean(excess[-max(3, round(n * share)) :])) for share in (0.05, 0.12))
        out.append(float(np.mean(np.log((near + floor) / (expected + floor)))))
        out.append(float(-np.mean(np.log(expected + floor))))
    z = white.astype(np.float64)
    out.append(float((np.sum(z.sum(0) ** 2) - np.sum(z**2)) / (n * (n - 1))))
    return np.asarray(out)


def _kernels(left: Array, right: Array, white_left: Array, white_right: Array) -> list[Array]:
    """exp((cosine - 1) / t) between two sets of texts, at each radius of either space."""
    plain = np.minimum(left @ right.T, 1.0) - 1.0
    other = np.minimum(_unit(white_left) @ _unit(white_right).T, 1.0) - 1.0
    return [np.exp(plain / np.float32(t)) for t in _RADII] + [np.exp(other / np.float32(t)) for t in _WHITE_RADII]


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = vectors / np.maximum(length, np.float32(1e-12))
    return unit

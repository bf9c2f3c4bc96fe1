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

_RADII = (0.1, 0.2, 0.4)  # temperatures of exp((cosine - 1) / t): from near-copies to one topic
_WIDE = (2.0, 10.0)  # so wide that only the windows' means matter
_WHITE = (0.15, 0.3)  # the same in a space where benign texts spread alike in all directions
_LOOSE = 2.0  # and so wide, in usual distances, without unit lengths: whether the window's mean lies where theirs does
_SCALE_DRAWS = 200
_KEPT = 64  # directions of that space
_SHARES = (0.05, 0.12)  # the densest part of a window, as a harvest of few texts would be


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
        # The whitened space is learnt from a third, and the null's windows come from the rest: a window that had
        # shaped the space would look tamer in it than any new one.
        self._pool = self._pool[self._rng.permutation(len(self._pool))]
        self._given = len(self._pool)
        self._third = len(self._pool) // 3
        learnt = self._pool[: self._third]
        self._centre = learnt.mean(0)
        values, axes = np.linalg.eigh(np.cov(learnt.T))
        kept = values[-_KEPT:]
        self._axes = (axes[:, -_KEPT:] / np.sqrt(kept + 0.2 * kept.mean())).astype(np.float32)
        self._usual = 2 * float((((learnt - self._centre) @ self._axes) ** 2).sum(1).mean())  # squared distance
        # And only the rest is compared with: window and rest are then two draws from one set, as a new window and the
        # rest are two draws from one population.
        self._pool = self._pool[self._third :]
        self._inside = self._kernels(self._pool, self._pool)
        self._total = [k.sum(1, dtype=np.float64) - 1.0 for k in self._inside]
        self._nulls = {}

    def score(self, window: Array) -> float:
        """How far the window's strongest statistic stands above the null's median, in null spreads (1 = its 99 %)."""
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
        # Windows that are a large part of the pool they are drawn from differ too little from each other: the null
        # would be too narrow (measured: most benign windows alarm where a window is 60 % of that part).
        if 2 * len(self._pool) < 5 * n:
            raise UsageError(
                "window test",
                f"{self._given} benign vectors are too few for windows of {n}",
                f"give at least {-(-15 * n // 4) + 1}, or a smaller window",
            )
        if n not in self._nulls:
            rows = []
            for _ in range(_SCALE_DRAWS + self._draws):
                at = self._rng.choice(len(self._pool), n, replace=False)
                mutual, rest = self._without(at)
                size = len(self._pool) - n
                rows.append(
                    _statistics(
                        [m / (n - 1) for m in mutual],
                        [(t[at] - m) / size for t, m in zip(self._total, mutual, strict=True)],
                        rest,
                    )
                )
            seen = np.asarray(rows)
            # Scales come from draws of their own: ranked against the draws that set them, a new window looks wilder.
            scaling, seen = seen[:_SCALE_DRAWS], seen[_SCALE_DRAWS:]
            middle = np.median(scaling, 0)
            scale = np.maximum(np.quantile(scaling, 0.99, axis=0) - middle, 1e-12)
            self._nulls[n] = (middle, scale, ((seen - middle) / scale).max(1))
        return self._nulls[n]

    def _statistics_of(self, window: Array) -> Numbers:
        own = _unit(np.asarray(window, np.float32))
        n = len(own)
        # The null's windows saw the pool less one window: so does this one.
        order = self._rng.permutation(len(self._pool))
        mutual = [(k.sum(1, dtype=np.float64) - 1.0) / (n - 1) for k in self._kernels(own, own)]
        others = self._kernels(own, self._pool[order[n:]])
        _, rest = self._without(order[:n])
        return _statistics(mutual, [k.mean(1, dtype=np.float64) for k in others], rest)

    def _without(self, at: NDArray[np.intp]) -> tuple[list[Numbers], list[float]]:
        """(nearness of each of these texts of the pool to these, summed; mean nearness within the rest), by kernel."""
        mutual = [k[np.ix_(at, at)].sum(1, dtype=np.float64) - 1.0 for k in self._inside]
        size = len(self._pool) - len(at)
        within = [float(t.sum() - 2.0 * t[at].sum() + m.sum()) for t, m in zip(self._total, mutual, strict=True)]
        return mutual, [w / (size * (size - 1)) for w in within]

    def _kernels(self, left: Array, right: Array) -> list[Array]:
        """Nearness between two sets of texts, one for a text and itself; the wide kernels last.

        exp((cosine - 1) / t) at each radius of either space, and in the whitened one a Gaussian of the distance: a
        diffuse harvest moves the mean of many directions a little, which unit length would hide.
        """
        one = np.float32(1.0)
        plain = np.minimum(left @ right.T, one) - one
        long = [(side - self._centre) @ self._axes for side in (left, right)]
        white = [_unit(side) for side in long]
        other = np.minimum(white[0] @ white[1].T, one) - one
        ways = [(plain, t) for t in _RADII] + [(other, t) for t in _WHITE] + [(plain, t) for t in _WIDE]
        square = [(side**2).sum(1) for side in long]
        apart = np.maximum(square[0][:, None] + square[1][None, :] - 2 * long[0] @ long[1].T, 0)
        loose: Array = np.exp(apart / np.float32(-2 * _LOOSE**2 * self._usual))
        return [np.exp(apart / np.float32(t)) for apart, t in ways] + [loose]


def _statistics(mutual: list[Numbers], benign: list[Numbers], rest: list[float]) -> Numbers:
    """Statistics of one window, higher = more suspicious, from each text's mean nearness to window and benign texts.

    `rest` is the mean nearness within the benign texts, by kernel. The first statistic of each kernel is the unbiased
    squared MMD (Gretton et al., JMLR 2012): without the benign texts' own term it would vary with which of them
    happened to be compared with, and a twentieth of the window would be lost in that.
    """
    out: list[float] = []
    for at, (near, expected, within) in enumerate(zip(mutual, benign, rest, strict=True)):
        out.append(float(np.mean(near) + within - 2 * np.mean(expected)))
        if at < len(_RADII) + len(_WHITE):
            # A floor: where benign texts are so sparse that one neighbour more or less decides, it is noise.
            floor = 0.2 * float(np.mean(expected)) + 1e-6
            excess = np.sort((near - expected) / np.sqrt(expected + floor))
            out.append(float(np.mean(excess)))
            out.extend(float(np.mean(excess[-max(3, round(len(excess) * share)) :])) for share in _SHARES)
    return np.asarray(out)


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = vectors / np.maximum(length, np.float32(1e-12))
    return unit

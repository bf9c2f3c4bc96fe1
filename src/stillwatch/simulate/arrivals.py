"""How unevenly real clients call: constants fitted on production traffic, and the multipliers drawn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from stillwatch.simulate.grammar import mix, share

Array = np.ndarray[Any, Any]

# Written by `python -m bench.fit_arrivals` from ServeGen's per-client rates: Alibaba's m-large, m-mid and m-small, 313
# clients, 14 days, 10-minute windows; Apache-2.0, https://github.com/alibaba/ServeGen at f891d11. Its clients are large
# callers: the shape is theirs, the level is assumed. Fourteen days hold one clear dip: the weekend stays assumed too.
CLIENT_SPREAD = 2.57
"""Sigma of the log of clients' mean rates."""
DAY_VARIANCE = (0.25, 1.80, 7.29)
"""Variance of a client's day around its own mean: lower quartile, median, upper quartile over clients."""
HOUR_VARIANCE = (0.14, 0.79, 1.60)
"""The same of an hour around the client's day and daily rhythm."""


def unevenness(seeds: Array, days: Array, hours: Array) -> Array:
    """Rate multipliers of mean 1, [accounts x hours]: `days` and `hours` number the local day and hour, same shape.

    Lognormal, since a multiplier is wanted for a hundred million account-hours and a gamma's quantiles are slow; each
    account has variances of its own, log-normally spread over the fitted quartiles.
    """
    out = np.ones(hours.shape)
    for number, (low, middle, high), blocks in ((1, DAY_VARIANCE, days), (2, HOUR_VARIANCE, hours)):
        spread = np.log(high / low) / 1.349
        own = middle * np.exp(spread * _normal(seeds, 40 + number))
        sigma = np.sqrt(np.log1p(np.clip(own, 0.01, 4.0 * high)))[:, None]
        z = _normal(
            mix(np.asarray(seeds[:, None] ^ (blocks + 1_000_000).astype(np.uint64), np.uint64), 50 + number), 60
        )
        out *= np.exp(sigma * z - sigma**2 / 2)
    return out


def _normal(keys: Array, salt: int) -> Array:
    return np.asarray(ndtri(np.clip(share(keys, salt), 1e-7, 1 - 1e-7)))

"""When accounts call: daily and weekly rhythm, bursts, ramps, pulses, in step or each on its own."""

from __future__ import annotations

import numpy as np

from stillwatch.simulate.arrivals import unevenness
from stillwatch.simulate.grammar import Ints, mix, share
from stillwatch.simulate.people import Floats, People

_DAY = np.arange(24)
RHYTHMS: dict[str, Floats] = {
    "human": 0.06 + np.exp(-(((_DAY - 15) / 4.2) ** 2)) + 0.5 * np.exp(-(((_DAY - 21) / 2.0) ** 2)),
    "office": 0.02 + ((_DAY >= 9) & (_DAY < 18)).astype(float) * (1 - 0.4 * (_DAY == 13)),
    "flat": np.ones(24),
    "nightly": 0.02 + ((_DAY >= 1) & (_DAY < 6)).astype(float),
    "pulses": 0.15 + (_DAY % 4 == 0) * 1.0,
}
WEEKEND = {"human": 0.85, "office": 0.2, "flat": 1.0, "nightly": 1.0, "pulses": 1.0}


def expected(people: People, hours: Ints, first_weekday: int, seed: int) -> Floats:
    """Expected exchanges, [accounts x hours]; `hours` are whole hours from the world's start."""
    c = people.cohort
    curve = RHYTHMS[c.rhythm] / RHYTHMS[c.rhythm].mean()
    local = hours[None, :] + people.zone[:, None]
    rate: Floats = curve[local % 24] * (people.rate / 24.0)[:, None]
    weekend = WEEKEND[c.rhythm]
    even = 7 / (5 + 2 * weekend)
    rate *= np.where((local // 24 + first_weekday) % 7 >= 5, weekend * even, even)
    if c.fitted:
        rate *= unevenness(people.seeds, local // 24, local)
    elif c.bursty > 0:
        days = (people.seeds[:, None] ^ (local // 24 + 1_000_000).astype(np.uint64)) + np.uint64(17)
        wave = -np.log(np.maximum(share(days, 5), 1e-9))
        rate *= (1 - c.bursty) + c.bursty * wave**2 / 2
    if c.in_step > 0:
        block = mix(((hours // 3) + 31).astype(np.uint64), seed)
        on = np.where(share(block, 3) < 0.5, 1.85, 0.15)
        rate *= ((1 - c.in_step) + c.in_step * on)[None, :]
    begin, end = people.begins[:, None] * 24, people.ends[:, None] * 24
    rate *= np.clip(np.minimum(hours[None, :] + 1, end) - np.maximum(hours[None, :], begin), 0, 1)
    if c.ramp_days > 0:
        rate *= np.clip((hours[None, :] - begin) / (24 * c.ramp_days), 0.05, 1)
    return rate


def conversations(
    people: People, hours: Ints, first_weekday: int, mean_turns: float, rng: np.random.Generator, seed: int
) -> tuple[Ints, Floats]:
    """Account position and hour (with fraction) of each conversation that begins in these hours."""
    counts = rng.poisson(expected(people, hours, first_weekday, seed) / mean_turns)
    account, column = np.nonzero(counts)
    times = counts[account, column]
    account, column = np.repeat(account, times), np.repeat(column, times)
    at = hours[column] + rng.random(len(column))
    inside = (at >= people.begins[account] * 24) & (at < people.ends[account] * 24)
    return account[inside], at[inside]

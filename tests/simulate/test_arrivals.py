"""Ordinary customers call as unevenly as the clients that the constants were fitted on."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from bench.fit_arrivals import fit, hourly_rates

from stillwatch.simulate import arrivals, simulate


def drawn(clients: int = 4000, days: int = 14) -> np.ndarray:
    seeds = np.random.default_rng(8).integers(0, 1 << 63, clients).astype(np.uint64)
    hours = np.broadcast_to(np.arange(days * 24), (clients, days * 24))
    return arrivals.unevenness(seeds, hours // 24, hours)


def test_multipliers_have_mean_one_and_the_fitted_variances() -> None:
    rates = drawn()
    assert rates.mean() == pytest.approx(1.0, abs=0.06)
    found = fit(rates)
    # Quartiles of a sample variance over 14 days of a heavy-tailed draw lie below those of the variance itself.
    for name, stated in (("day_variance", arrivals.DAY_VARIANCE), ("hour_variance", arrivals.HOUR_VARIANCE)):
        ratio = np.asarray(found[name]) / np.asarray(stated)
        assert (ratio > 0.25).all() and (ratio < 1.6).all(), (name, ratio)


def test_every_client_is_uneven_in_its_own_way() -> None:
    daily = drawn(600).reshape(600, 14, 24).mean(axis=2).var(axis=1)
    assert np.quantile(daily, 0.9) > 8 * np.quantile(daily, 0.1)


def test_firms_spread_as_widely_as_real_clients_do(tmp_path: Path) -> None:
    simulate(tmp_path, ("ordinary",), scale=0.02, seed=9, days=7)
    logs = pq.read_table(tmp_path / "exchanges", columns=["account_id", "end_user_id", "started_at"])
    firms = logs.filter(pc.is_valid(logs["end_user_id"])).group_by("account_id").aggregate([("started_at", "count")])
    counts = np.sort(firms["started_at_count"].to_numpy())[::-1]
    assert counts[: max(1, len(counts) // 20)].sum() > 0.5 * counts.sum()  # at sigma 1.25 a third


def test_the_fit_reads_tables_as_published(tmp_path: Path) -> None:
    folder = tmp_path / "servegen"
    folder.mkdir()
    for table in ("m-large", "m-mid", "m-small"):
        rows = [f"{c},{h * 3600 + w * 600},{(c + 1) * (1 + h % 2)},1.0,Gamma,1,1"
                for c in range(3) for h in range(48) for w in range(6)]  # fmt: skip
        with gzip.open(folder / f"{table}_client_traces.csv.gz", "wt") as file:
            file.write("client_id,window_start_s,req_per_s,cv,fit,param1,param2\n" + "\n".join(rows))
    found = fit(hourly_rates(tmp_path))
    assert found["clients"] == 9 and found["hours"] == 48
    assert found["client_spread"] == pytest.approx(np.log([1, 2, 3]).std())
    assert found["day_variance"] == pytest.approx([0, 0, 0]) and found["hour_variance"] == pytest.approx([0, 0, 0])

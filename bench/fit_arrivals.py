"""Fits how unevenly real clients call (ServeGen) and prints the constants that `simulate/arrivals.py` states.

STILLWATCH_DATA=DIR python -m bench.fit_arrivals [--json]

Level and weekend are not fitted: the clients are large callers, and fourteen days hold one clear dip only.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.simulate import arrivals

Array = np.ndarray[Any, Any]
TABLES = ("m-large", "m-mid", "m-small")


def hourly_rates(folder: Path) -> Array:
    """Requests a second of each client and hour, [clients x hours]; hours without a window are zero."""
    sums: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for table in TABLES:
        with gzip.open(folder / "servegen" / f"{table}_client_traces.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                sums[table, row["client_id"]][int(float(row["window_start_s"])) // 3600] += float(row["req_per_s"]) / 6
    hours = max(h for client in sums.values() for h in client) + 1
    return np.asarray([[client.get(h, 0.0) for h in range(hours)] for client in sums.values()])


def fit(rates: Array) -> dict[str, Any]:
    """Spread of mean rates (sigma of the log), and quartiles over clients of day and hour variance.

    A day is measured against its client's mean; an hour against its day times the client's own hour-of-day profile.
    """
    rates = rates[rates.sum(axis=1) > 0]
    mean = rates.mean(axis=1)
    x = rates / mean[:, None]
    hour, day = np.arange(x.shape[1]) % 24, np.arange(x.shape[1]) // 24
    profile = np.stack([x[:, hour == h].mean(axis=1) for h in range(24)], axis=1)
    days = np.stack([x[:, day == d].mean(axis=1) for d in range(day.max() + 1)], axis=1)
    wanted = profile[:, hour] * days[:, day]
    ratio = np.divide(x, wanted, out=np.ones_like(x), where=wanted > 1e-6)
    residual = (wanted * (ratio - 1) ** 2).sum(axis=1) / wanted.sum(axis=1)
    return {
        "clients": len(rates), "hours": int(x.shape[1]), "client_spread": float(np.log(mean).std()),
        "day_variance": np.quantile(days.var(axis=1), [0.25, 0.5, 0.75]).tolist(),
        "hour_variance": np.quantile(residual, [0.25, 0.5, 0.75]).tolist(),
    }  # fmt: skip


def main() -> None:
    """Prints the fit beside the constants that the simulator uses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = os.environ.get("STILLWATCH_DATA")
    if not folder:
        raise SystemExit("STILLWATCH_DATA: not set\ntry: point it at a folder that holds servegen/")
    found = fit(hourly_rates(Path(folder)))
    if options.json:
        print(json.dumps(found, indent=1))
        return
    stated = {name: getattr(arrivals, name.upper()) for name in ("client_spread", "day_variance", "hour_variance")}
    for name, value in found.items():
        print(name, np.round(value, 2), "stated:", stated.get(name, "-"))


if __name__ == "__main__":
    main()

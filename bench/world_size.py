"""How long a world of the published size takes to write, and how much memory: wall, CPU, peak, rows, bytes.

python -m bench.world_size [--profile letter] [--scale 1] [--days D] [--out FILE] [--folder DIR]

The letter at scale 1 has 25,000 accounts in the campaign beside 100,000 ordinary customers. The world is removed after.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stillwatch.simulate import simulate


def measure(profile: str, scale: float, seed: int, days: float | None, place: Path) -> dict[str, Any]:
    """Writes the world below `place`; peak memory is this process's, so call it in a fresh one."""
    wall, cpu = time.perf_counter(), time.process_time()

    def show(done: float, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:5.1%} {text}", end="", file=sys.stderr)

    figures = simulate(place, (profile,), scale=scale, seed=seed, days=days, progress=show)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    files = sorted((place / "exchanges").glob("*.parquet"))
    return {
        "profile": profile, "scale": scale, "seed": seed, "days": figures["days"],
        "exchanges": sum(pq.read_metadata(f).num_rows for f in files), "accounts": figures["accounts"],
        "campaign_exchanges": sum(c["exchanges"] for c in figures["campaigns"]),
        "campaign_accounts": sum(c["accounts"] for c in figures["campaigns"]),
        "wall_seconds": spent[0], "cpu_seconds": spent[1], "files": len(files),
        "bytes": sum(f.stat().st_size for f in files),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }  # fmt: skip


def main() -> None:
    """Measures one size and adds it to the file's list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="letter")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--days", type=float)
    parser.add_argument("--seed", type=int, default=701)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="stillwatch-size-", dir=options.folder))
    try:
        row = measure(options.profile, options.scale, options.seed, options.days, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(json.dumps(row, indent=1))
    if options.out:
        rows = json.loads(options.out.read_text("utf-8")) if options.out.exists() else []
        rows = [r for r in rows if (r["profile"], r["scale"]) != (row["profile"], row["scale"])]
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(sorted([*rows, row], key=lambda r: r["exchanges"]), indent=1), "utf-8")


if __name__ == "__main__":
    main()

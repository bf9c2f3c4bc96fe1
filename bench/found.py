"""Found and left alone: sweeps simulated worlds of unseen seeds and compares with the truth beside them.

python -m bench.found [--worlds letter quiet_ring relay lookalikes mixed] [--seeds 1 2 3] [--scale X] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.truth import add_up, compare
from stillwatch.pipeline import sweep
from stillwatch.settings import load_settings
from stillwatch.simulate import simulate

#: Scale of each world as measured for docs/results.md (the letter at a tenth).
SCALES = {"letter": 0.1}


def one(world: str, seed: int, scale: float, folder: Path, keep: bool = False) -> dict[str, Any]:
    """Simulates, sweeps and compares one world; its files are removed unless `keep`."""
    place = folder / f"{world}-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    simulate(place, (world,), scale=scale, seed=seed)
    home = place / "home"
    started = time.process_time()
    releases = [str(p) for p in (place / "releases.csv",) if p.exists()]
    sweep(home, [str(place / "exchanges")], settings=load_settings(home=home),
          accounts=[str(place / "accounts.jsonl")], releases=releases)  # fmt: skip
    result = {"world": world, "seed": seed, "scale": scale, "cpu_seconds": time.process_time() - started,
              **compare(home, place)}  # fmt: skip
    if not keep:
        shutil.rmtree(place, ignore_errors=True)
    return result


def main() -> None:
    """Runs the worlds and prints one table; `--out` keeps the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="*", default=["letter", "quiet_ring", "relay", "lookalikes", "mixed"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[101, 102, 103])
    parser.add_argument("--scale", type=float)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="stillwatch-found-"))
    rows: list[dict[str, Any]] = []
    for world in options.worlds:
        for seed in options.seeds:
            scale = options.scale if options.scale is not None else SCALES.get(world, 1.0)
            row = one(world, seed, scale, folder, options.keep)
            rows.append(row)
            campaigns = ", ".join(
                f"{c['name']} {c['recall']:.0%}{'' if c['found'] else ' MISSED'}" for c in row["campaigns"]
            )
            print(f"{world} seed {seed}: caught {row['caught']}/{row['guilty']}, wrongly {row['wrongly_flagged']}"
                  f"/{row['legitimate']}, {row['cpu_seconds']:.0f} CPU s; {campaigns}", flush=True)  # fmt: skip
            for false in row["false_campaigns"]:
                print(f"  FALSE {false}", flush=True)
            for false in row["false_networks"]:
                print(f"  false network {false}", flush=True)
            if options.out:
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(json.dumps(rows, indent=1), "utf-8")
    for world in options.worlds:
        print(world, json.dumps(add_up([r for r in rows if r["world"] == world])))
    if not options.folder and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

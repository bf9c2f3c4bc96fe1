"""Cost against size: whole sweeps of worlds of growing length, and hunts for rings from 30 to 25,000 accounts.

python -m bench.size_curve sizes [--scales 0.02 0.1 0.2] [--world DIR ...] [--seed 731] [--out FILE]
python -m bench.size_curve rings [--rings 30 300 3000 25000] [--days 3] [--seed 741] [--out FILE]
python -m bench.size_curve picture

`sizes` sweeps letter worlds (the campaign at that scale beside four times as many customers); --world sweeps one that
is there. `rings` keeps the ordinary customers as they are and lets the ring grow. Rows are added to the file; a row of
the same size is replaced. CPU is of the process, against the bare scan of the same files (`bench.sweep_speed`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.sweep_speed import measure
from stillwatch.simulate import simulate

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "bench" / "figures" / "size_curve.json"
#: Of the letter's 25,000 accounts and the ordinary profile's 100,000 customers.
_LETTER, _ORDINARY = 25_000, 0.05


def judged(place: Path) -> dict[str, Any]:
    """Share of the campaign's accounts that one finding holds, and innocents in findings: what a sweep left."""
    truth = pq.read_table(place / "truth" / "accounts.parquet").to_pylist()
    members = {r["account_id"] for r in truth if r["campaign"]}
    found = pq.read_table(place / "home" / "findings" / "campaigns.parquet").to_pylist()
    harvests = [set(f["account_ids"]) for f in found if f["kind"] != "account_network"]
    return {
        "accounts": len(truth), "members": len(members), "campaigns": len(harvests),
        "recall": max((len(members & h) for h in harvests), default=0) / max(len(members), 1),
        "innocents": len(set().union(*harvests) - members) if harvests else 0,
    }  # fmt: skip


def swept(place: Path, **known: Any) -> dict[str, Any]:
    """A world's row; the home that the sweep left is removed."""
    row = {**known, **measure(place)}
    row |= judged(place)
    shutil.rmtree(place / "home", ignore_errors=True)
    return row


def add(out: Path, group: str, row: dict[str, Any], key: str) -> None:
    """Puts a row into the file, in place of one of the same size."""
    held: dict[str, list[dict[str, Any]]] = json.loads(out.read_text("utf-8")) if out.exists() else {}
    rows = [r for r in held.get(group, []) if r[key] != row[key]]
    held[group] = sorted([*rows, row], key=lambda r: r[key])
    out.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(row), flush=True)


def picture(figures: dict[str, Any], out: Path) -> None:
    """CPU seconds against exchanges, and of the hunt against the ring's accounts, both on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9))
    sizes, rings = figures.get("sizes", []), figures.get("rings", [])
    millions = [r["rows"] / 1e6 for r in sizes]
    for key, label, colour in (("ingest", "reading logs", "#2b6cb0"), ("hunt", "hunting", "#c05621"),
                               ("scan", "bare scan", "#718096")):  # fmt: skip
        cost = [r[f"{key}_cpu_s_per_million"] * m for r, m in zip(sizes, millions, strict=True)]
        left.plot(millions, cost, marker="o", color=colour, label=label)
    left.set_xlabel("million exchanges")
    left.set_title("cost against size", fontsize=10)
    for key, label, colour in (("hunt", "hunting", "#c05621"), ("ingest", "reading logs", "#2b6cb0")):
        cost = [r[f"{key}_cpu_s_per_million"] * r["rows"] / 1e6 for r in rings]
        right.plot([r["members"] for r in rings], cost, marker="o", color=colour, label=label)
    right.set_xlabel("accounts of the ring")
    right.set_title("cost against ring size, three days", fontsize=10)
    for axis, drawn in ((left, sizes), (right, rings)):
        axis.set_visible(bool(drawn))
        if not drawn:
            continue
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_ylabel("CPU seconds")
        axis.grid(alpha=0.25, which="both")
        axis.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Measures what is asked and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sizes", "rings", "picture"))
    parser.add_argument("--scales", type=float, nargs="*", default=[0.02, 0.1, 0.2])
    parser.add_argument("--world", type=Path, nargs="*", default=[])
    parser.add_argument("--rings", type=int, nargs="*", default=[30, 300, 3000, 25_000])
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, default=FIGURES)
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "pictures" / "size_curve.png")
    asked = parser.parse_args()
    if asked.what == "sizes":
        for place in asked.world:
            add(asked.out, "sizes", swept(place, world="letter"), "rows")
        for scale in asked.scales:
            with tempfile.TemporaryDirectory(prefix="stillwatch-curve-", dir=asked.folder) as folder:
                seed = asked.seed or 731
                simulate(Path(folder), ("letter",), scale=scale, seed=seed)
                add(asked.out, "sizes", swept(Path(folder), world="letter", scale=scale, seed=seed), "rows")
    if asked.what == "rings":
        for ring in asked.rings:
            with tempfile.TemporaryDirectory(prefix="stillwatch-curve-", dir=asked.folder) as folder:
                seed = asked.seed or 741
                profiles = (f"letter@{ring / _LETTER}", f"ordinary@{_ORDINARY}")
                simulate(Path(folder), profiles, seed=seed, days=asked.days)
                add(asked.out, "rings", swept(Path(folder), ring=ring, seed=seed, days=asked.days), "ring")
    if asked.out.exists():
        picture(json.loads(asked.out.read_text("utf-8")), asked.picture)


if __name__ == "__main__":
    main()

"""Speed of the whole sweep: CPU seconds against the bare scan of the same files' text columns, and peak memory.

python -m bench.sweep_speed [--profile letter] [--scale X] [--world DIR] [--out FILE]
python -m bench.sweep_speed --texts short|long --rows N [--out FILE]   (the text pass's own synthetic files)

Both run in processes of their own; CPU is user plus system of the process and its children.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.text_pass import write_texts

_SCAN = """
import sys, duckdb
con = duckdb.connect(); con.execute("SET threads=2"); con.execute("SET enable_progress_bar=false")
files = sys.argv[1]
columns = [r[0] for r in con.execute("describe select * from read_parquet(?)", [files]).fetchall()]
text = [c for c in ("messages", "prompt", "system", "completion") if c in columns]
summed = ", ".join(f"sum(strlen({c}))" for c in text)
print(con.execute(f"select count(*), {summed} from read_parquet(?)", [files]).fetchone())
"""

_SWEEP = """
import sys, resource, json, time
from pathlib import Path
from stillwatch.pipeline import ingest, hunt
from stillwatch.settings import load_settings
place, home = Path(sys.argv[1]), Path(sys.argv[2])
def cpu():
    a, b = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return a.ru_utime + a.ru_stime + b.ru_utime + b.ru_stime
settings = load_settings(home=home)
t0, w0 = cpu(), time.monotonic()
accounts = [str(f) for f in (place / "accounts.jsonl",) if f.exists()]
ingest(home, [str(place / "exchanges")], settings=settings, accounts=accounts)
t1, w1 = cpu(), time.monotonic()
found = hunt(home, settings=settings)
t2, w2 = cpu(), time.monotonic()
peak = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1048576
print(json.dumps({"start": t0, "ingest": t1 - t0, "hunt": t2 - t1, "peak_gib": peak,
                  "ingest_wall": w1 - w0, "hunt_wall": w2 - w1, "campaigns": found.campaigns.num_rows}))
"""


def _cpu_of(command: list[str]) -> tuple[float, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def measure(place: Path) -> dict[str, Any]:
    """Bare scan (best of three, start-up of the interpreter taken off) and one sweep of a simulated world."""
    files = str(place / "exchanges" / "*.parquet")
    empty = min(
        _cpu_of([sys.executable, "-c", "import duckdb; duckdb.connect().execute('select 1')"])[0] for _ in range(3)
    )
    scans = [_cpu_of([sys.executable, "-c", _SCAN, files]) for _ in range(3)]
    counts = scans[0][1].strip().strip("()").split(",")
    rows = int(counts[0])
    scan = min(cpu for cpu, _ in scans) - empty
    home = place / "home"
    shutil.rmtree(home, ignore_errors=True)
    _, out = _cpu_of([sys.executable, "-c", _SWEEP, str(place), str(home)])
    swept = json.loads(out.strip().splitlines()[-1])
    million = rows / 1e6
    return {
        "rows": rows, "text_bytes": sum(int(c) for c in counts[1:] if c.strip().isdigit()),
        "scan_cpu_s_per_million": scan / million, "ingest_cpu_s_per_million": swept["ingest"] / million,
        "hunt_cpu_s_per_million": swept["hunt"] / million, "ingest_ratio": swept["ingest"] / scan,
        "sweep_ratio": (swept["ingest"] + swept["hunt"]) / scan, "peak_gib": swept["peak_gib"],
        "ingest_wall_s": swept["ingest_wall"], "hunt_wall_s": swept["hunt_wall"],
        "campaigns": swept["campaigns"], "interpreter_and_imports_cpu_s": swept["start"],
    }  # fmt: skip


def main() -> None:
    """Simulates a world (or takes `--world DIR`), prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="letter")
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--texts", choices=["short", "long"])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    place = options.world or Path(tempfile.mkdtemp(prefix="stillwatch-speed-"))
    if options.texts:
        (place / "exchanges").mkdir()
        write_texts(place / "exchanges", options.texts, options.rows)
    elif options.world is None:
        from stillwatch.simulate import simulate

        simulate(place, (options.profile,), scale=options.scale, seed=options.seed)
    result = measure(place)
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1), "utf-8")
    if options.world is None:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Where the text pass and the whole ingest spend their time, stage by stage, in multiples of the bare scan.

``python -m bench.where_time_goes [--rows N] [--letter DIR] [--figures FILE] [--picture FILE]``. Three sets: *short*
prompts and *long* histories of `bench.text_pass`, and a simulated *letter* world with every identity column. Each
stage's own CPU time (without the stages inside it) is summed over threads, in one process; the scan is DuckDB's
``sum(strlen)`` over the text columns of the same files, on one thread, in the same run. Compilation is done before
the clock starts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from bench.text_pass import write_texts
from stillwatch import intake, sketch
from stillwatch.ingest import inputs
from stillwatch.ingest import reading as ingest_reading
from stillwatch.patterns import load_rules
from stillwatch.sketch import rule_scan, text_pass
from stillwatch.store import parts, writing
from stillwatch.store.ledger import Ledger
from stillwatch.store.seen_ids import SeenIds

#: (what holds it, its name, what it is called): the stages of the text pass, then those around it.
_STAGES: tuple[tuple[Any, str, str], ...] = (
    (text_pass, "take_apart", "take conversations apart"),
    (text_pass, "read_texts", "read texts (fold, mask, hash, fingerprint)"),
    (rule_scan._Scanner, "matches", "rules (Hyperscan)"),
    (text_pass, "_sums", "sum fingerprints and turns"),
    (text_pass, "_identities", "identifiers and addresses"),
    (text_pass, "_completion_columns", "hash completions"),
    (sketch, "sketch_batch", "other columns of the sketch"),
    (ingest_reading, "take_batch", "cast and check rows"),
    (SeenIds, "add", "ids seen before"),
    (writing.Writer, "account_numbers", "account numbers"),
    (intake, "missing_columns", "count what is missing"),
    (inputs, "_sha256", "hash the input files"),
    (writing, "summed", "sum a chunk"),
    (parts.pq, "write_table", "write Parquet"),
    (os, "fsync", "force to disk"),
    (Ledger, "transaction", "ledger"),
)


class _Clock:
    """Own CPU time by stage. Wraps functions where they are, and puts them back."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._open = threading.local()
        self._lock = threading.Lock()
        self._before: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> _Clock:
        for place, name, label in _STAGES:
            self._wrap(place, name, label)
        self._wrap(ingest_reading, "_batches", "read Parquet", of=_steps)
        return self

    def __exit__(self, *error: object) -> None:
        for place, name, was in reversed(self._before):
            setattr(place, name, was)

    def timed(self, label: str, work: Callable[[], Any]) -> Any:
        """What `work` gives; its time goes to `label`."""
        inside: list[float] = self._open.__dict__.setdefault("inside", [])
        inside.append(0.0)
        begun = time.thread_time()
        try:
            return work()
        finally:
            whole = time.thread_time() - begun
            with self._lock:
                self.spent[label] += whole - inside.pop()
            if inside:
                inside[-1] += whole

    def _wrap(self, place: Any, name: str, label: str, of: Any = None) -> None:
        was = place.__dict__[name]
        if of is not None:
            wrapped: Any = lambda *a, **k: of(self, label, was(*a, **k))  # noqa: E731
        else:
            wrapped = lambda *a, **k: self.timed(label, lambda: was(*a, **k))  # noqa: E731
        setattr(place, name, wrapped)
        self._before.append((place, name, was))


def _steps(clock: _Clock, label: str, items: Iterator[Any]) -> Iterator[Any]:
    done = object()
    while (item := clock.timed(label, lambda: next(items, done))) is not done:
        yield item


def _scan_seconds(files: list[Path]) -> float:
    """CPU seconds of the bare scan of the text columns, best of three, on one thread."""
    link = duckdb.connect()
    link.execute("set threads to 1")
    names = [str(f) for f in files]
    held = {row[0] for row in link.execute("describe select * from read_parquet(?)", [names]).fetchall()}
    asked = ", ".join(f"sum(strlen({c}))" for c in ("messages", "prompt", "system", "completion") if c in held)
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        link.execute(f"select {asked} from read_parquet(?)", [names]).fetchone()  # noqa: S608
        best = min(best, time.process_time() - begun)
    return best


def measure(name: str, folder: Path, accounts: list[str]) -> dict[str, Any]:
    """CPU seconds per million rows of the scan and of each stage of an ingest of the folder's Parquet files."""
    files = sorted(folder.glob("*.parquet"))
    rows = sum(pq.ParquetFile(f).metadata.num_rows for f in files)
    rules = load_rules()
    scan = _scan_seconds(files)
    with tempfile.TemporaryDirectory() as home:
        intake.take_in(Path(home) / "warm", [str(files[0])], rules=rules)
        with _Clock() as clock:
            begun = time.process_time()
            intake.take_in(Path(home) / "timed", [str(f) for f in files], accounts=accounts, rules=rules)
            whole = time.process_time() - begun
    named = dict(clock.spent)
    named["everything else"] = max(0.0, whole - sum(named.values()))
    per_million = {stage: spent / rows * 1e6 for stage, spent in sorted(named.items(), key=lambda one: -one[1])}
    return {
        "set": name, "rows": rows, "scan_cpu_s_per_million": scan / rows * 1e6,
        "ingest_cpu_s_per_million": whole / rows * 1e6, "ratio": whole / scan, "stages_cpu_s_per_million": per_million,
    }  # fmt: skip


def draw(sets: list[dict[str, Any]], path: Path) -> None:
    """One bar a set, its stages stacked, in CPU seconds per million rows; the dashed line is the bare scan."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, places = plt.subplots(1, len(sets), figsize=(13, 5.5))
    for place, one in zip(places, sets, strict=True):
        stages = list(one["stages_cpu_s_per_million"].items())[:12][::-1]
        scan = one["scan_cpu_s_per_million"]
        place.barh([label for label, _ in stages], [spent for _, spent in stages], color="#4c72b0")
        for at, (_, spent) in enumerate(stages):
            place.text(spent, at, f" {spent / scan:.2g}×", va="center", fontsize=8, bbox={"color": "white", "pad": 0.5})
        place.axvline(scan, color="black", linestyle="--", linewidth=1, zorder=0)
        title = f"{one['set']}: {one['ingest_cpu_s_per_million']:.1f} s, {one['ratio']:.1f}× the scan"
        place.set_title(title, fontsize=10)
        place.set_xlabel("CPU seconds per million exchanges", fontsize=8)
        place.tick_params(labelsize=7)
        place.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Where an ingest spends its time (dashed: the bare scan of the text columns)", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measures, prints, and writes the figures and the picture where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--letter", type=Path, help="a world of `stillwatch simulate`; else a small one is made")
    parser.add_argument("--only", choices=["short", "long", "letter"])
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="stillwatch-stages-"))
    sets = []
    try:
        for kind, rows in (("short", options.rows), ("long", max(options.rows // 16, 1024))):
            if options.only in (None, kind):
                (place / kind).mkdir()
                write_texts(place / kind, kind, rows)
                sets.append(measure(kind, place / kind, []))
        if options.only in (None, "letter"):
            world = options.letter or place / "world"
            if options.letter is None:
                from stillwatch.simulate import simulate

                simulate(world, ("letter",), scale=0.01, seed=301)
            sets.append(measure("letter", world / "exchanges", [str(world / "accounts.jsonl")]))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(json.dumps(sets, indent=1))
    if options.figures:
        options.figures.write_text(json.dumps(sets, indent=1) + "\n", "utf-8")
    if options.picture:
        draw(sets, options.picture)


if __name__ == "__main__":
    main()

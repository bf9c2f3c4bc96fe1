"""What Spark costs: CPU seconds per million exchanges of a sweep on a standalone cluster, beside the embedded one.

``python -m bench.spark [--profile letter] [--scale X] [--out FILE]``. The same files, one after the other: embedded;
then a master and two workers of one core each on loopback, driven by `stillwatch sweep --engine`. CPU is user plus
system of all processes: of the embedded sweep, and of driver, executors and their Python workers, JVMs included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

TABLES = ("campaigns", "accounts", "evidence")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Meter(threading.Thread):
    """CPU seconds of every process below some, read off twice a second: what ends unwaited for is counted too."""

    def __init__(self, roots: list[int]) -> None:
        super().__init__(daemon=True)
        self._roots, self._done = roots, threading.Event()
        self._seen: dict[tuple[int, str], float] = {}

    def run(self) -> None:
        while not self._done.wait(0.5):
            self.look()

    def look(self) -> None:
        parents: dict[int, int] = {}
        told: dict[int, tuple[str, float]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            process = int(stat.parent.name)
            parents[process] = int(fields[1])
            told[process] = fields[19], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for process, (born, seconds) in told.items():
            above = process
            while above > 1 and above not in self._roots:
                above = parents.get(above, 0)
            if above in self._roots:
                self._seen[process, born] = seconds

    @property
    def seconds(self) -> float:
        return sum(self._seen.values())

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.seconds


def _sweep(
    logs: Path, accounts: list[str], home: Path, *more: str, environ: dict[str, str] | None = None
) -> tuple[float, float]:
    home.mkdir(mode=0o700)
    (home / "secret.key").write_bytes(b"one key for both homes, no more.")
    command = [sys.executable, "-m", "stillwatch", "sweep", str(logs), *accounts, "--home", str(home), "--json", *more]
    before, begun = _children(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environ)
    return _children() - before, time.perf_counter() - begun


def measure(place: Path) -> dict[str, Any]:
    """The figures of one folder of logs, `exchanges/` with `accounts.jsonl` beside."""
    import pyspark

    spark = Path(pyspark.__file__).parent
    logs, accounts = place / "exchanges", place / "accounts.jsonl"
    rows = sum(pq.read_metadata(file).num_rows for file in logs.glob("*.parquet"))
    known = ["--accounts", str(accounts)] if accounts.exists() else []
    alone, alone_wall = _sweep(logs, known, place / "alone")
    environ = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(spark)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, cluster = f"spark://127.0.0.1:{port}", place / "cluster"
    cluster.mkdir()
    common = ["--host", "127.0.0.1", "--webui-port", "0"]
    words = (cluster / "words.log").open("wb")

    def daemon(what: str, *args: str) -> subprocess.Popen[bytes]:
        command = [str(spark / "bin" / "spark-class"), f"org.apache.spark.deploy.{what.lower()}.{what}", *common, *args]
        return subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, env=environ)

    running = [daemon("Master", "--port", str(port))]
    running += [
        daemon("Worker", "--cores", "1", "--memory", "2g", "--work-dir", str(cluster / str(i)), address) for i in (1, 2)
    ]
    try:
        while (cluster / "words.log").read_bytes().count(b"Registering worker") < 2:
            time.sleep(0.5)
        meter = _Meter([process.pid for process in running])
        meter.look()
        idle = meter.seconds
        meter.start()
        driver, wall = _sweep(logs, known, place / "spread", "--engine", address, environ=environ)
        executors = meter.stop() - idle
    finally:
        for process in running:
            process.terminate()
            process.wait(60)
        words.close()
    same = all(
        (place / "alone" / "findings" / f"{name}.parquet").read_bytes()
        == (place / "spread" / "findings" / f"{name}.parquet").read_bytes()
        for name in TABLES
    )
    million = rows / 1e6
    return {
        "rows": rows, "same_findings": same, "embedded_cpu_s": alone, "embedded_wall_s": alone_wall,
        "driver_cpu_s": driver, "executors_cpu_s": executors, "spark_wall_s": wall,
        "embedded_cpu_s_per_million": alone / million, "spark_cpu_s_per_million": (driver + executors) / million,
        "ratio": (driver + executors) / alone, "pyspark": pyspark.__version__, "load_before": os.getloadavg()[0],
    }  # fmt: skip


def main() -> None:
    """Simulates a world, sweeps it both ways, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="letter")
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--world", type=Path, help="a folder that a simulation left, instead of a new one")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-spark-") as name:
        place = Path(name)
        if options.world is None:
            from stillwatch.simulate import simulate

            simulate(place, (options.profile,), scale=options.scale, seed=options.seed)
        else:
            shutil.copytree(options.world / "exchanges", place / "exchanges")
            shutil.copy(options.world / "accounts.jsonl", place / "accounts.jsonl")
        figures = measure(place)
    print(json.dumps(figures, indent=1))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1), "utf-8")


if __name__ == "__main__":
    main()

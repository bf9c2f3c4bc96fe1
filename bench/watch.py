"""What following costs: CPU of small batches against one big ingest, and the delay from record to store.

    python -m bench.watch [--rows 200000] [--seconds 60] [--rate 1000] [--out bench/figures/watch.json]

The same rows are taken by one `ingest` and by the watch's own batches of 1,000 (`Intaking`, one process each), CPU
seconds of user and system. Then `stillwatch watch` follows a log that grows by `--rate` records a second, and the delay
of a row is the time from its writing to the commit of its part, which is when a hunt can see it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BATCH = 1000


def record(number: int) -> str:
    """One exchange of about 700 bytes."""
    return json.dumps({
        "exchange_id": f"e{number}", "account_id": f"a{number % 997}", "model": "m-1",
        "started_at": datetime.now(UTC).isoformat(), "ip": f"192.0.2.{number % 251}", "input_tokens": 90,
        "prompt": f"Read case {number} and say in {number % 9 + 2} steps what follows from it. " * 6,
        "completion": "First, the facts are these. " * 8, "output_tokens": 60, "finish_reason": "stop",
    })  # fmt: skip


def in_batches(home: Path, log: Path, size: int) -> None:
    """The watch's way: the file grows by `size` rows, and each time they are taken and committed."""
    from stillwatch.ingest.streams import follow
    from stillwatch.settings import Settings
    from stillwatch.watch.intaking import Intaking

    folder = home.parent / f"{home.name}-logs"
    folder.mkdir()
    intaking, follower = Intaking(home, Settings(), None), follow(str(folder))
    with log.open("rb") as source, (folder / "calls.jsonl").open("ab", buffering=0) as target:
        while lines := [line for line, _ in zip(source, range(size), strict=False)]:
            target.write(b"".join(lines))
            intaking.take(follower.ready(intaking.places()), lambda: False)
            follower.stored(intaking.places())
            intaking.tidy()


def in_one(home: Path, log: Path) -> None:
    """One big ingest, as `stillwatch ingest` does it."""
    from stillwatch.pipeline import ingest
    from stillwatch.settings import Settings

    ingest(home, [str(log)], settings=Settings())


def cpu_of(code: str) -> float:
    """CPU seconds, user and system, of a Python process that runs `code`."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def cost(place: Path, rows: int) -> dict[str, Any]:
    """CPU seconds per million rows of both ways, start-up (an empty log of one row) taken off."""
    log, one = place / "rows.jsonl", place / "one.jsonl"
    log.write_text("".join(record(i) + "\n" for i in range(rows)))
    one.write_text(record(0) + "\n")
    both = "from pathlib import Path; from bench.watch import in_batches, in_one\n"
    ingest = both + "in_one(Path({home!r}), Path({log!r}))"
    watch = both + "in_batches(Path({home!r}), Path({log!r}), {size})"
    out: dict[str, Any] = {"rows": rows, "batch_rows": BATCH}
    for name, code in (("ingest", ingest), ("watch", watch)):
        given = {"home": str(place / f"{name}-0"), "log": str(one), "size": BATCH}
        idle = cpu_of(code.format(**given))
        spent = cpu_of(code.format(**{**given, "home": str(place / name), "log": str(log)}))
        out[f"{name}_cpu_s_per_million"] = round((spent - idle) * 1e6 / rows, 1)
        out[f"{name}_start_cpu_s"] = round(idle, 2)
    out["ratio"] = round(out["watch_cpu_s_per_million"] / out["ingest_cpu_s_per_million"], 2)
    return out


def delay(place: Path, rate: int, seconds: float) -> dict[str, Any]:
    """Seconds from a record's writing to its commit, while a log grows by `rate` records a second."""
    logs, home = place / "logs", place / "followed"
    logs.mkdir()
    command = [sys.executable, "-m", "stillwatch", "watch", str(logs), "--home", str(home), "--every", "30d", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert '"started"' in process.stdout.readline()
    written: list[tuple[float, int]] = []
    committed: list[tuple[float, int]] = []
    ended = threading.Event()

    def look() -> None:
        ledger = sqlite3.connect(f"file:{home / 'ledger.sqlite'}?mode=ro", uri=True)
        while not ended.is_set():
            (kept,) = ledger.execute("SELECT coalesce(sum(rows), 0) FROM parts WHERE kind='exchanges'").fetchone()
            if not committed or committed[-1][1] != kept:
                committed.append((time.monotonic(), kept))
            time.sleep(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    sent, begun = 0, time.monotonic()
    with (logs / "calls.jsonl").open("ab", buffering=0) as file:
        while (now := time.monotonic() - begun) < seconds:
            due = int(now * rate) - sent
            if due > 0:
                file.write("".join(record(sent + i) + "\n" for i in range(due)).encode())
                sent += due
                written.append((time.monotonic(), sent))
            time.sleep(0.01)
    until = time.monotonic() + 60
    while committed[-1][1] < sent and time.monotonic() < until:
        time.sleep(0.05)
    ended.set()
    watcher.join()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    delays: list[float] = []
    at = before = 0
    for when, total in written:
        while at < len(committed) and committed[at][1] < total:
            at += 1
        if at < len(committed):
            delays += [committed[at][0] - when] * (total - before)
        before = total
    delays.sort()
    steady = {f"p{p}_s": round(delays[int(len(delays) * p / 100)], 3) for p in (50, 95, 99)} if delays else {}
    return {"rate_per_s": rate, "seconds": seconds, "sent": sent, "stored": committed[-1][1], **steady,
            "max_s": round(delays[-1], 3) if delays else None}  # fmt: skip


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("bench/figures/watch.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        figures = {
            "delay": delay(place, args.rate, args.seconds), "cost": cost(place, args.rows),
            "load_1min": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
        }  # fmt: skip
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

"""A match at full size, as two processes over loopback: 25,000 tokens against 1,000,000 with 2,500 in common.

``python -m bench.private_match [--asks N] [--answers N] [--common N] [--out FILE]``. Online is everything from the
first message to the matches on both sides; the answering side's set is prepared before and measured apart.
CPU seconds are user and system, of a process and its workers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.decide.record import Who
from stillwatch.match.answers import Answering
from stillwatch.match.asks import match_with
from stillwatch.match.book import Book
from stillwatch.match.crossing import Workers
from stillwatch.match.running import run
from stillwatch.match.sets import MatchSet, make_set
from stillwatch.match.terms import Terms
from stillwatch.match.wire import Line
from stillwatch.store import open_store

FIGURES = Path(__file__).resolve().parent / "figures"
BENCH = Who("bench", "approver")


def _cpu_s() -> float:
    """User and system seconds of this process and of its children, the living ones too."""
    ticks, total = os.sysconf("SC_CLK_TCK"), 0.0
    for pid in [os.getpid(), *(p.pid for p in multiprocessing.active_children())]:
        words = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        total += (int(words[11]) + int(words[12])) / ticks
    return total


def _peak_mib(leave: int | None = None) -> dict[str, float]:
    """Largest resident size: this process, and its largest worker."""
    workers = [
        int(
            next(
                row for row in Path(f"/proc/{p.pid}/status").read_text("utf-8").splitlines() if "VmHWM" in row
            ).split()[1]
        )
        for p in multiprocessing.active_children()
        if p.pid != leave
    ]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"process": round(own / 1024, 1), "largest_worker": round(max(workers, default=0) / 1024, 1)}


def _made(folder: Path, first: int, count: int) -> tuple[MatchSet, float]:
    """A set from an accounts file (Parquet) of `count` payment tokens, and the seconds that it takes to read."""
    import pyarrow.parquet as pq

    path = folder / "accounts.parquet"
    numbers = range(first, first + count)
    pq.write_table(
        pa.table(
            {"account_id": [f"acct-{i}" for i in numbers], "payment_fingerprint": [f"fp_{i:08d}Qx" for i in numbers]}
        ),
        path,
    )
    began = time.perf_counter()
    return make_set([path], [], ["payment"]), time.perf_counter() - began


def _answer(folder: Path, count: int, limit: int, port: int, line: Connection) -> None:
    home = folder / "a"
    open_store(home, create=True).close()
    book = Book(home)
    found, reading_s = _made(folder, 0, count)
    workers = Workers()
    workers.warm()
    before, began = _cpu_s(), time.perf_counter()
    answering = Answering(book, found, Terms(limit=limit, consent="cardinality"), workers)
    answering.prepare_next().result()
    line.send(
        {"secret": book.pair(BENCH, "b", "match", time.time()), "reading_s": reading_s,
         "setup_wall_s": time.perf_counter() - began, "setup_cpu_s": _cpu_s() - before}
    )  # fmt: skip
    # no second set is prepared beside: in use that runs between runs
    ready = answering.prepare_next()
    answering.prepare_next = lambda: ready  # type: ignore[method-assign]

    def consent() -> None:
        while True:
            for waiting in book.runs():
                if waiting["state"] == "asked":
                    book.consent(BENCH, waiting["run_id"], True, time.time())
            time.sleep(0.02)

    def report() -> None:
        while True:
            line.recv()
            line.send({"cpu_s": _cpu_s(), **_peak_mib()})

    for work in (consent, report):
        threading.Thread(target=work, daemon=True).start()
    run(answering.app(), "127.0.0.1", port)


def measure(asks: int, answers: int, common: int) -> dict[str, Any]:
    """One match. `exact` is whether exactly the common accounts came out on both sides."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        ours, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        (folder / "there").mkdir()
        peer = spawn.Process(target=_answer, args=(folder / "there", answers, asks, port, theirs))
        peer.start()
        try:
            there = ours.recv()
            (folder / "here").mkdir()
            open_store(folder / "here" / "b", create=True).close()
            book = Book(folder / "here" / "b")
            found, reading_s = _made(folder / "here", answers - common, asks)
            workers = Workers()
            workers.warm()
            time.sleep(1)
            ours.send("cpu")
            before_there, before = ours.recv(), _own_cpu(peer.pid)
            began = time.perf_counter()
            line = Line(f"http://127.0.0.1:{port}", "b", there.pop("secret"), timeout_s=300)
            outcome = match_with(book, line, "a", found, Terms(limit=asks), workers, BENCH, consents=lambda count: True,
                                 poll_s=0.05)  # fmt: skip
            online = time.perf_counter() - began
            ours.send("cpu")
            after_there, after = ours.recv(), _own_cpu(peer.pid)
            held = json.loads(Path(outcome.file).read_text("utf-8"))["accounts"]
            expected = {f"acct-{i}" for i in range(answers - common, answers)}
            shown = json.loads(next((folder / "there" / "a" / "matches").iterdir()).read_text("utf-8"))["accounts"]
            peak = _peak_mib(peer.pid)
            workers.close()
        finally:
            peer.terminate()
            peer.join(20)
    counting = ("fetch the set", "request", "answer", "count")
    return {
        "asks": asks, "answers": answers, "common": common, "counted": outcome.common, "matches": outcome.matches,
        "state": outcome.state, "exact": set(held) == set(shown) == expected,
        "setup": {"wall_s": there["setup_wall_s"], "cpu_s": there["setup_cpu_s"], "reading_s": there["reading_s"]},
        "online": {
            "wall_s": online, "until_the_count_s": sum(outcome.seconds[name] for name in counting),
            "waiting_for_consent_s": outcome.seconds.get("waiting", 0.0),
            "cpu_asks_s": after - before, "cpu_answers_s": after_there["cpu_s"] - before_there["cpu_s"],
            "steps_s": outcome.seconds,
        },
        "reading_s": reading_s,
        "bytes": {"sent_by_asks": outcome.bytes_sent, "sent_by_answers": outcome.bytes_received},
        "peak_mib": {"answers": {k: after_there[k] for k in ("process", "largest_worker")}, "asks": peak},
    }  # fmt: skip


def _own_cpu(leave: int | None) -> float:
    """As `_cpu_s`, without the peer's process."""
    words = Path(f"/proc/{leave}/stat").read_text("utf-8").rpartition(")")[2].split()
    return _cpu_s() - (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Prints the figures, and writes them where --out says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asks", type=int, default=25_000)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--common", type=int, default=2_500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    figures = {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"), "python": platform.python_version(),
        "cores": os.cpu_count(), "load_before": round(load, 1),
        **measure(options.asks, options.answers, options.common),
    }  # fmt: skip
    text = json.dumps(figures, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Makes worlds, has the `stillwatch` command sweep each, scores what it left."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .catalogue import make
from .score import Unreadable, score_home


def command() -> str:
    """The `stillwatch` beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("stillwatch")
    return str(beside) if beside.exists() else "stillwatch"


def sweep(world: Path, home: Path, program: str, limit_s: float) -> tuple[float, str | None]:
    """Runs one sweep into an empty `home`; gives seconds and, where it failed, why."""
    shutil.rmtree(home, ignore_errors=True)
    words = [
        program,
        "sweep",
        str(world / "logs"),
        "--home",
        str(home),
        "--releases",
        str(world / "releases.csv"),
    ]
    if (world / "accounts.csv").exists():
        words += ["--accounts", str(world / "accounts.csv")]
    begun = time.perf_counter()
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return time.perf_counter() - begun, f"no end after {limit_s:.0f} s"
    except OSError as e:
        return time.perf_counter() - begun, f"{program}: {e.strerror}"
    said = (done.stderr or done.stdout).strip().splitlines()
    return time.perf_counter() - begun, (
        f"exit {done.returncode}: {said[-1][:200].replace('|', '/') if said else 'no message'}"
        if done.returncode
        else None
    )


def run(
    out: Path,
    names: list[str],
    seeds: list[int],
    scale: float = 1.0,
    program: str | None = None,
    limit_s: float = 600,
) -> list[dict[str, Any]]:
    """Each world of `names` with each seed under `out`, swept and scored; a failed one has a `fault`."""
    results = []
    for seed in seeds:
        for name in names:
            place = out / f"seed-{seed}" / name
            make(name, seed, scale).save(place)
            home = place / "home"
            seconds, fault = sweep(place, home, program or command(), limit_s)
            result: dict[str, Any] = {"world": name, "seed": seed}
            if fault is None:
                try:
                    result = score_home(place, home)
                except Unreadable as e:
                    fault = str(e)[:200]
            if fault is not None:
                result["fault"] = fault
            result["sweep_s"] = seconds
            results.append(result)
            print(f"{name} seed {seed}: {fault or 'swept'} ({seconds:.1f} s)", file=sys.stderr, flush=True)
    return results

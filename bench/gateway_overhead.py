"""CPU milliseconds a request of a real LiteLLM proxy without the plug-in, with a no-op callback, with the plug-in.

``python -m bench.gateway_overhead [--blocks 8] [--requests 50] [--out FILE]``. Three proxies on loopback with a mock
model behind them; blocks of requests go to them in turn, so that what else the machine does hits all three. CPU is
user and system time of the proxy's process (10 ms ticks: 0.2 ms a request at 50 requests a block). The plug-in follows
10,000 decisions that concern others and writes its journal with texts. Needs the gateway's environment
(``./run-tests``).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "gateway"))

from deciding import DecisionService, decision  # noqa: E402
from mock_model import MockModel  # noqa: E402
from running_proxy import PLUGIN, SERVICE_TOKEN, Proxy, gateway_python  # noqa: E402

KINDS = {"none": [], "no-op callback": ["proxy_no_op.handler"], "stillwatch": [PLUGIN]}
TARGET_MS = 2.0
DECISIONS = 10_000
PROMPT = "Explain in your own words why the following statement holds, and give an example of it. " * 23
"""About 2 kB."""


def cpu_seconds(proxy: Proxy) -> float:
    """User and system time that the proxy's process has used."""
    if proxy.process is None:
        raise RuntimeError("the proxy is not running")
    fields = Path(f"/proc/{proxy.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def block(proxy: Proxy, form: str, requests: int) -> tuple[float, list[float]]:
    """CPU ms a request, and the wall ms of each."""
    before = cpu_seconds(proxy)
    walls = []
    for _ in range(requests):
        began = time.perf_counter()
        answer = proxy.ask(form, "ordinary", stream=False, text=PROMPT)
        walls.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}")
    time.sleep(0.3)  # logging comes after the answer
    return (cpu_seconds(proxy) - before) * 1000 / requests, walls


def import_seconds(module: str) -> float:
    """The best of five imports in a fresh interpreter of the gateway's environment."""
    code = f"import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"
    command = [str(gateway_python()), "-c", code]
    told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(5)]
    return min(float(one) for one in told)


def measure(form: str, blocks: int, requests: int, folder: Path) -> dict[str, Any]:
    """Boots the proxies and runs the blocks; figures of each kind and what it adds to `none`, block by block."""
    model, held = MockModel(), [decision(f"other-{number}", "suspend") for number in range(DECISIONS)]
    service = DecisionService(held, SERVICE_TOKEN)
    proxies: dict[str, Proxy] = {}
    cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
    walls: dict[str, list[float]] = {kind: [] for kind in KINDS}
    try:
        for kind, callbacks in KINDS.items():
            place = folder / kind.replace(" ", "-")
            place.mkdir()
            environment = {"LITELLM_LOG": "ERROR"}
            if kind == "stillwatch":
                environment["STILLWATCH_GATEWAY_URL"] = service.url
                environment["STILLWATCH_GATEWAY_TOKEN"] = SERVICE_TOKEN
                environment["STILLWATCH_GATEWAY_LOG"] = str(place / "exchanges.jsonl")
            proxies[kind] = Proxy(place, model.port, callbacks=callbacks, environment=environment).start()
            block(proxies[kind], form, 60)
        order = list(KINDS)
        shuffled = random.Random(5)
        for _ in range(blocks):
            shuffled.shuffle(order)
            for kind in order:
                used, took = block(proxies[kind], form, requests)
                cpu[kind].append(used)
                walls[kind].extend(took)
        journalled = len(proxies["stillwatch"].rows(60 + blocks * requests))
    finally:
        for proxy in proxies.values():
            proxy.stop()
        service.stop()
        model.close()
    added = {kind: [one - none for one, none in zip(cpu[kind], cpu["none"], strict=True)] for kind in KINDS}
    return {
        "form": form,
        "cpu_ms_per_request": {kind: round(statistics.median(values), 3) for kind, values in cpu.items()},
        "added_cpu_ms": {kind: round(statistics.median(values), 3) for kind, values in added.items() if kind != "none"},
        "added_cpu_ms_by_block": {k: [round(one, 2) for one in v] for k, v in added.items() if k != "none"},
        "wall_ms_p50": {kind: round(statistics.median(values), 2) for kind, values in walls.items()},
        "journalled": journalled,
        "asked_of_stillwatch": 60 + blocks * requests,
    }


def main() -> None:
    """Measures, prints, and writes `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--forms", nargs="+", default=["chat"], choices=["chat", "messages", "responses"])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    runs = []
    for form in asked.forms:
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(form, asked.blocks, asked.requests, Path(folder)))
    figures = {
        "bench": "gateway_overhead",
        "blocks": asked.blocks,
        "requests_per_block": asked.requests,
        "decisions": DECISIONS,
        "prompt_bytes": len(PROMPT),
        "target_added_cpu_ms": TARGET_MS,
        "runs": runs,
        "import_seconds": {name: round(import_seconds(name), 4) for name in ("stillwatch_gateway.asgi",)},
    }
    print(json.dumps(figures, indent=1))
    if asked.out is not None:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

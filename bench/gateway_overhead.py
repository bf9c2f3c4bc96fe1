"""CPU milliseconds a request of a real LiteLLM proxy without the plug-in, with a no-op callback, with the plug-in.

``python -m bench.gateway_overhead [--blocks 24] [--requests 25] [--out FILE]``. Three proxies on loopback with a mock
model behind them; blocks of requests go to them in turn, so that what else the machine does hits all three. CPU is
the time that the proxy's threads spend on a processor (Linux's scheduler counts it in nanoseconds). The plug-in follows
10,000 decisions that concern others and writes its journal with texts. Needs the gateway's environment
(``./run-tests``).
"""

from __future__ import annotations

import argparse
import json
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
from running_proxy import PATHS, PLUGIN, SERVICE_TOKEN, Proxy, gateway_python  # noqa: E402

KINDS = {"none": [], "no-op callback": ["proxy_no_op.handler"], "stillwatch": [PLUGIN]}
TIMED = ["proxy_timed.handler"]
TARGET_MS = 2.0
DECISIONS = 10_000
WARMING = 20
PROMPT = "Explain in your own words why the following statement holds, and give an example of it. " * 23
"""About 2 kB."""


def cpu_seconds(proxy: Proxy) -> float:
    """Time that the proxy's threads have spent on a processor, to the nanosecond."""
    if proxy.process is None:
        raise RuntimeError("the proxy is not running")
    tasks = Path(f"/proc/{proxy.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text("utf-8").split()[0]) for task in tasks) / 1e9


def interval(values: list[float]) -> list[float]:
    """A 90 % bootstrap interval of the median."""
    drawn = random.Random(3)
    medians = sorted(statistics.median(drawn.choices(values, k=len(values))) for _ in range(2000))
    return [round(medians[100], 2), round(medians[1899], 2)]


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


def started(kind: str, callbacks: list[str], folder: Path, model: MockModel, service: DecisionService) -> Proxy:
    """A proxy that has warmed up; with the plug-in it follows the service and writes its journal."""
    place = folder / kind.replace(" ", "-")
    place.mkdir()
    environment = {"LITELLM_LOG": "ERROR"}
    if kind in ("stillwatch", "timed"):
        environment["STILLWATCH_GATEWAY_URL"] = service.url
        environment["STILLWATCH_GATEWAY_TOKEN"] = SERVICE_TOKEN
        environment["STILLWATCH_GATEWAY_LOG"] = str(place / "exchanges.jsonl")
    proxy = Proxy(place, model.port, callbacks=callbacks, environment=environment).start()
    for form in PATHS:
        block(proxy, form, WARMING)
    return proxy


def compare(form: str, blocks: int, requests: int, proxies: dict[str, Proxy]) -> dict[str, Any]:
    """Figures of each kind, and what it adds to `none` block by block."""
    cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
    walls: dict[str, list[float]] = {kind: [] for kind in KINDS}
    order = list(KINDS)
    shuffled = random.Random(5)
    for _ in range(blocks):
        shuffled.shuffle(order)
        for kind in order:
            used, took = block(proxies[kind], form, requests)
            cpu[kind].append(used)
            walls[kind].extend(took)
    added = {k: [one - none for one, none in zip(cpu[k], cpu["none"], strict=True)] for k in KINDS if k != "none"}
    return {
        "form": form,
        "cpu_ms_per_request": {kind: round(statistics.median(values), 3) for kind, values in cpu.items()},
        "added_cpu_ms": {kind: round(statistics.median(values), 3) for kind, values in added.items()},
        "added_cpu_ms_90": {kind: interval(values) for kind, values in added.items()},
        "wall_ms_p50": {kind: round(statistics.median(values), 2) for kind, values in walls.items()},
    }


def own_milliseconds(proxy: Proxy, form: str, requests: int) -> dict[str, Any]:
    """CPU ms a request inside our own code, by hook, from the stopwatch in `proxy_timed`."""
    before = json.loads((proxy.folder / "timed.json").read_text("utf-8"))
    block(proxy, form, requests)
    after = json.loads((proxy.folder / "timed.json").read_text("utf-8"))
    by_hook = {
        name: round((after["seconds"][name] - before["seconds"][name]) * 1000
                    / max(after["calls"][name] - before["calls"][name], 1), 4)
        for name in after["seconds"]
    }  # fmt: skip
    return {"form": form, "own_cpu_ms": round(sum(by_hook.values()), 4), "by_hook": by_hook}


def measure(forms: list[str], blocks: int, requests: int, folder: Path) -> dict[str, Any]:
    """Boots the proxies and runs the blocks."""
    model, held = MockModel(), [decision(f"other-{number}", "suspend") for number in range(DECISIONS)]
    service = DecisionService(held, SERVICE_TOKEN)
    proxies: dict[str, Proxy] = {}
    try:
        for kind, callbacks in [*KINDS.items(), ("timed", TIMED)]:
            proxies[kind] = started(kind, callbacks, folder, model, service)
        runs = [compare(form, blocks, requests, proxies) for form in forms]
        asked = WARMING * len(PATHS) + blocks * requests * len(forms)
        own = [own_milliseconds(proxies["timed"], form, 400) for form in forms]
        return {"runs": runs, "own": own, "asked": asked, "journalled": len(proxies["stillwatch"].rows(asked))}
    finally:
        for proxy in proxies.values():
            proxy.stop()
        service.stop()
        model.close()


def main() -> None:
    """Measures, prints, and writes `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=24)
    parser.add_argument("--requests", type=int, default=25)
    parser.add_argument("--forms", nargs="+", default=["chat"], choices=["chat", "messages", "responses"])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(asked.forms, asked.blocks, asked.requests, Path(folder))
    figures = {
        "bench": "gateway_overhead",
        "blocks": asked.blocks,
        "requests_per_block": asked.requests,
        "decisions": DECISIONS,
        "prompt_bytes": len(PROMPT),
        "target_added_cpu_ms": TARGET_MS,
        **measured,
        "import_seconds": {name: round(import_seconds(name), 4) for name in ("stillwatch_gateway.asgi",)},
    }
    print(json.dumps(figures, indent=1))
    if asked.out is not None:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

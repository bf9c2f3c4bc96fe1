"""Seconds from "campaign approved" to enforced in two running LiteLLM proxies that follow the real decision service.

python -m bench.approval_to_enforced [--rounds 10] [--out FILE]

`stillwatch serve` runs as a process of its own on loopback; one proxy follows it over HTTP, the other through a real
Redis as the shared cache. Each round decides on a new campaign of 25,000 accounts, approves it over the API, and calls
both proxies as one of its accounts until both refuse; then the decision is lifted, and both must serve again. Needs the
gateway's environment (``./run-tests``) and redis-server.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "gateway"))

from mock_model import MockModel  # noqa: E402
from running_proxy import Proxy, free_port  # noqa: E402

from stillwatch.decide.decide import decide  # noqa: E402
from stillwatch.decide.facts import Facts, Finding  # noqa: E402
from stillwatch.decide.policy import policy_from  # noqa: E402
from stillwatch.decide.record import Record, Who  # noqa: E402
from stillwatch.decide.tokens import make_token  # noqa: E402
from stillwatch.store import open_store  # noqa: E402

OUT = ROOT / "bench" / "figures" / "approval_to_enforced.json"
MEMBERS = 25_000
POLICY = """
[[rule]]
name = "bench"
scope = "campaign"
kinds = ["distillation"]
conduct_from = 50
coordination_from = 50
action = "suspend"
mode = "enforce"
reason = "harvest"
tell = "Suspended."
"""


def until(holds: Callable[[], bool], most: float = 60.0) -> float:
    """Seconds until it holds. RuntimeError where it never does."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > most:
            raise RuntimeError("not within a minute")
        time.sleep(0.01)
    return time.monotonic() - began


def post(url: str, token: str, body: dict[str, Any]) -> None:
    """One POST to the service."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=30) as answer:
        answer.read()


def measure(rounds: int, place: Path) -> dict[str, Any]:
    """Runs everything below `place`."""
    home = place / "home"
    open_store(home, create=True).close()
    record = Record(home)
    bench = Who("bench", "approver")
    tokens = {role: make_token(record, bench, role, role, time.time()) for role in ("gateway", "approver")}
    redis_port, port = free_port(), free_port()
    redis_url, url = f"redis://127.0.0.1:{redis_port}/0", f"http://127.0.0.1:{port}"
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server: apt-get install redis-server")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [
        subprocess.Popen([program, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""], cwd=place, **quiet),  # type: ignore[call-overload]
        subprocess.Popen([sys.executable, "-m", "stillwatch", "serve", "--port", str(port), "--home", str(home),
                          "--set", f"decide.redis={redis_url}"], cwd=place, **quiet),  # type: ignore[call-overload]
    ]  # fmt: skip
    model = MockModel()
    settings = [
        {"STILLWATCH_GATEWAY_URL": url, "STILLWATCH_GATEWAY_TOKEN": tokens["gateway"]},
        {"STILLWATCH_GATEWAY_REDIS": redis_url},
    ]
    proxies = []
    try:
        for i, environment in enumerate(settings):
            folder = place / f"proxy-{i}"
            folder.mkdir()
            proxies.append(Proxy(folder, model.port, environment=environment).start())
        enforced, lifted = [], []
        for i in range(rounds):
            members = tuple(f"member-{i}-{k}" for k in range(MEMBERS))
            score, families = 99.0, frozenset({"content"})
            finding = Finding(f"C-{i}", "distillation", "bench", score, score, score, 0.001, families, members, 1)
            made = decide(record, policy_from(POLICY, "bench"), Facts((finding,)), time.time())
            account = members[7]

            def status(account: str = account) -> list[int]:
                return [proxy.ask("chat", account, stream=False).status for proxy in proxies]

            if status() != [200, 200]:
                raise RuntimeError("refused before it was approved")
            post(f"{url}/v1/decisions/{made.new[0]}/approve", tokens["approver"], {"note": "bench"})
            enforced.append(until(lambda status=status: status() == [403, 403]))  # type: ignore[misc]
            post(f"{url}/v1/decisions/{made.new[0]}/lift", tokens["approver"], {"reason": "bench"})
            lifted.append(until(lambda status=status: status() == [200, 200]))  # type: ignore[misc]
            print(json.dumps({"round": i, "enforced_s": enforced[-1], "lifted_s": lifted[-1]}), flush=True)
    finally:
        for proxy in proxies:
            proxy.stop()
        for process in started:
            process.terminate()
            process.wait(20)
        model.close()
    return {
        "rounds": rounds, "members": MEMBERS, "enforced_s": enforced, "lifted_s": lifted,
        "enforced_median_s": statistics.median(enforced), "enforced_most_s": max(enforced),
        "lifted_median_s": statistics.median(lifted), "lifted_most_s": max(lifted),
    }  # fmt: skip


def main() -> None:
    """Measures, prints, leaves JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="stillwatch-approval-"))
    try:
        found = measure(options.rounds, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1), "utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

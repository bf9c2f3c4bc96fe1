"""Faults planted one by one under a real LiteLLM proxy with the plug-in, while ordinary accounts ask.

python -m bench.gateway_faults [--only WORD] [--out FILE]

`stillwatch serve` and a Redis run as processes on loopback. For each fault: four clients ask in all forms, and each
answer is compared with what the same proxy without the plug-in says to the same request; short decisions run out
meanwhile and must hold nobody afterwards; after it every decision must hold, and a new one must arrive. Needs the
gateway's environment (``./run-tests``) and redis-server.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "gateway"))

from mock_model import MockModel  # noqa: E402
from running_proxy import Proxy  # noqa: E402

from bench.faults_asked import Call, hostile_bodies, hostile_headers, leave_midstream, ordinary  # noqa: E402
from bench.faults_place import Gate, Redis, Service, Watched, until  # noqa: E402
from bench.faults_table import table  # noqa: E402
from stillwatch.decide.decide import decide  # noqa: E402
from stillwatch.decide.facts import Facts, Finding  # noqa: E402
from stillwatch.decide.policy import policy_from  # noqa: E402
from stillwatch.decide.record import Record  # noqa: E402

OUT = ROOT / "bench" / "figures" / "gateway_faults.json"
LEAST_CALLS, CLIENTS = 72, 3
BRIEF_S = (6.0, 8.0, 10.0)
FAULT_S = 12.0
RECOVERS_WITHIN_S = 60.0
CROWD = 10_000
STANDING = {"held-suspend": 403, "held-verify": 403, "held-throttle": 429, "held-trim": 200}
CROWD_POLICY = """
[[rule]]
name = "bench"
scope = "account"
kinds = ["distillation"]
conduct_from = 50
coordination_from = 50
account_score_from = 50
action = "step_up"
mode = "enforce"
reason = "bench"
tell = "Verify."
"""


@dataclass
class Place:
    """Everything that runs."""

    folder: Path
    model: MockModel
    service: Service
    redis: Redis
    gate: Gate
    plain: Proxy
    expected: dict[tuple[str, bytes, str], tuple[int, str, bytes]] = field(default_factory=dict)

    def expect(self, call: Call) -> tuple[int, str, bytes]:
        """What the proxy without the plug-in says to it; asked once."""
        key = (call.form, call.body, json.dumps(call.headers))
        if key not in self.expected:
            self.expected[key] = call.of(self.plain)
        return self.expected[key]


@dataclass
class Tally:
    """What was seen while a fault lasted."""

    sent: int = 0
    failed: int = 0
    slowest_s: float = 0.0
    late: int = 0
    brief_asked_late: int = 0
    early: int = 0
    differ: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def load(place: Place, proxy: Proxy, calls: Sequence[Call], least: int, tally: Tally, over: threading.Event) -> None:
    """Asks in turns until the fault is over and at least so many were sent; differences are failures."""
    wanted = [place.expect(call) for call in calls]
    turn = iter(range(1 << 30))

    def client() -> None:
        while not (over.is_set() and tally.sent >= least):
            with tally.lock:
                i = next(turn) % len(calls)
            began = time.monotonic()
            try:
                got = calls[i].of(proxy)
            except Exception as error:
                got = (0, type(error).__name__, b"")
            took = time.monotonic() - began
            with tally.lock:
                tally.sent += 1
                tally.slowest_s = max(tally.slowest_s, took)
                if got != wanted[i]:
                    tally.failed += 1
                    if len(tally.differ) < 10:
                        shown = [f"{one[0]} {one[1]} {one[2][-300:]!r}" for one in (got, wanted[i])]
                        tally.differ.append(f"{calls[i].name}: {shown[0]} and not {shown[1]}")
            time.sleep(0.05)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)


def watch_briefs(proxy: Proxy, briefs: dict[str, float], tally: Tally, over: threading.Event) -> None:
    """Asks as accounts whose decisions run out; who is refused in a call begun after that was held too long."""
    while not over.is_set() or time.time() < max(briefs.values()) + 1:
        for account, ends_at in briefs.items():
            sent_at = time.time()
            try:
                status = proxy.ask("chat", account, stream=False).status
            except OSError:
                continue
            if sent_at > ends_at:
                tally.brief_asked_late += 1
                tally.late += status == 403
            elif status != 403 and time.time() < ends_at:
                tally.early += 1
        time.sleep(0.1)


def all_held(proxy: Proxy) -> bool:
    """Whether every standing decision acts."""
    for account, status in STANDING.items():
        answer = proxy.ask("chat", account, stream=False)
        if answer.status != status or (status == 200 and "x-stillwatch-withheld" not in answer.headers):
            return False
    return True


def planted(
    place: Place, watched: Watched, name: str, fault: Callable[[], Any], *, calls: Sequence[Call] = (),
    lasts_s: float = FAULT_S, held: bool = True, inside: bool = False,
    began_at_log: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One fault from its beginning to the proof that all is as before.

    `fault`: a context manager's maker. `held`: the standing decisions are asked for while it lasts. `inside`: clients
    ask only while it lasts, since a trimmed answer is then compared with a whole one. `began_at_log`: it began with the
    proxy's start, where its log was so long.
    """
    proxy, tally, over = watched.proxy, Tally(), threading.Event()
    calls = calls or ordinary()
    for call in calls:
        place.expect(call)
    before, said = (watched.counted(), len(watched.log())) if began_at_log is None else ({}, began_at_log)
    briefs = {f"brief-{abs(hash(name)) % 10**6}-{s:g}": s for s in BRIEF_S}
    ends = {account: place.service.decide(account, "suspend", s + 3) for account, s in briefs.items()}
    arrived = until(lambda: all(proxy.ask("chat", a, stream=False).status == 403 for a in ends), 5)
    asking = [
        threading.Thread(target=load, args=(place, proxy, calls, max(LEAST_CALLS, len(calls)), tally, over)),
        threading.Thread(target=watch_briefs, args=(proxy, ends, tally, over)),
    ]
    if not inside:
        for thread in asking:
            thread.start()
        time.sleep(0.5)
    began = time.monotonic()
    with fault():
        if inside:
            time.sleep(1.0)
            for thread in asking:
                thread.start()
        time.sleep(lasts_s / 2)
        held_during = all_held(proxy) if held else None
        while time.monotonic() - began < lasts_s or time.time() < max(ends.values()) + 1:
            time.sleep(0.1)
        rss = watched.rss_mib()
        if inside:
            over.set()
            for thread in asking:
                thread.join(240)
    over.set()
    for thread in asking:
        thread.join(240)
    lost = until(lambda: all_held(proxy), RECOVERS_WITHIN_S)
    fresh = f"after-{abs(hash(name)) % 10**6}"
    place.service.decide(fresh, "suspend")
    recovered = until(lambda: proxy.ask("chat", fresh, stream=False).status == 403, RECOVERS_WITHIN_S)
    known = until(lambda: watched.stats().get("decisions", -1) >= place.service.live(), 15)
    time.sleep(0.6)
    after = watched.counted()
    told = [line for line in watched.log()[said:].splitlines() if "since last said" in line or "journal:" in line]
    row = {
        "fault": name, "sent": tally.sent, "failed_because_of_us": tally.failed,
        "decisions_lost": sum(seconds is None for seconds in (lost, recovered, known)),
        "seconds_until_held": {"standing": lost, "new": recovered, "all known": known},
        "enforced_after_expiry": tally.late, "asked_after_expiry": tally.brief_asked_late,
        "not_enforced_before_expiry": tally.early, "briefs_arrived": arrived is not None,
        "held_meanwhile": held_during, "slowest_s": round(tally.slowest_s, 2), "rss_mib": round(rss),
        "new_decision_after_s": recovered if recovered is None else round(recovered, 2),
        "counted": {k: v - before.get(k, 0) for k, v in after.items() if v > before.get(k, 0)},
        "told": sorted({line[-160:] for line in told}), "differ": tally.differ,
    }  # fmt: skip
    print(json.dumps(row), flush=True)
    return row


def _switch(on: Callable[[], Any], off: Callable[[], Any]) -> Callable[[], Any]:
    @contextmanager
    def fault() -> Iterator[None]:
        on()
        try:
            yield
        finally:
            off()

    return fault


def _gate(gate: Gate, mode: str) -> Callable[[], Any]:
    return _switch(lambda: setattr(gate, "mode", mode), lambda: setattr(gate, "mode", "pass"))


def _file(path: Path, text: str) -> Callable[[], Any]:
    return _switch(lambda: path.write_text(text, "utf-8"), path.unlink)


def _blocked(watched: Watched, name: str, true: Path) -> Callable[[], Any]:
    """A journal whose disk takes nothing more and never says so: a FIFO that nobody reads, until the end."""

    def on() -> None:
        import os

        os.mkfifo(watched.folder / "blocked")
        watched.turn(name, watched.folder / "blocked")

    def off() -> None:
        watched.turn(name, true)
        file = (watched.folder / "blocked").open("rb")
        threading.Thread(target=lambda: [None for _ in iter(lambda: file.read(1 << 16), b"")], daemon=True).start()

    return _switch(on, off)


def _crowd(place: Place) -> Callable[[], Any]:
    """The gate holds the stream back while 10,000 decisions are made, so that they arrive at once."""

    def on() -> None:
        place.gate.mode = "closed"
        members = tuple(f"crowd-{i}" for i in range(CROWD))
        finding = Finding(
            "C-crowd", "distillation", "bench", 99.0, 99.0, 99.0, 0.001, frozenset({"content"}), members, 1
        )
        record = Record(place.service.home)
        facts = Facts((finding,), scores=dict.fromkeys(members, 99.0))
        made = decide(record, policy_from(CROWD_POLICY, "bench"), facts, time.time())
        record.close()
        if len(made.new) < CROWD:
            raise RuntimeError(f"{len(made.new)} decisions made")
        place.gate.mode = "pass"

    return _switch(on, lambda: None)


def _leaving(proxy: Proxy) -> Callable[[], Any]:
    def on() -> None:
        begun = [leave_midstream(proxy, form) for _ in range(8) for form in ("chat", "messages", "responses")]
        if not all(begun):
            raise RuntimeError("a stream that was to be left did not begin")

    return _switch(on, lambda: None)


def _faults_over_http(place: Place, watched: Watched) -> Iterator[tuple[str, Callable[[], Any], dict[str, Any]]]:
    service, gate, folder = place.service, place.gate, watched.folder
    token, journal = folder / "token", folder / "true-journal" / "exchanges.jsonl"
    malformed = ordinary("Answer in a malformed way.")
    edited = [*ordinary(), *ordinary("Go on.", "held-trim")]
    judging, answers = (_file(folder / "raise", stage) for stage in ("judging", "answers"))
    kill = _switch(lambda: service.signal(signal.SIGKILL), service.start)
    hang = _switch(lambda: service.signal(signal.SIGSTOP), lambda: service.signal(signal.SIGCONT))
    refused = _switch(lambda: token.write_text("wrong", "utf-8"), lambda: token.write_text(service.tokens["gateway"]))
    full = _switch(lambda: watched.turn("exchanges.jsonl", Path("/dev/full")),
                   lambda: watched.turn("exchanges.jsonl", journal))  # fmt: skip
    unwritable = _switch(lambda: watched.turn("cache", _read_only(folder)),
                         lambda: watched.turn("cache", folder / "true-cache"))  # fmt: skip
    yield "decision service killed (SIGKILL), started again", kill, {}
    yield "decision service hangs (SIGSTOP), resumed", hang, {"lasts_s": 20.0}
    yield "decision service answers noise", _gate(gate, "garbage"), {}
    yield "decision service's answers cut off half-way", _gate(gate, "truncated"), {}
    yield "decision service answers 200 MB", _gate(gate, "long"), {}
    yield "wrong token (401)", refused, {}
    yield "journal: disk full", full, {}
    yield "cache folder read-only", unwritable, {}
    yield "wall clock two days ahead", _file(folder / "clock", "172800"), {}
    yield "wall clock two days back", _file(folder / "clock", "-172800"), {}
    yield "wall clock half an hour ahead", _file(folder / "clock", "1800"), {}
    yield "journal: disk blocks", _blocked(watched, "exchanges.jsonl", journal), {"lasts_s": 30.0}
    yield "our own code raises while it judges", judging, {"held": False, "inside": True}
    yield "our own code raises while it edits and logs", answers, {"held": False, "inside": True, "calls": edited}
    yield "model sends a malformed stream", _switch(lambda: None, lambda: None), {"calls": malformed}
    yield "clients leave mid-stream", _leaving(watched.proxy), {}
    yield "hostile headers", _switch(lambda: None, lambda: None), {"calls": hostile_headers()}
    yield "hostile bodies", _switch(lambda: None, lambda: None), {"calls": hostile_bodies()}
    yield "10,000 decisions at once", _crowd(place), {}


def _read_only(folder: Path) -> Path:
    """A folder in which this user cannot write; the superuser can only not write in the kernel's own."""
    made = folder / "read-only"
    made.mkdir(exist_ok=True)
    made.chmod(0o500)
    try:
        (made / "probe").touch()
    except OSError:
        return made
    return Path("/sys/kernel")


def _at_start(place: Place, name: str, damage: Callable[[bytes], bytes], settings: dict[str, str]) -> dict[str, Any]:
    """A proxy that starts on a damaged cache while the service is away; the end of the fault is its return."""
    watched = Watched(place.folder / name.replace(" ", "-"), place.model.port, settings)
    try:
        watched.proxy.start()
        until(lambda: (watched.folder / "true-cache" / "decisions.jsonl").exists(), 20)
        until(lambda: all_held(watched.proxy), 20)
        time.sleep(3)
        watched.proxy.stop()
        for file in (watched.folder / "true-cache").iterdir():
            file.write_bytes(damage(file.read_bytes()))
        (watched.folder / "stats.json").unlink(missing_ok=True)
        said, place.gate.mode = len(watched.log()), "closed"
        watched.proxy.start()
        place.gate.mode = "pass"
        until(lambda: all_held(watched.proxy), RECOVERS_WITHIN_S)
        # The boot was the fault; the load runs over the rest of it, with the service away again.
        return planted(place, watched, name, _gate(place.gate, "closed"), began_at_log=said)
    finally:
        place.gate.mode = "pass"
        watched.proxy.stop()


def measure(folder: Path, only: str = "") -> list[dict[str, Any]]:
    """Runs everything below `folder`; one row a fault."""
    redis = Redis(folder)
    redis.start()
    service = Service(folder, redis.url)
    service.start()
    model, rows = MockModel(), []
    model.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients leave: that is the fault
    (folder / "plain").mkdir()
    plain = Proxy(folder / "plain", model.port, callbacks=[])
    place = Place(folder, model, service, redis, Gate(service.port), plain)
    running = [plain]
    try:
        plain.start()
        for account, limits in (("held-suspend", {}), ("held-verify", {}), ("held-throttle", {"per_minute": None}),
                                ("held-trim", {"reasoning": "withhold", "max_tokens": 64})):  # fmt: skip
            action = {"verify": "step_up"}.get(account.removeprefix("held-"), account.removeprefix("held-"))
            service.decide(account, action, **limits)
        token = folder / "over-http" / "token"
        settings = {"STILLWATCH_GATEWAY_URL": place.gate.url, "STILLWATCH_GATEWAY_TOKEN_FILE": str(token)}
        over_http = Watched(folder / "over-http", model.port, settings)
        token.write_text(service.tokens["gateway"], "utf-8")
        running.append(over_http.proxy)
        over_http.proxy.start()
        until(lambda: all_held(over_http.proxy), 30)
        crowded: list[tuple[str, Callable[[], Any], dict[str, Any]]] = []
        for name, fault, how in _faults_over_http(place, over_http):
            if only in name:
                (crowded.append((name, fault, how)) if "10,000" in name
                 else rows.append(planted(place, over_http, name, fault, **how)))  # fmt: skip
        through_redis = [
            ("Redis killed (SIGKILL), started again empty", _switch(redis.kill, redis.start)),
            ("Redis emptied (FLUSHALL)", _switch(redis.flush, lambda: None)),
        ]
        if any(only in name for name, _ in through_redis):
            shared = Watched(folder / "through-redis", model.port, {"STILLWATCH_GATEWAY_REDIS": redis.url})
            running.append(shared.proxy)
            shared.proxy.start()
            until(lambda: all_held(shared.proxy), 30)
            rows += [planted(place, shared, name, fault) for name, fault in through_redis if only in name]
            shared.proxy.stop()
        settings = {"STILLWATCH_GATEWAY_URL": place.gate.url, "STILLWATCH_GATEWAY_TOKEN": service.tokens["gateway"]}
        for name, damage in (
            ("cache file half-written at start", lambda raw: raw[: len(raw) // 2]),
            ("cache file noise at start", lambda raw: b"\x00\xff{[" * 5000),
        ):
            if only in name:
                rows.append(_at_start(place, name, damage, settings))
        if crowded:  # The gate was closed for others, and this proxy may still wait before it asks again.
            service.decide("before-the-crowd", "suspend")
            until(lambda: over_http.proxy.ask("chat", "before-the-crowd", stream=False).status == 403, 40)
        rows += [planted(place, over_http, name, fault, **how) for name, fault, how in crowded]
    finally:
        for proxy in running:
            proxy.stop()
        service.signal(signal.SIGCONT)
        service.signal(signal.SIGTERM)
        redis.kill()
        model.close()
    return rows


def main() -> None:
    """Plants, prints, leaves JSON; exit status 1 where a request failed, a decision was lost or held too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="measure faults whose name holds this; their rows are replaced")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the proxies' logs")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stillwatch-faults-"))
    try:
        rows = measure(folder, options.only)
    finally:
        if options.keep:
            print(folder, file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if options.only and options.out.exists():
        anew = {row["fault"]: row for row in rows}
        old = json.loads(options.out.read_text("utf-8"))
        rows = [anew.pop(row["fault"], row) for row in old] + list(anew.values())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=1), "utf-8")
    print(table(rows))
    wrong = ("failed_because_of_us", "decisions_lost", "enforced_after_expiry")
    sys.exit(any(row[name] for row in rows for name in wrong))


if __name__ == "__main__":
    main()

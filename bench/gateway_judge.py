"""What judging a request costs: microseconds at 100,000 decisions and a million known accounts, memory, import time.

python -m bench.gateway_judge [--decisions N] [--known N] [--requests N] [--out FILE]

`with rules`: the project's pattern rules by Hyperscan as well, over texts of both kinds.

Texts are last user messages of 500 to 4,000 characters: English prose, and mixed scripts. Of the callers 90 in 100 are
known, 5 new (their texts are searched for shingles in the background, at the same time) and 5 under a decision. The
gateway runs in a process of its own that has only the light package; it is measured call by call, one thread asking: by
the wall clock, and by that thread's own CPU time, which a busy machine leaves alone.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

from bench.text_pass import _Writer
from stillwatch.patterns import load_rules
from stillwatch_gateway.kernel import ends_of, shingles_of
from stillwatch_gateway.wire import Decision, Limits, account_number

_IMPORT = """
import sys, time
before = time.perf_counter()
import stillwatch_gateway.follow
print((time.perf_counter() - before) * 1000, "stillwatch" in sys.modules, "numpy" in sys.modules)
"""

_MEASURE = """
import json, sys, time
from pathlib import Path
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.deltas import read_delta
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.settings import GatewaySettings
folder = Path(sys.argv[1])
def memory(name):
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(name))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)
def at(sorted_times, share):
    return round(sorted_times[min(int(len(sorted_times) * share), len(sorted_times) - 1)] * 1e6, 1)
settings = GatewaySettings()
cache = Cache()
judge = Judge(cache, settings=settings)
empty = memory("VmRSS")
t0 = time.perf_counter()
cache.apply(read_delta((folder / "state.json").read_bytes()))
cache.set_known((folder / "known.bin").read_bytes(), "1")
loading = time.perf_counter() - t0
filled, peak = memory("VmRSS"), memory("VmHWM")
out = {"kinds": {}, "empty_mb": empty, "filled_mb": filled, "peak_mb": peak,
       "loading_s": loading}
for kind in ("english", "mixed", "no text", "with rules"):
    if kind == "with rules":
        t0 = time.perf_counter()
        judge.rules.set_rules(json.loads((folder / "rules.json").read_text()))
        out["rules_compiling_s"] = time.perf_counter() - t0
    calls = json.loads((folder / f"{kind}.json").read_text())
    calls = [(Caller(**who), text) for who, text in calls]
    times, own, clock, busy, one = [], [], time.perf_counter, time.thread_time, judge.judge
    for caller, text in calls[:500]:
        one(caller, text)
    cpu = time.process_time()
    for caller, text in calls:
        at_work, began = busy(), clock()
        one(caller, text)
        times.append(clock() - began)
        own.append(busy() - at_work)
    asked = sum(times)
    time.sleep(1)
    cpu = time.process_time() - cpu
    times.sort()
    own.sort()
    out["kinds"][kind] = {
        "requests": len(calls), "p50_us": at(times, 0.5), "p90_us": at(times, 0.9), "p99_us": at(times, 0.99),
        "p999_us": at(times, 0.999), "worst_us": at(times, 1.0), "mean_us": round(asked / len(times) * 1e6, 1),
        "own_cpu_p50_us": at(own, 0.5),
        "own_cpu_p99_us": at(own, 0.99), "cpu_with_background_us": round(cpu / len(calls) * 1e6, 1)}
deltas = []
for name in sorted(folder.glob("delta-*.json")):
    raw = name.read_bytes()
    began = time.perf_counter()
    cache.apply(read_delta(raw))
    deltas.append(time.perf_counter() - began)
deltas.sort()
out |= {"delta_of_one_p50_us": at(deltas, 0.5), "delta_of_one_worst_us": at(deltas, 1.0),
        "stats": judge.stats()}
print(json.dumps(out))
"""

_WORDS = {
    "ru": "и в не на что с как это по но напиши пожалуйста объясни решение задачи шаг шагом подробно ответ",
    "ar": "في من على إلى أن هذا اكتب اشرح خطوة بخطوة الحل من فضلك السؤال التالي",
    "hi": "के में है और की से यह एक कृपया समझाइए उत्तर लिखिए चरण दर चरण",
    "zh": "请 一步 一步 地 解释 下面 这个 问题 的 答案 并且 写出 完整 的 推理 过程 然后 打分",
    "ja": "次の 問題を 段階的に 説明して ください そして 最終的な 答えを 書いて",
    "th": "กรุณา อธิบาย คำตอบ ของ คำถาม ต่อไปนี้ ทีละ ขั้นตอน",
}


def _mixed(source: random.Random, writer: _Writer) -> str:
    """Runs of one to three scripts, now and then with an emoji."""
    out = []
    for language in source.sample(["en", *_WORDS], source.randint(1, 3)):
        if language == "en":
            out.append(writer.prose(source.randint(40, 200)))
        else:
            gap = "" if language in ("zh", "ja", "th") else " "
            out.append(gap.join(source.choices(_WORDS[language].split(), k=source.randint(60, 300))))
        if source.random() < 0.2:
            out.append("👍")
    return " ".join(out)


def _text(kind: str, source: random.Random, writer: _Writer) -> str | None:
    if kind == "no text":
        return None
    if kind == "with rules":
        kind = source.choice(["english", "mixed"])
    wanted, text = source.randint(500, 4000), ""
    while len(text) < wanted:
        text += writer.prose(120) + "\n" if kind == "english" else _mixed(source, writer)
    return text[:wanted]


def _write(folder: Path, decisions: int, known: int, requests: int) -> None:
    source, writer, now = random.Random(11), _Writer(3), time.time()
    actions = ["watch", "step_up", "throttle", "trim", "block_new_keys", "suspend"]
    upsert = []
    for i in range(decisions - 5):
        scope = source.choices(["account", "key", "organisation"], [8, 1, 1])[0]
        action = source.choice(actions)
        upsert.append(
            Decision(
                f"d-{i:08d}", action, scope, f"{scope}-{i:08d}", now - 60, now + 86400, source.random() < 0.5,
                f"c-{i % 400:04d}", "coordinated_harvest", "Your use looks automated. Please contact support.",
                limits=Limits(per_minute=30.0) if action == "throttle" else Limits(),
            ).as_dict()
        )  # fmt: skip
    for i in range(5):
        templates = [writer.prose(60) for _ in range(40)]
        marks = {m for t in templates for m in (ends_of(t).opening, ends_of(t).closing, *shingles_of(t)) if m}
        members = tuple(f"member-{i}-{k:06d}" for k in range(2000))
        upsert.append(
            Decision(
                f"campaign-{i}", "suspend", "campaign", f"c-{i:04d}", now - 60, now + 86400, True, f"c-{i:04d}",
                members=members, marks=tuple(sorted(marks)), newcomers="step_up",
            ).as_dict()
        )  # fmt: skip
    state = {"cursor": 1, "reset": True, "now": now, "known": "1", "upsert": upsert, "delete": []}
    (folder / "state.json").write_text(json.dumps(state), "utf-8")
    for i in range(50):
        delta = {"cursor": 2 + i, "reset": False, "now": now, "upsert": [{**upsert[i], "decision_id": f"new-{i}"}]}
        (folder / f"delta-{i:02d}.json").write_text(json.dumps(delta), "utf-8")
    rules = [{"code": r.code, "id": r.id, "expression": r.expression, "applies_to": r.applies_to} for r in load_rules()]
    (folder / "rules.json").write_text(json.dumps(rules), "utf-8")
    numbers = array("Q", sorted({account_number(f"known-{i:07d}") for i in range(known)}))
    (folder / "known.bin").write_bytes(numbers.tobytes())
    for kind in ("english", "mixed", "no text", "with rules"):
        calls = []
        for i in range(requests):
            who = source.choices(["known", "new", "decided"], [90, 5, 5])[0]
            account = {
                "known": f"known-{source.randrange(known):07d}", "new": f"fresh-{i:07d}",
                "decided": f"account-{source.randrange(decisions):08d}",
            }[who]  # fmt: skip
            caller = {"account": account, "key": f"k-{i % 9999}", "organisation": "o-1"}
            calls.append((caller, _text(kind, source, writer)))
        (folder / f"{kind}.json").write_text(json.dumps(calls), "utf-8")


def _ran(script: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True).stdout


def measure(decisions: int = 100_000, known: int = 1_000_000, requests: int = 20_000) -> dict[str, Any]:
    """All figures of this module's first lines. Times in microseconds, memory in MB (10**6 bytes)."""
    imports = sorted(_ran(_IMPORT).split() for _ in range(5))
    assert all(one[1:] == ["False", "False"] for one in imports), "the light package imports the analysis"
    with tempfile.TemporaryDirectory() as name:
        _write(Path(name), decisions, known, requests)
        found: dict[str, Any] = json.loads(_ran(_MEASURE, name))
    return {"decisions": decisions, "known": known, "import_ms": sorted(float(one[0]) for one in imports)[2], **found}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = measure(options.decisions, options.known, options.requests)
    for kind, one in found["kinds"].items():
        wall = f"p50 {one['p50_us']} µs, p99 {one['p99_us']} µs, worst {one['worst_us']} µs"
        print(f"{kind:>10}: {wall}; own CPU p50 {one['own_cpu_p50_us']} µs, p99 {one['own_cpu_p99_us']} µs")
    print(f"import {found['import_ms']:.0f} ms; filled {found['filled_mb']:.0f} MB, peak {found['peak_mb']:.0f} MB")
    print(f"loading {found['loading_s']:.1f} s; a delta of one decision {found['delta_of_one_p50_us']:.0f} µs")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()

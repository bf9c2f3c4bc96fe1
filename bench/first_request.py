"""A known campaign's new accounts: how many of their requests does a gateway stop or flag, and from which one on?

python -m bench.first_request [--worlds NAME ...] [--seeds 591 592] [--out FILE]

Half of a world's accounts, guilty and innocent alike, are held back from the sweep. The campaigns that it finds are
decided on and approved under the policy that ships (enforced); then everything that the held-back accounts sent goes
through the gateway's own judge in time order, as unknown accounts. Truth says who belongs where. A campaign that the
sweep does not find marks nobody: it counts with nothing stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.accuracy import CAMPAIGNS, WORLDS
from bench.truth import GUILTY, truth_of, wilson
from bench.worlds import make, settings
from stillwatch import pipeline
from stillwatch.decide import people
from stillwatch.decide.live import delta
from stillwatch.decide.policy import Policy, default_policy, policy_from
from stillwatch.decide.record import Record, Who
from stillwatch.store import open_store
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.deltas import read_delta
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.wire import account_number

OUT = Path(__file__).resolve().parents[1] / "bench" / "figures" / "first_request.json"
ASKER = Who("bench", "approver")


def enforced() -> Policy:
    """The policy that ships, every row enforced; approval and everything else as it is."""
    from importlib.resources import files

    text = files("stillwatch.decide").joinpath("default_policy.toml").read_text("utf-8")
    assert default_policy().rows
    return policy_from(text.replace('[defaults]\nmode = "simulate"', '[defaults]\nmode = "enforce"'), "enforced")


def held_back(account: str) -> bool:
    """The same half in every run."""
    return zlib.crc32(account.encode()) % 2 == 1


def one(world: str, seed: int, place: Path) -> dict[str, Any]:
    """Sweeps half of a world and lets the other half come to the gateway."""
    make(WORLDS[world], seed, place)
    truth, _ = truth_of(place)
    whole = pq.read_table(place / "exchanges")
    later = pa.array([held_back(a) for a in whole["account_id"].to_pylist()])
    feed, home = place / "feed", place / "home"
    feed.mkdir()
    pq.write_table(whole.filter(pc.invert(later)), feed / "first.parquet")
    records = [json.loads(line) for line in (place / "accounts.jsonl").read_text("utf-8").splitlines()]
    (feed / "accounts.jsonl").write_text(
        "".join(json.dumps(r) + "\n" for r in records if not held_back(r["account_id"])), "utf-8"
    )
    pipeline.sweep(home, [str(feed / "first.parquet")], settings=settings(), accounts=[str(feed / "accounts.jsonl")])
    pipeline.decide(home, enforced(), settings=settings())
    record = Record(home)
    for row in record.rows("SELECT decision_id FROM decisions WHERE state='proposed'"):
        people.approve(record, ASKER, row["decision_id"], time.time())
    judge = _gateway(home, record)
    rest = whole.filter(later).sort_by("started_at")
    counts: dict[str, dict[str, Any]] = defaultdict(_nothing)
    nth: dict[str, int] = defaultdict(int)
    for account, raw in zip(rest["account_id"].to_pylist(), rest["messages"].to_pylist(), strict=True):
        t = truth[account]
        who = counts[str(t["campaign"]) if t["role"] in GUILTY else f"innocent:{t['cohort']}"]
        text = last_user_text(raw)
        verdict = judge.judge(Caller(account), text)
        stopped = verdict.action not in ("", "watch", "allow")
        seen = stopped or any(f.startswith(("mark:", "joined:")) for f in verdict.flags)
        judge.settle()  # requests of a real gateway come seconds apart
        nth[account] += 1
        who["accounts"].add(account)
        who["exchanges"] += 1
        who["stopped"] += stopped
        who["flagged"] += seen
        if seen:
            who["first"] += nth[account] == 1
            who["recognised"].add(account)
    marks = sum(1 for row in record.rows("SELECT marks FROM decisions") if row["marks"] != "[]")
    record.close()
    judge.stop()
    groups = {name: {k: len(v) if isinstance(v, set) else v for k, v in c.items()} for name, c in counts.items()}
    return {"world": world, "seed": seed, "decisions_with_marks": marks, "groups": groups}


def _nothing() -> dict[str, Any]:
    return {"accounts": set(), "exchanges": 0, "stopped": 0, "flagged": 0, "first": 0, "recognised": set()}


def _gateway(home: Path, record: Record) -> Judge:
    cache = Cache()
    cache.apply(read_delta(json.dumps(delta(record, 0, time.time()))))
    store = open_store(home)
    ids = set(store.account_ids().column("account_id").to_pylist())
    ids.update(store.accounts().column("account_id").to_pylist())
    store.close()
    cache.set_known(b"".join(n.to_bytes(8, "little") for n in sorted(account_number(i) for i in ids)), "bench")
    return Judge(cache, settings=GatewaySettings())


def last_user_text(raw: str | None) -> str | None:
    """The last user message of a row, as a gateway would hand it over."""
    for turn in reversed(json.loads(raw or "[]")):
        if turn.get("role") == "user":
            content = turn.get("content")
            if isinstance(content, str):
                return content
            if isinstance(content, list):
                return "\n".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
    return None


def main() -> None:
    """Measures, prints, leaves JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="*", default=list(CAMPAIGNS), choices=list(WORLDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[591, 592])
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rows = []
    for world in options.worlds:
        for seed in options.seeds:
            place = Path(tempfile.mkdtemp(prefix="stillwatch-first-"))
            try:
                rows.append(one(world, seed, place))
            finally:
                shutil.rmtree(place, ignore_errors=True)
            print(json.dumps(rows[-1]), flush=True)
    summary = summarise(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"rows": rows, "summary": summary}, indent=1), "utf-8")
    print(json.dumps(summary, indent=1))


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares by campaign, and of innocent newcomers over all worlds."""
    out: dict[str, Any] = {}
    groups: dict[str, list[dict[str, int]]] = defaultdict(list)
    for row in rows:
        for name, group in row["groups"].items():
            groups["innocent newcomers" if name.startswith("innocent:") else name].append(group)
    for name, found in sorted(groups.items()):
        total = {k: sum(g[k] for g in found) for k in found[0]}
        out[name] = {**total, "stopped_share": total["stopped"] / max(total["exchanges"], 1),
                     "flagged_share": total["flagged"] / max(total["exchanges"], 1),
                     "recognised_on_first_request": total["first"] / max(total["accounts"], 1),
                     "recognised": total["recognised"] / max(total["accounts"], 1),
                     "recognised_interval": wilson(total["recognised"], total["accounts"])}  # fmt: skip
    return out


if __name__ == "__main__":
    main()

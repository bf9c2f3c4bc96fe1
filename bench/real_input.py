"""Real input: real prompts and real arrivals composed into a world with synthetic identities, then swept.

STILLWATCH_DATA=DIR python -m bench.real_input [--seeds 1 2 3] [--out FILE]

Real: the prompts (gsm8k, GPTeacher toolformer and HumanEval for the harvests; Koala, OpenAssistant, ShareGPT,
self-instruct and persona prompts for customers; Schema-Guided Dialogue turns for service bots; MT-bench and Vicuna for
evaluation teams) and the arrivals of customers and bots (ServeGen's production clients, by 10-minute window).
Composed: who sends what, accounts, cards, addresses, answers, and the harvests' schedule.
And the real gateway log is read whole.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.truth import add_up, compare
from stillwatch.pipeline import ingest, sweep
from stillwatch.settings import load_settings
from stillwatch.store import open_store

CARDS = ("card", "card", "virtual_card")
POSTS = ("mail.test", "post.test", "box.test")
_DAYS = 10
_START = datetime(2026, 5, 4, tzinfo=UTC)
_HARVESTS = {"gsm8k": 90, "gpteacher_toolformer": 70, "humaneval": 12}
_CUSTOMERS = ("koala_test", "oasst_prompts", "prompt_extraction_sharegpt", "self_instruct_user_oriented",
              "awesome_chatgpt_prompts", "prompt_extraction_dev")  # fmt: skip


def data_folder() -> Path:
    """The folder that STILLWATCH_DATA names."""
    folder = os.environ.get("STILLWATCH_DATA")
    if not folder or not Path(folder).is_dir():
        raise SystemExit("STILLWATCH_DATA: not set to a folder\ntry: STILLWATCH_DATA=DIR python -m bench.real_input")
    return Path(folder)


def prompts(folder: Path, name: str) -> list[str]:
    """The prompts of one set, empty ones left out."""
    lines = (folder / name / "data.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line.strip()]
    return [f"{r['prompt']}\n{r['input']}" if r.get("input") else r["prompt"] for r in rows if r.get("prompt")]


def arrivals(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each real client seen on at least five days: window starts (s) and weights."""
    clients: dict[str, tuple[list[float], list[float]]] = {}
    for file in sorted((folder / "servegen").glob("m-*_client_traces.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as text:
            for row in csv.DictReader(text):
                at, weight = clients.setdefault(f"{file.name}:{row['client_id']}", ([], []))
                at.append(float(row["window_start_s"]))
                weight.append(float(row["req_per_s"]))
    out = []
    for at_list, weight_list in clients.values():
        at, weight = np.asarray(at_list), np.asarray(weight_list)
        if len(set((at // 86_400).astype(int))) >= 5:
            inside = at < _DAYS * 86_400
            if inside.sum() > 50:
                out.append((at[inside], weight[inside] / weight[inside].sum()))
    return out


class World:
    """Rows and truth, as they are composed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows: list[dict[str, Any]] = []
        self.accounts: list[dict[str, Any]] = []
        self.truth: list[dict[str, Any]] = []
        self.index: dict[str, dict[str, Any]] = {}

    def account(self, role: str, campaign: str | None, cohort: str, **known: Any) -> dict[str, Any]:
        """A new account with its own card, device and addresses unless told otherwise."""
        rng = self.rng
        created = _START - timedelta(days=float(rng.exponential(120)))
        record = {
            "account_id": f"acct_{rng.integers(1 << 48):012x}", "created_at": created.isoformat(), "plan": "build",
            "kind": "individual", "verification": str(rng.choice(["email", "phone", "identity"])),
            "payment_fingerprint": f"pm_{rng.integers(1 << 40):x}", "payment_kind": str(rng.choice(CARDS)),
            "device_fingerprint": f"dv_{rng.integers(1 << 40):x}", "email_domain": str(rng.choice(POSTS)),
            "signup_ip": self.address(), **known,
        }  # fmt: skip
        self.accounts.append(record)
        self.truth.append({"account_id": record["account_id"], "role": role, "campaign": campaign, "network": None,
                           "cohort": cohort, "exchanges": 0})  # fmt: skip
        self.index[record["account_id"]] = self.truth[-1]
        return record

    def address(self) -> str:
        """A random address of the range set aside for benchmarks (RFC 2544)."""
        return f"198.{18 + int(self.rng.integers(2))}.{self.rng.integers(256)}.{self.rng.integers(1, 255)}"

    def send(self, record: dict[str, Any], at: float, prompt: str, ip: str, **more: Any) -> None:
        """One exchange, `at` seconds after the start; the answer is a stand-in."""
        self.rows.append({
            "exchange_id": f"x{len(self.rows):08d}-{self.rng.integers(1 << 32):08x}",
            "started_at": (_START + timedelta(seconds=at)).isoformat(), "account_id": record["account_id"],
            "model": "large-2", "messages": [{"role": "user", "content": prompt}],
            "completion": f"answer {self.rng.integers(1 << 60):x} to the question as asked", "ip": ip, "status": 200,
            "finish_reason": "stop", "max_tokens": 1024, "temperature": 0.7, **more,
        })  # fmt: skip
        self.index[record["account_id"]]["exchanges"] += 1


def compose(folder: Path, seed: int) -> World:
    """Three harvests over real task lists; customers, service bots and evaluation teams beside them."""
    world = World(seed)
    rng = world.rng
    clients = arrivals(folder)
    for name, size in _HARVESTS.items():
        _harvest(world, name, prompts(folder, name), size)
    asked = [p for name in _CUSTOMERS for p in prompts(folder, name)]
    for _ in range(450):
        record = world.account("legitimate", None, "customer")
        own = [world.address() for _ in range(1 + int(rng.integers(3)))]
        settings = {
            "max_tokens": int(rng.choice([512, 1024, 2048, 4096])),
            "temperature": float(rng.choice([0.2, 0.7, 1.0])),
        }
        for at in _times(rng, clients, 1 + int(np.clip(rng.pareto(1.1) * 4, 0, 150))):
            world.send(record, at, str(asked[rng.integers(len(asked))]), own[rng.integers(len(own))], **settings)
    turns = prompts(folder, "sgd_user_turns")
    for _ in range(8):
        record = world.account(
            "legitimate", None, "service bot", kind="business", verification="business", payment_kind="invoice"
        )
        ip = world.address()
        for at in _times(rng, clients, 250):
            world.send(
                record, at, turns[rng.integers(len(turns))], ip, system="You help customers of a booking service."
            )
    bench = prompts(folder, "mt_vicuna_bench")
    for _ in range(6):
        record = world.account("legitimate", None, "evaluation team", kind="research")
        ip = world.address()
        for run in range(4):
            begin = float(rng.uniform(0, (_DAYS - 1) * 86_400))
            for i, prompt in enumerate(bench):
                world.send(
                    record, begin + 8.0 * i, prompt, ip, temperature=0.0, max_tokens=2048, session_id=f"run{run}"
                )
    order = rng.permutation(len(world.rows))
    world.rows = [world.rows[i] for i in order]
    return world


def _harvest(world: World, name: str, tasks: list[str], size: int) -> None:
    """A task list dealt once over fraudulent accounts, round the clock, from shared cards and a pool of exits."""
    rng = world.rng
    cards = [f"pm_{rng.integers(1 << 40):x}" for _ in range(max(2, size // 8))]
    pool = [world.address() for _ in range(max(3, size // 4))]
    born = _START - timedelta(days=float(rng.uniform(1, 20)))
    members = [
        world.account("harvest", name, name, payment_fingerprint=str(rng.choice(cards)), payment_kind="virtual_card",
                      verification="email", created_at=(born + timedelta(hours=float(rng.exponential(20)))).isoformat())
        for _ in range(size)
    ]  # fmt: skip
    times = np.sort(rng.uniform(0, _DAYS * 86_400, len(tasks)))
    for at, i in zip(times, rng.permutation(len(tasks)), strict=True):
        member = members[int(rng.integers(size))]
        world.send(member, float(at), tasks[i], pool[int(rng.integers(len(pool)))], max_tokens=4096, temperature=1.0)


def _times(rng: np.random.Generator, clients: list[tuple[np.ndarray, np.ndarray]], n: int) -> Iterator[float]:
    at, weight = clients[int(rng.integers(len(clients)))]
    for window in rng.choice(at, size=n, p=weight):
        yield float(window + rng.uniform(0, 600))


def measure(folder: Path, seed: int) -> dict[str, Any]:
    """Composes, sweeps through the front door's files, compares."""
    world = compose(folder, seed)
    with tempfile.TemporaryDirectory(prefix="stillwatch-real-") as place_name:
        place = Path(place_name)
        with gzip.open(place / "log.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in world.rows)
        (place / "accounts.jsonl").write_text("".join(json.dumps(a) + "\n" for a in world.accounts), "utf-8")
        home = place / "home"
        sweep(home, [str(place / "log.jsonl.gz")], settings=load_settings(home=home),
              accounts=[str(place / "accounts.jsonl")])  # fmt: skip
        (place / "truth").mkdir()
        pq.write_table(pa.Table.from_pylist(world.truth), place / "truth" / "accounts.parquet")
        named = [{"name": n, "kind": "distillation"} for n in _HARVESTS]
        (place / "truth" / "campaigns.json").write_text(json.dumps(named), "utf-8")
        return {"world": "real prompts", "seed": seed, "exchanges": len(world.rows), **compare(home, place)}


def litellm(folder: Path) -> dict[str, Any]:
    """The real gateway log read whole: rows, rows kept, rows with a completion."""
    with tempfile.TemporaryDirectory(prefix="stillwatch-litellm-") as place:
        home = Path(place) / "home"
        ingest(home, [str(folder / "litellm" / "log.jsonl")], settings=load_settings(home=home))
        store = open_store(home)
        return {
            "totals": store.totals(),
            "without_completion": store.missing().get("completion", 0),
        }


def main() -> None:
    """Prints the LiteLLM count and one line for each composed world; `--out` keeps them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="*", type=int, default=[201, 202, 203])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = data_folder()
    real_log = litellm(folder)
    print("litellm", json.dumps(real_log["totals"]), "without completion:", real_log["without_completion"])
    rows = [measure(folder, seed) for seed in options.seeds]
    for row in rows:
        recall = {c["name"]: round(c["recall"], 3) for c in row["campaigns"]}
        wrong = f"{row['wrongly_flagged']}/{row['legitimate']}"
        head = f"seed {row['seed']}: {row['exchanges']} exchanges"
        print(f"{head}, caught {row['caught']}/{row['guilty']}, wrongly {wrong}")
        print("  recall", recall)
        for false in row["false_campaigns"] + row["false_networks"]:
            print("  FALSE", false)
    print(json.dumps(add_up(rows)))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps({"litellm": real_log, "worlds": rows}, indent=1), "utf-8")


if __name__ == "__main__":
    main()

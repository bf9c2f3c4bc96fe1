"""Server time of the console's pages at 125,000 accounts and 50 campaigns, one of them of 25,000 accounts.

``python -m bench.console_speed [--rounds 30] [--out FILE]``. The home is made up: findings, ties, traffic and decisions
of that size (28.8 million exchanges are behind them as sums; no page reads single exchanges). Each page is asked for
over and over as on an ordinary day (the shelf is warm, another sort and page each time); the first request after a
sweep, before anything was read, is timed apart. Time is that of the application itself, without a socket.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.testclient import TestClient

from stillwatch.arrow_types import arrow_schema
from stillwatch.campaigns.track import remember_sweep
from stillwatch.console.app import create_console
from stillwatch.decide.decide import decide
from stillwatch.decide.facts import facts_of
from stillwatch.decide.policy import default_policy
from stillwatch.decide.record import Record
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE
from stillwatch.report.findings import TIES, TRAFFIC
from stillwatch.settings import Settings
from stillwatch.store import open_store

ACCOUNT_COUNT, CAMPAIGN_COUNT, LARGEST = 125_000, 50, 25_000
EXCHANGES = 28_800_000
START = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 45
SIGNALS = (
    ("template_sweep", "content"),
    ("shared_payment", "payment"),
    ("shared_network", "network"),
    ("even_load", "load"),
    ("round_the_clock", "rhythm"),
    ("shared_setup", "setup"),
    ("human_conversation", "people"),
    ("signup_burst", "registration"),
)
TARGETS_MS = {"today": 300.0, "campaign": 500.0}


def make_home(home: Path) -> None:
    """A home of that size, as a sweep and a `decide` leave it."""
    random = np.random.default_rng(7)
    open_store(home, create=True).close()
    ids = [f"acct_{i:06d}{int(random.integers(1 << 40)):010x}" for i in range(ACCOUNT_COUNT)]
    sizes = [LARGEST, *(int(s) for s in random.integers(20, 900, CAMPAIGN_COUNT - 1))]
    sent = random.multinomial(EXCHANGES, random.dirichlet(np.full(ACCOUNT_COUNT, 0.7)))
    campaigns: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    ties: list[dict[str, Any]] = []
    traffic: list[dict[str, Any]] = []
    of: list[str | None] = [None] * ACCOUNT_COUNT
    at = 0
    for n, size in enumerate(sizes):
        id, members = f"C-{n:010x}", ids[at : at + size]
        of[at : at + size] = [id] * size
        for signal, family in SIGNALS:
            evidence.append(_claim("campaign", id, signal, family, float(random.normal(1.2, 1.5))))
        campaigns.append(
            {
                "campaign_id": id,
                "title": f"Harvest: agentic reasoning over {size:,} accounts",
                "score": float(random.uniform(60, 99.9)),
                "label": "very likely",
                "kind": "distillation",
                "conduct_score": 95.0,
                "coordination_score": 97.0,
                "account_ids": members,
                "accounts": size,
                "exchanges": int(sent[at : at + size].sum()),
                "first_seen": START,
                "last_seen": START + timedelta(days=DAYS),
                "targets": ["agentic reasoning"],
                "techniques": ["AML.T0024.002"],
                "techniques_note": "",
                "evidence_ids": [],
                "false_alarm_rate": 0.002,
                "related": [],
            }
        )
        for kind, values in (("request networks", 12), ("opening words", 8), ("payment methods", 12)):
            for value, account in zip(random.integers(0, values, size), members, strict=True):
                ties.append(
                    {
                        "campaign_id": id,
                        "kind": kind,
                        "value_label": f"{kind} {value + 1}",
                        "account_id": account,
                        "exchanges": 12,
                    }
                )
        traffic += [
            {"campaign_id": id, "hour": START + timedelta(hours=h), "exchanges": int(random.poisson(size / 4))}
            for h in range(DAYS * 24)
        ]
        at += size
    traffic += [{"campaign_id": "", "hour": START + timedelta(hours=h), "exchanges": 15_000} for h in range(DAYS * 24)]
    for i in range(ACCOUNT_COUNT):
        for signal, family in SIGNALS[:3]:
            evidence.append(_claim("account", ids[i], signal, family, -0.4))
    accounts = [
        {
            "account_id": id,
            "score": 90.0 if of[i] else 1.0,
            "label": "very likely" if of[i] else "clear",
            "campaign_id": of[i],
            "exchanges": int(sent[i]),
            "not_evaluable": ["shared_credential", "release_pivot"],
            "reasons": ["Most of its prompts fill one template."],
        }
        for i, id in enumerate(ids)
    ]
    for name, rows, layout in (
        ("campaigns", campaigns, CAMPAIGNS),
        ("accounts", accounts, ACCOUNTS),
        ("evidence", evidence, EVIDENCE),
    ):
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(layout)), home / "findings" / f"{name}.parquet")
    run = {
        "prior": 0.2,
        "rows": {"read": EXCHANGES, "kept": EXCHANGES, "quarantined": 0, "duplicates": 0},
        "inputs": [],
        "missing": {"logprobs": EXCHANGES},
    }
    (home / "findings" / "run.json").write_text(json.dumps(run))
    latest = home / "history" / "latest"
    latest.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(traffic, schema=TRAFFIC), latest / "traffic.parquet")
    pq.write_table(pa.Table.from_pylist(ties, schema=TIES), latest / "ties.parquet")
    (latest / "scores.json").write_text(json.dumps({c["campaign_id"]: {"prior_bits": -2.0} for c in campaigns}))
    for day in range(30):
        remember_sweep(home / "history" / "sweeps.jsonl", (START + timedelta(days=day)).isoformat(), campaigns)
    record = Record(home)
    decide(record, default_policy(), facts_of(home), time.time())
    record.close()


def _claim(kind: str, id: str, signal: str, family: str, bits: float) -> dict[str, Any]:
    return {
        "evidence_id": f"{id}:{signal}",
        "actor_kind": kind,
        "actor_id": id,
        "signal": signal,
        "family": family,
        "weight_bits": bits,
        "p_value": 0.01,
        "says": "73% of its prompts fill the same two templates.",
        "facts": [("prompts", 1200.0)],
        "exchange_ids": [],
    }


def measure(home: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds of each page: median, 95th percentile, and the first after a sweep."""
    app = create_console(home, Settings())
    client = TestClient(app, base_url="http://127.0.0.1:8766")
    client.get("/login?code=" + app.state.place.sessions.new_code(), follow_redirects=False)
    account = app.state.place.shelves.now().campaigns[3]["account_ids"][0]
    largest, others = f"C-{0:010x}", [f"C-{n:010x}" for n in range(1, CAMPAIGN_COUNT)]
    pages: dict[str, Callable[[int], str]] = {
        "today": lambda i: f"/?campaigns_sort={'-score' if i % 2 else '-growth'}",
        "campaign": lambda i: f"/campaigns/{others[i % len(others)]}",
        "campaign of 25,000 accounts": lambda i: f"/campaigns/{largest}?accounts_page={i % 200 + 1}",
        "its accounts, filtered": lambda i: f"/campaigns/{largest}?accounts_q={i:03d}",
        "its network, as JSON": lambda i: f"/charts/campaigns/{largest}/network.json",
        "accounts": lambda i: (
            f"/accounts?accounts_page={i + 1}&accounts_sort={'-exchanges' if i % 2 else 'account_id'}"
        ),
        "account": lambda i: f"/accounts/{account}",
        "decisions": lambda i: "/decisions",
        "search": lambda i: f"/search?q=acct_{i:05d}",
    }
    found: dict[str, Any] = {}
    for name, path in pages.items():
        app.state.place.shelves._shelf = None
        first = _ms(client, path(0))
        times = [_ms(client, path(i)) for i in range(1, rounds + 1)]
        found[name] = {
            "median_ms": round(statistics.median(times), 1),
            "p95_ms": round(sorted(times)[int(0.95 * (len(times) - 1))], 1),
            "first_after_a_sweep_ms": round(first, 1),
        }
    return found


def _ms(client: TestClient, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000.0
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return took


def main() -> None:
    """Makes the home, measures, prints, and writes the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--home", type=Path, help="a home of an earlier run, or where to leave one")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / "home"
        if not (home / "findings" / "run.json").is_file():
            make_home(home)
        pages = measure(home, given.rounds)
    figures = {
        "accounts": ACCOUNT_COUNT,
        "campaigns": CAMPAIGN_COUNT,
        "largest_campaign": LARGEST,
        "rounds": given.rounds,
        "targets_ms": TARGETS_MS,
        "pages": pages,
    }
    for name, times in pages.items():
        print(
            f"{name:<30} {times['median_ms']:8.1f} ms median {times['p95_ms']:8.1f} p95 "
            f"{times['first_after_a_sweep_ms']:8.1f} first after a sweep"
        )
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()

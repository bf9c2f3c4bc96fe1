"""Server time of the console's pages with 125,000 accounts, 50 campaigns and 28.8 million exchanges behind it.

``python -m bench.console_speed [--rounds N] [--out FILE]``. The home is made directly, in the layouts that a sweep leaves
(contract section 5, DIR/history, account records in the ledger); no log is simulated and no exchange stored one by one,
because no page reads them: pages read the findings, whose counts add up to 28.8 million. One campaign has 25,000 accounts.
The console runs as a process of its own, on loopback; a time is from sending a request to the last byte of its answer, on
a connection that stays open. The first request after the start, which reads the findings, is told apart.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.decide.decide import decide
from stillwatch.decide.facts import facts_of
from stillwatch.decide.policy import read_policy
from stillwatch.decide.record import Record
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE, KEPT_ACCOUNT
from stillwatch.report.catalogue import signs
from stillwatch.report.findings import TIES, TRAFFIC
from stillwatch.store import open_store

OUT = Path(__file__).parent / "figures" / "console_speed.json"
ACCOUNTS_IN_ALL, CAMPAIGNS_IN_ALL, EXCHANGES_IN_ALL = 125_000, 50, 28_800_000
LARGEST = 25_000
FIRST = datetime(2026, 4, 1, tzinfo=UTC)
TARGETS_MS = {"today": 300.0, "campaign": 500.0}
_LABELS = ((20.0, "clear"), (55.0, "mixed"), (80.0, "likely"), (95.0, "very likely"), (101.0, "almost certain"))
_TIES = ("address", "payment", "key", "opening")


def label(score: float) -> str:
    """The contract's label of a score."""
    return next(name for below, name in _LABELS if score < below)


def make_home(home: Path, seed: int = 0) -> list[str]:
    """A home of that size; its campaigns' ids, largest first."""
    rng = np.random.default_rng(seed)
    store = open_store(home, create=True)
    ids = [f"acct_{n:020x}" for n in rng.integers(0, 2**62, ACCOUNTS_IN_ALL)]
    sizes = [LARGEST, *(int(s) for s in np.geomspace(2_000, 12, CAMPAIGNS_IN_ALL - 1))]
    campaign_of: list[str | None] = [None] * ACCOUNTS_IN_ALL
    exchanges = rng.lognormal(0.0, 1.0, ACCOUNTS_IN_ALL)
    exchanges = np.maximum(1, exchanges * EXCHANGES_IN_ALL / exchanges.sum()).astype(np.int64)
    scores = rng.beta(0.4, 8.0, ACCOUNTS_IN_ALL) * 60.0
    names = sorted(signs())
    rows: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    ties: list[tuple[str, str, str, str, int]] = []
    traffic: list[tuple[str, datetime, int]] = []
    begin = 0
    for number, size in enumerate(sizes):
        name = f"C-{number:010x}"
        score = float(rng.uniform(56.0, 99.9))
        members = range(begin, begin + size)
        begin += size
        for i in members:
            campaign_of[i], scores[i] = name, score
        chosen = [names[i] for i in rng.permutation(len(names))[:24]]
        weights = np.sort(rng.normal(1.5, 2.0, len(chosen)))[::-1]
        evidence += [claim(f"{name}-{k}", "campaign", name, s, float(w)) for k, (s, w) in enumerate(zip(chosen, weights, strict=True))]
        rows.append({
            "campaign_id": name, "title": f"Harvest: reasoning traces over {size:,} accounts", "score": score,
            "label": label(score), "kind": "distillation" if number % 5 else "account_network", "conduct_score": score,
            "coordination_score": 99.0, "account_ids": [ids[i] for i in members], "accounts": size,
            "exchanges": int(exchanges[list(members)].sum()), "first_seen": FIRST, "last_seen": FIRST + timedelta(days=30),
            "targets": ["reasoning traces", "agentic coding"], "techniques": ["AML.T0040", "AML.T0024.002"],
            "techniques_note": "model access through the API", "false_alarm_rate": 0.01,
            "evidence_ids": [f"{name}-{k}" for k in range(len(chosen))], "related": [f"C-{(number + 1) % CAMPAIGNS_IN_ALL:010x}"],
        })  # fmt: skip
        for kind in _TIES:
            for value in range(12):
                held = rng.choice(np.fromiter(members, np.int64), max(2, int(size * 0.6 / (value + 1))), replace=False)
                ties += [(name, kind, f"{kind} {value + 1}", ids[i], int(exchanges[i])) for i in held]
        traffic += [(name, FIRST + timedelta(hours=h), int(rng.poisson(40 + size // 4))) for h in range(720)]
    traffic += [("", FIRST + timedelta(hours=h), int(rng.poisson(30_000))) for h in range(720)]
    for i in rng.permutation(ACCOUNTS_IN_ALL)[:40_000]:
        evidence += [claim(f"{ids[i]}-{k}", "account", ids[i], names[int(rng.integers(len(names)))], float(rng.normal(0, 1))) for k in range(4)]
    findings, latest = home / "findings", home / "history" / "latest"
    latest.mkdir(parents=True, exist_ok=True)
    accounts = {
        "account_id": ids, "score": scores, "label": [label(s) for s in scores], "campaign_id": campaign_of, "exchanges": exchanges,
        "not_evaluable": [["relay_breadth", "shared_end_users"]] * ACCOUNTS_IN_ALL,
        "reasons": [["For suspicion (+2.3 bits): most prompts repeat an earlier one's first words.",
                     "Against (-1.0 bits): its clock shows a night."]] * ACCOUNTS_IN_ALL,
    }  # fmt: skip
    pq.write_table(pa.table(accounts, schema=arrow_schema(ACCOUNTS)), findings / "accounts.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(CAMPAIGNS)), findings / "campaigns.parquet")
    pq.write_table(pa.Table.from_pylist(evidence, schema=arrow_schema(EVIDENCE)), findings / "evidence.parquet")
    pq.write_table(pa.table([list(c) for c in zip(*ties, strict=True)], schema=TIES), latest / "ties.parquet")
    pq.write_table(pa.table([list(c) for c in zip(*traffic, strict=True)], schema=TRAFFIC), latest / "traffic.parquet")
    (latest / "scores.json").write_text(json.dumps({row["campaign_id"]: bits_of(row["score"]) for row in rows}))
    (findings / "run.json").write_text(json.dumps(run_of()))
    leave_history(home / "history" / "sweeps.jsonl", rows)
    leave_records(store, ids, rng)
    store.close()
    record = Record(home)
    decide(record, read_policy(None), facts_of(home), time.time())
    record.close()
    return [row["campaign_id"] for row in rows]


def claim(name: str, kind: str, actor: str, sign: str, bits: float) -> dict[str, Any]:
    """A row of evidence."""
    return {"evidence_id": name, "actor_kind": kind, "actor_id": actor, "signal": sign, "family": signs()[sign].family,
            "weight_bits": bits, "p_value": 0.01, "says": "100% of its prompts repeat an earlier one's first or last words.",
            "facts": [("share", 0.99), ("prompts", 431.0)], "exchange_ids": ["e-1", "e-2", "e-3"]}  # fmt: skip


def bits_of(score: float) -> dict[str, Any]:
    """A campaign's bits, as a hunt leaves them."""
    odds = float(np.log2(score / (100.0 - score)))
    return {"conduct_bits": odds + 4.0, "coordination_bits": odds + 6.0, "relay_bits": -4.0, "replay_bits": -5.0,
            "explanation_bits": -1.0, "prior_bits": -2.0, "ties_bits": 5.0, "few_bits": -0.5, "how": ["payment", "address"],
            "chance_scores": [float(x) for x in np.linspace(1.0, 40.0, 200)]}  # fmt: skip


def run_of() -> dict[str, Any]:
    """A run.json of that size."""
    return {"stillwatch": "bench", "inputs": [], "accounts": ACCOUNTS_IN_ALL, "since": None, "until": None,
            "rows": {"read": EXCHANGES_IN_ALL, "kept": EXCHANGES_IN_ALL, "quarantined": 0, "duplicates": 0, "reasons": {}},
            "missing": {"end_user_id": EXCHANGES_IN_ALL // 2}, "known": {}, "settings": {}, "prior": 0.2}  # fmt: skip


def leave_history(file: Path, rows: list[dict[str, Any]]) -> None:
    """Thirty sweeps before."""
    with file.open("w", encoding="utf-8") as out:
        for day in range(30):
            seen = [{"id": r["campaign_id"], "kind": r["kind"], "score": r["score"] * (0.5 + day / 60), "label": r["label"],
                     "accounts": r["accounts"], "exchanges": r["exchanges"] * (day + 1) // 30, "title": r["title"]}
                    for r in rows[: len(rows) - 30 + day]]  # fmt: skip
            out.write(json.dumps({"at": (FIRST + timedelta(days=day)).isoformat(), "campaigns": seen}) + "\n")


def leave_records(store: Any, ids: list[str], rng: Any) -> None:
    """An account record for each account, through the ledger's own door."""
    columns: dict[str, Any] = {}
    schema = arrow_schema(KEPT_ACCOUNT)
    fixed = {"plan": "pro", "kind": "individual", "verification": "email", "payment_kind": "card", "status": "active",
             "email_shape": "aaaa99", "signup_country": "XX", "allow": None}  # fmt: skip
    for field in schema:
        if field.name == "account_id":
            columns[field.name] = pa.array(ids)
        elif pa.types.is_int64(field.type):
            columns[field.name] = pa.array(rng.integers(0, 2**62, len(ids)))
        elif pa.types.is_timestamp(field.type):
            columns[field.name] = pa.nulls(len(ids), field.type)
        else:
            columns[field.name] = pa.array([fixed[field.name]] * len(ids), pa.string())
    store.ledger.update_accounts(pa.table(columns, schema=schema), [frozenset(schema.names)] * len(ids), 1)


def measure(home: Path, campaigns: list[str], rounds: int) -> dict[str, Any]:
    """Milliseconds of each page, first and then medians."""
    command = [sys.executable, "-m", "stillwatch", "console", "--home", str(home), "--port", "8799", "--no-browser", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = ""
        while (link := re.search(r'"url": "([^"]+)"', told)) is None:
            told += process.stdout.readline()
        address = urlsplit(link[1])
        cookie = logged_in(address.hostname or "", address.port or 0, f"{address.path}?{address.query}")
        line = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=120)
        first = timed(line, "/", cookie)[0]
        pages = {
            "today": ["/"], "campaign": [f"/campaigns/{c}" for c in campaigns], "campaign_of_25000": [f"/campaigns/{campaigns[0]}"],
            "accounts": ["/accounts"], "accounts_filtered": ["/accounts?accounts_q=acct_00"], "network_chart": [f"/charts/campaigns/{campaigns[0]}/network.json"],
            "decisions": ["/decisions"], "search": ["/search?q=acct_1"],
        }  # fmt: skip
        out: dict[str, Any] = {"first_request_ms": first}
        for name, paths in pages.items():
            times, sizes = [], []
            for i in range(max(rounds, len(paths))):
                took, size = timed(line, paths[i % len(paths)], cookie)
                times.append(took)
                sizes.append(size)
            out[name] = {"median_ms": statistics.median(times), "worst_ms": max(times), "requests": len(times), "bytes": max(sizes)}
        return out
    finally:
        process.terminate()
        process.wait(timeout=20)


def logged_in(host: str, port: int, path: str) -> str:
    """The session's cookie; waits for the server."""
    for _ in range(200):
        try:
            line = http.client.HTTPConnection(host, port, timeout=60)
            line.request("GET", path)
            answer = line.getresponse()
            return str(answer.headers["set-cookie"]).split(";")[0]
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise RuntimeError("the console did not start")


def timed(line: http.client.HTTPConnection, path: str, cookie: str) -> tuple[float, int]:
    """(milliseconds, bytes) of one page."""
    began = time.perf_counter()
    line.request("GET", path, headers={"Cookie": cookie})
    answer = line.getresponse()
    body = answer.read()
    took = 1e3 * (time.perf_counter() - began)
    if answer.status != 200:
        raise RuntimeError(f"{path}: status {answer.status}")
    return took, len(body)


def main() -> None:
    """Makes the home, measures, writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--home", type=Path, help="where the home is made and kept (default: a folder that is deleted)")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        home = asked.home or Path(passing) / "home"
        if (home / "findings" / "campaigns.parquet").is_file():
            campaigns = pq.read_table(home / "findings" / "campaigns.parquet", columns=["campaign_id"])[0].to_pylist()
        else:
            campaigns = make_home(home)
        pages = measure(home, campaigns, asked.rounds)
    figures = {"accounts": ACCOUNTS_IN_ALL, "campaigns": CAMPAIGNS_IN_ALL, "exchanges": EXCHANGES_IN_ALL,
               "home": "made directly in the layouts of a sweep", "targets_ms": TARGETS_MS, **pages}  # fmt: skip
    asked.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

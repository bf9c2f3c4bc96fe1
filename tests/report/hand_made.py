"""Findings made by hand: three campaigns and a network, with pictures; and the same with hostile text everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE
from stillwatch.report.catalogue import Sign
from stillwatch.report.findings import TIES, TRAFFIC, Findings

START = datetime(2026, 2, 2, tzinfo=UTC)

SIGNS: Mapping[str, Sign] = {
    name: Sign(name, family, about, needs, name.replace("_", " "), name, alike, "made by hand", {"least": 50})
    for name, family, about, needs, alike in (
        ("template_sweep", "content", "conduct", ("prompt",), "batch jobs; evaluation harnesses"),
        ("shared_payment", "billing", "coordination", ("account.payment",), "a company card; a sponsor's card"),
        ("night_and_day", "timing", "conduct", (), "a batch job on a server"),
        ("shared_network", "network", "coordination", ("net",), "a campus; a phone carrier"),
        ("declared_reseller", "explanation", "explanation", ("account.kind",), "a reseller that lies"),
        ("foreign_indicators", "foreign", "conduct", ("prompt",), "users of one framework"),
        ("several_topics", "content", "conduct", ("topic",), "a student"),
    )
}


def campaign(
    id: str, title: str, score: float, label: str, kind: str, members: list[str], **more: Any
) -> dict[str, Any]:
    """A row of campaigns.parquet."""
    return {
        "campaign_id": id, "title": title, "score": score, "label": label, "kind": kind, "conduct_score": 97.0,
        "coordination_score": 99.0, "account_ids": members, "accounts": len(members), "exchanges": 200 * len(members),
        "first_seen": START, "last_seen": START + timedelta(days=9, hours=5), "targets": ["agentic reasoning"],
        "techniques": ["AML.T0024.002"], "techniques_note": "extraction of a model", "false_alarm_rate": 0.0004,
        "evidence_ids": [], "related": [], **more,
    }


def claim(actor_kind: str, actor: str, signal: str, bits: float, says: str, **more: Any) -> dict[str, Any]:
    """A row of evidence.parquet."""
    return {
        "evidence_id": f"{actor}:{signal}", "actor_kind": actor_kind, "actor_id": actor, "signal": signal,
        "family": SIGNS[signal].family if signal in SIGNS else "content", "weight_bits": bits, "p_value": 0.0021,
        "says": says, "facts": [("prompts", 1200.0), ("share", 0.973)], "exchange_ids": ["ex-1", "ex-2"], **more,
    }


def account(id: str, score: float, label: str, campaign_id: str | None, **more: Any) -> dict[str, Any]:
    """A row of accounts.parquet."""
    return {
        "account_id": id, "score": score, "label": label, "campaign_id": campaign_id, "exchanges": 200,
        "not_evaluable": ["shared_network", "declared_reseller"], "reasons": ["It sends little text of its own."],
        **more,
    }


def tables(campaigns: list[dict[str, Any]], accounts: list[dict[str, Any]], evidence: list[dict[str, Any]],
           run: dict[str, Any]) -> Findings:
    """Findings of rows."""
    return Findings(
        pa.Table.from_pylist(campaigns, schema=arrow_schema(CAMPAIGNS)),
        pa.Table.from_pylist(accounts, schema=arrow_schema(ACCOUNTS)),
        pa.Table.from_pylist(evidence, schema=arrow_schema(EVIDENCE)),
        run,
    )


RUN: dict[str, Any] = {
    "stillwatch": "0.1.0", "prior": 0.02, "settings_sha256": "ab" * 32,
    "rows": {"read": 100_000, "kept": 99_000, "quarantined": 800, "duplicates": 200,
             "reasons": {"started_at: not a time": 790, "clock": 10}},
    "inputs": [{"path": "a.jsonl"}, {"path": "b.jsonl"}],
    "missing": {"ip": 99_000, "kind": 99_000, "session_id": 60_000, "temperature": 10},
}


def findings() -> Findings:
    """Three campaigns, a network, 300 ordinary accounts."""
    ring = [f"acct-{i:04d}" for i in range(30)]
    fleet = [f"acct-{i:04d}" for i in range(100, 500)]
    net = [f"acct-{i:04d}" for i in range(600, 640)]
    campaigns = [
        campaign("sw-ring", "30 accounts that fill templates on agentic reasoning", 97.31, "almost certain",
                 "distillation", ring, related=["sw-net"]),
        campaign("sw-fleet", "400 accounts that clean reasoning traces", 83.2, "very likely", "distillation", fleet,
                 false_alarm_rate=0.012, conduct_score=88.0),
        campaign("sw-relay", "Relay of another vendor's users", 61.0, "likely", "relay", ["acct-0550"],
                 false_alarm_rate=0.08),
        campaign("sw-net", "Network of 40 accounts", 91.0, "very likely", "account_network", net, targets=[],
                 techniques=[], false_alarm_rate=None),
    ]
    evidence = [
        claim("campaign", "sw-ring", "template_sweep", 5.2, "97% of 6,000 prompts fill the same two templates."),
        claim("campaign", "sw-ring", "shared_payment", 6.1, "28 of 30 accounts pay with three cards."),
        claim("campaign", "sw-ring", "night_and_day", 2.1, "It works at every hour of the day.", p_value=0.04),
        claim("campaign", "sw-ring", "several_topics", -1.4, "It asks about more than one topic.", exchange_ids=[]),
        claim("campaign", "sw-fleet", "template_sweep", 7.5, "Nearly all prompts grade or clean a trace."),
        claim("campaign", "sw-fleet", "declared_reseller", -1.1, "A declared reseller runs 30 of the accounts."),
        claim("campaign", "sw-net", "shared_payment", 8.0, "All accounts share one payment method."),
        claim("account", "acct-0000", "template_sweep", 1.2, "Most of its prompts fill one template."),
        claim("account", "acct-0900", "several_topics", -2.0, "It asks about everything under the sun."),
    ]
    accounts = [account(a, 96.0, "almost certain", "sw-ring") for a in ring]
    accounts += [account(a, 81.0, "very likely", "sw-fleet") for a in fleet]
    accounts += [account("acct-0550", 60.0, "likely", "sw-relay")]
    accounts += [account(a, 1.0, "clear", "sw-net") for a in net]
    accounts += [account(f"acct-{i:04d}", 0.4, "clear", None) for i in range(900, 1200)]
    return tables(campaigns, accounts, evidence, RUN)


def quiet() -> Findings:
    """Nothing found."""
    return tables([], [account(f"acct-{i}", 0.3, "clear", None) for i in range(5)], [], RUN)


def pictures(home: Path, seed: int = 1) -> None:
    """history/latest/ as the hunt leaves it."""
    random = np.random.default_rng(seed)
    folder = home / "history" / "latest"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for hour in range(10 * 24):
        at = START + timedelta(hours=hour)
        busy = 1.3 + np.sin((hour % 24 - 8) / 24 * 2 * np.pi)
        rows.append({"campaign_id": "", "hour": at, "exchanges": int(random.poisson(900 * busy))})
        rows.append({"campaign_id": "sw-ring", "hour": at, "exchanges": int(random.poisson(25))})
        if hour > 90:
            rows.append({"campaign_id": "sw-fleet", "hour": at, "exchanges": int(random.poisson(310))})
        rows.append({"campaign_id": "sw-relay", "hour": at, "exchanges": int(random.poisson(20 * busy))})
    pq.write_table(pa.Table.from_pylist(rows, schema=TRAFFIC), folder / "traffic.parquet")
    ties: list[dict[str, Any]] = []

    def tie(c: str, kind: str, value: int, a: str) -> None:
        ties.append({"campaign_id": c, "kind": kind, "value_label": f"{kind} {value}", "account_id": a,
                     "exchanges": int(random.integers(1, 300))})

    for i in range(30):
        tie("sw-ring", "payment method", i % 3, f"acct-{i:04d}")
        if i % 2:
            tie("sw-ring", "client", i % 5, f"acct-{i:04d}")
    for i in range(100, 500):
        tie("sw-fleet", "address block", int(random.zipf(1.6)) % 60, f"acct-{i:04d}")
        tie("sw-fleet", "opening words", int(random.integers(0, 4)), f"acct-{i:04d}")
        if i % 3 == 0:
            tie("sw-fleet", "device", i % 25, f"acct-{i:04d}")
    pq.write_table(pa.Table.from_pylist(ties, schema=TIES), folder / "ties.parquet")
    scores = {
        "sw-ring": {"conduct_bits": 5.9, "coordination_bits": 6.1, "prior_bits": -5.6, "how": "values"},
        "sw-fleet": {"prior_bits": -5.6, "chance_scores": [float(x) for x in random.beta(1, 9, 120) * 100]},
    }
    (folder / "scores.json").write_text(json.dumps(scores))


def leave(home: Path, found: Findings) -> None:
    """Writes findings where a sweep leaves them."""
    folder = home / "findings"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("campaigns", "accounts", "evidence"):
        pq.write_table(getattr(found, name), folder / f"{name}.parquet")
    (folder / "run.json").write_text(json.dumps(dict(found.run)))


HOSTILE: Mapping[str, str] = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "attribute": "\"'><svg/onload=alert(3)> javascript:alert(4) {{ 7*7 }} {% raw %}",
    "ansi": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b31m",
    "rtl": "safe\u202egnp.exe\u2066\u200f\u200b\ufeff",
    "lines": "one\ntwo\r\nthree\u2028four\x00five\x85six",
    "markup": "[bold red]not markup[/] [link=file:///etc/passwd]x[/link] :skull:",
    "long": "A" * 100_000,
    "marks": "e" + "\u0301" * 5000,
    "link": "https://evil.example/x?y=1 //evil.example url(https://evil.example)",
}


def hostile(text: str) -> Findings:
    """Findings with `text` in every field that holds text."""
    campaigns = [campaign(text, text, 97.0, text, "distillation", [text, "b" + text], targets=[text],
                          techniques=[text], techniques_note=text, related=[text], evidence_ids=[text])]
    evidence = [
        claim("campaign", text, text, 5.0, text, family=text, facts=[(text, 1.5)], exchange_ids=[text]),
        claim("account", text, text, -2.0, text, family=text, facts=[(text, 2.0)], exchange_ids=[text]),
    ]
    accounts = [account(text, 90.0, text, text, not_evaluable=[text], reasons=[text])]
    run = {**RUN, "stillwatch": text, "started_at": text, "missing": {text: 99_000},
           "rows": {**RUN["rows"], "reasons": {text: 800}}, "settings_sha256": text}
    return tables(campaigns, accounts, evidence, run)


def hostile_pictures(home: Path, text: str) -> None:
    """history/latest/ and drill.json with `text` in every field."""
    folder = home / "history" / "latest"
    folder.mkdir(parents=True, exist_ok=True)
    traffic = [{"campaign_id": c, "hour": START, "exchanges": 5} for c in (text, "")]
    pq.write_table(pa.Table.from_pylist(traffic, schema=TRAFFIC), folder / "traffic.parquet")
    ties = [{"campaign_id": text, "kind": text, "value_label": text, "account_id": a, "exchanges": 3}
            for a in (text, "b" + text)]
    pq.write_table(pa.Table.from_pylist(ties, schema=TIES), folder / "ties.parquet")
    (folder / "scores.json").write_text(json.dumps({text: {"prior_bits": -5.6, text: text}}))
    (home / "drill.json").write_text(json.dumps({
        "at": text, "missing_columns": [text],
        "rows": [{"kind": text, "accounts": 30, "exchanges_per_account": 50, "found": 2, "tried": 3, "recall": 0.6}],
    }))

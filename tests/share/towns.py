"""A home with a ring of accounts that fill one template, people with their own words, canaries in every field."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.decide.record import Who
from stillwatch.intake import take_in
from stillwatch.patterns import load_rules
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE
from stillwatch.records.token import SUITE, Token
from stillwatch.settings import Settings, ShareSettings
from stillwatch.share.tokens import TokenSet

ANN = Who("ann", "approver")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
SETTINGS = Settings(share=ShareSettings(provider="Example AI", contact="abuse@example.test"))
CANARY = "canary7f3a"
CAMPAIGN = "C-0badc0de00"
KEY, EPOCH = "0123456789abcdef", 684
_START = datetime(2026, 11, 10, tzinfo=UTC)
_TEMPLATE = (
    "Read the question on {a} and the pupil's answer on {b} below, then write a careful worked solution that ends in a "
    "mark from one to ten with a reason for {a}"
)


def account(number: int, ring: str = "ring") -> str:
    """An account's raw id, a canary like everything else of it."""
    return f"acct-{ring}-{number:03d}-{CANARY}"


def exchange(number: int, account_id: str, prompt: str, **more: Any) -> dict[str, Any]:
    """One logged call, with canaries wherever a log holds something of a customer."""
    at = datetime.fromtimestamp(_START.timestamp() + number % 3000 * 371, UTC)
    return {
        "exchange_id": f"x-{number}-{CANARY}", "started_at": at.isoformat().replace("+00:00", "Z"),
        "account_id": account_id, "model": f"tern-{CANARY}", "prompt": prompt, "completion": f"an answer {CANARY}",
        "key_id": f"sk-{CANARY}", "ip": "198.51.100.77", "end_user_id": f"user-{CANARY}@mail.test",
        "org_id": f"org-{CANARY}", **more,
    }  # fmt: skip


def template(number: int) -> str:
    """One filling of the ring's template, its item a canary."""
    return _TEMPLATE.format(a=f"{CANARY} topic {number}", b=f"matter {number * 7}")


def own_words(number: int) -> str:
    """What somebody else writes: hardly two sequences of words alike."""
    words = [f"{CANARY}w{number}x{(number * 31 + k * 17) % 997}" for k in range(24)]
    return " ".join(words)


def home_with_logs(place: Path, *, ring: int = 20, people: int = 40, borrowed: int = 0, each: int = 12) -> Path:
    """A home whose logs were taken in: `ring` accounts send the template, `borrowed` of the people send it too."""
    place.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for n in range(ring):
        rows += [exchange(len(rows) + i, account(n), template(n * each + i)) for i in range(each)]
    for n in range(people):
        who = account(n, "person")
        say = template if n < borrowed else own_words
        rows += [exchange(len(rows) + i, who, say(10_000 + n * each + i)) for i in range(each)]
    more_logs(place / "home", place / "logs.jsonl", rows)
    return place / "home"


def more_logs(home: Path, file: Path, rows: list[dict[str, Any]]) -> None:
    """Takes more calls in."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    take_in(home, [str(file)], rules=load_rules([]))


def with_finding(
    home: Path,
    *,
    members: int = 20,
    kind: str = "distillation",
    campaign_id: str = CAMPAIGN,
    signals: Sequence[tuple[str, str]] = (("shared_payment", "payment"), (CANARY, CANARY)),
) -> str:
    """Leaves findings: one campaign of the ring, every free field of which holds a canary. Its id.

    `signals` are its evidence, as signal and family; a canary stands there for one that this version does not know.
    """
    ids = [account(n) for n in range(members)]
    campaign = {
        "campaign_id": campaign_id, "title": f"Harvest {CANARY} <b>x</b>", "score": 97.3, "label": "almost certain",
        "kind": kind, "conduct_score": 98.1, "coordination_score": 99.2, "account_ids": ids, "accounts": members,
        "exchanges": members * 12, "first_seen": _START, "last_seen": _START.replace(day=22, hour=7, minute=13),
        "targets": ["reasoning traces", f"prompts on {CANARY}"], "techniques": ["AML.T0024.002", f"AML.{CANARY}"],
        "techniques_note": CANARY, "false_alarm_rate": 0.01, "evidence_ids": [f"E-{CANARY}"], "related": [CANARY],
    }  # fmt: skip
    evidence = [
        {"evidence_id": f"E-{CANARY}-{i}", "actor_kind": "campaign", "actor_id": campaign_id, "signal": signal,
         "family": family, "weight_bits": 2.5, "p_value": 0.01, "says": f"They sent {CANARY}.",
         "facts": {"n": 3.0}, "exchange_ids": [f"x-1-{CANARY}"]}
        for i, (signal, family) in enumerate(signals)
    ]  # fmt: skip
    scored = [
        {"account_id": a, "score": 97.0, "label": "almost certain", "campaign_id": campaign_id, "exchanges": 12,
         "not_evaluable": [], "reasons": [CANARY]} for a in ids
    ]  # fmt: skip
    folder = home / "findings"
    folder.mkdir(exist_ok=True)
    for name, layout, rows in (("campaigns", CAMPAIGNS, [campaign]), ("accounts", ACCOUNTS, scored),
                               ("evidence", EVIDENCE, evidence)):  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(layout)), folder / f"{name}.parquet")
    (folder / "run.json").write_text(
        json.dumps({"inputs": [{"path": CANARY}], "prior": 0.005, "settings_sha256": "0" * 64}), "utf-8"
    )
    return campaign_id


def token(number: int, kind: str = "payment", key_id: str = KEY) -> Token:
    """A token in form; nobody made it."""
    secret = base64.urlsafe_b64encode(hashlib.sha256(f"{kind}{number}".encode()).digest()).decode().rstrip("=")
    return Token(key_id, EPOCH, kind, secret)


HELD = TokenSet("ev-1", SUITE, KEY, EPOCH, NOW + 20 * 86400.0, (*map(token, range(5)), token(1, "phone")))

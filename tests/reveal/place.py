"""A home with one reported campaign in it, and logs beside it, as the tests of what is revealed need them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.intake import take_in
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE

CAMPAIGN = "C-0000000001"
TEMPLATE = "Think step by step and write down every intermediate quantity before the answer"


def strangers(count: int, **same: str) -> list[dict[str, Any]]:
    """Account records that share nothing but what `same` says."""
    return [
        {"account_id": f"a{i}", "payment_fingerprint": f"card {i}", "email_hash": f"mail {i}", "plan": "pro", **same}
        for i in range(count)
    ]


def made_home(
    folder: Path, prompts: Sequence[tuple[str, str]], accounts: Iterable[Mapping[str, Any]], *,
    keep_text_days: float = 0.0, more: Mapping[str, Any] | None = None, members: Sequence[str] | None = None,
) -> tuple[Path, Path]:  # fmt: skip
    """(home, log): `prompts` are (account, text); the campaign is `members`, or every account that sent something."""
    folder.mkdir(parents=True, exist_ok=True)
    log, people = folder / "log.jsonl", folder / "accounts.jsonl"
    log.write_text("".join(
        json.dumps({"exchange_id": f"e{i}", "account_id": account, "model": "m", "prompt": text,
                    "started_at": f"2026-05-01T{i % 24:02}:00:00Z", **(more or {})}) + "\n"
        for i, (account, text) in enumerate(prompts)))  # fmt: skip
    people.write_text("".join(json.dumps(dict(record)) + "\n" for record in accounts))
    home = folder / "home"
    take_in(home, [str(log)], accounts=[str(people)], keep_text_days=keep_text_days)
    leave_campaign(home, members or sorted({account for account, _ in prompts}))
    return home, log


def leave_campaign(home: Path, members: Sequence[str]) -> None:
    """Findings with one campaign of these accounts."""
    row: dict[str, Any] = dict.fromkeys(arrow_schema(CAMPAIGNS).names)
    row |= {"campaign_id": CAMPAIGN, "title": "t", "score": 90.0, "kind": "distillation", "account_ids": list(members),
            "accounts": len(members)}  # fmt: skip
    for name, layout, rows in (("campaigns", CAMPAIGNS, [row]), ("accounts", ACCOUNTS, []), ("evidence", EVIDENCE, [])):
        table = pa.Table.from_pylist(rows, schema=arrow_schema(layout))
        pq.write_table(table, home / "findings" / f"{name}.parquet")

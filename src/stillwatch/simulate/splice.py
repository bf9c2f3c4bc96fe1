"""One synthetic campaign as tables, to be spliced into somebody's own logs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.errors import UsageError
from stillwatch.simulate.calls import SCHEMA
from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.people import settle
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts.everyday import chat, coding
from stillwatch.simulate.texts.judging import served
from stillwatch.simulate.texts.lessons import bare_mixed, working
from stillwatch.simulate.world import play

KINDS = ("distillation", "no_shared_infrastructure", "relay", "replay", "slow")
_REQUIRED = {"exchange_id", "started_at", "account_id", "model"}


def synthetic_campaign(
    kind: str,
    *,
    accounts: int,
    exchanges: int,
    start: datetime,
    end: datetime,
    seed: int,
    columns: set[str] | None = None,
) -> tuple[Any, Any]:
    """A campaign of one kind as (exchanges, accounts), in the contract's columns.

    Every column of the contract is there; those not in `columns` are null, the required four excepted.
    `exchanges` is met
    within Poisson chance. Raises UsageError on an unknown kind, fewer than two accounts or an empty window.
    """
    if kind not in KINDS:
        raise UsageError("kind", f"no synthetic campaign called {kind!r:.60}", "one of: " + ", ".join(KINDS))
    if accounts < 2 or exchanges < accounts or end <= start:
        raise UsageError("synthetic campaign", "needs two accounts, an exchange for each, and an end after the start")
    days = (end - start).total_seconds() / 86400
    stage = Stage(np.random.default_rng([seed, 71]), 1.0, start.astimezone(UTC), days, label=f"{seed}/")
    relayed = served(
        chat(), coding(), swapped=kind == "relay", languages=("zh", "en", "ja", "ko", "ru", "es", "ar", "fr")
    )
    traffic = {
        "distillation": [
            Traffic(working("maths"), items="queue", queue="q", templates=3, template_by="row", loose=0.2)
        ],
        "no_shared_infrastructure": [Traffic(bare_mixed(), items="queue", queue="q", loose=0.6)],
        "slow": [Traffic(working("program"), items="queue", queue="q", templates=3, template_by="row", loose=0.3)],
        "relay": [Traffic(relayed, turns=2.0, foreign=0.6, session_ids=0.0)],
        "replay": [Traffic(relayed, foreign=0.95, session_ids=0.0)],
    }[kind]
    shared = (
        {}
        if kind in ("no_shared_infrastructure", "slow")
        else {"payment": (0.5, 8), "device": (0.4, 6), "signup_ip": (0.4, 8)}
    )
    line = (
        Line("resident", 3)
        if not shared
        else Line("server", 1, pooled=0.6, pool_size=max(1, accounts // 8), client="sdk")
    )
    cohort = Cohort(
        f"splice-{kind}",
        accounts,
        traffic,
        exchanges / accounts / days,
        0.4,
        "relay" if kind == "relay" else "replay" if kind == "replay" else "harvest",
        signup=Signup(shared=shared, age_days=(1, 40)),
        line=line,
        rhythm="human" if kind in ("relay", "slow") else "flat",
        bursty=0.5 if kind in ("slow", "relay") else 0.2,
        models="best",
    )
    people = settle(stage, cohort, np.random.default_rng([seed, 72]))
    parts = [table for table, _, _ in play(stage, [people], seed)]
    table = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    if columns is not None:
        for number, field in enumerate(SCHEMA):
            if field.name not in columns | _REQUIRED:
                table = table.set_column(number, field, pa.nulls(len(table), field.type))
    return table, pa.Table.from_pylist(people.records)

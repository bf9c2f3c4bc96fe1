"""The tables that pictures are drawn from: traffic by campaign and hour, and which accounts share which values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.actors.book import Book
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.content import TIE_KINDS, core_values
from stillwatch.campaigns.findings import Reported
from stillwatch.signals import all_signals

_MOST_VALUES = 12
_EXPLANATIONS = frozenset(s.name for s in all_signals() if s.about == "explanation")
_CONTENT = ("opening", "system", "client", "history")


def write_pictures(
    folder: Path, book: Book, reported: Sequence[Reported], calibration: Calibration, prior: float
) -> None:
    """Writes traffic.parquet, ties.parquet and scores.json; values are numbered, never named."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(traffic(book, reported), folder / "traffic.parquet", compression="zstd")
    pq.write_table(ties(book, reported), folder / "ties.parquet", compression="zstd")
    prior_bits = float(np.log2(prior / (1.0 - prior)))
    scores = {
        r.campaign_id: {
            "conduct_bits": float(r.chosen.weighed.conduct[0]),
            "coordination_bits": float(r.chosen.weighed.coordination[0]),
            "relay_bits": float(r.chosen.weighed.relay[0]), "replay_bits": float(r.chosen.weighed.replay[0]),
            "explanation_bits": float(r.chosen.weighed.explanation[0]), "prior_bits": prior_bits,
            "ties_bits": float(r.chosen.weighed.ties[0]),
            "few_bits": -float(calibration.price(r.chosen.weighed)[0]) if r.chosen.kind != "account_network" else 0.0,
            "how": r.chosen.candidate.how, "asked": asked(r),
        }
        for r in reported
    }  # fmt: skip
    (folder / "scores.json").write_text(json.dumps(scores), "utf-8")


def asked(r: Reported) -> dict[str, str]:
    """Innocent explanation to what was measured when it was asked, whether it held or not."""
    return {
        name: opinion.says(0)
        for name, opinion in r.chosen.weighed.opinions.items()
        if name in _EXPLANATIONS and np.isfinite(opinion.statistic[0])
    }


def traffic(book: Book, reported: Sequence[Reported]) -> pa.Table:
    """`campaign_id` ('' is everybody else), `hour`, `exchanges`; an account counts once, for its harvest first."""
    group = np.full(book.accounts, -1)
    order = sorted(range(len(reported)), key=lambda i: reported[i].chosen.kind != "account_network")
    for i in order:
        group[reported[i].chosen.candidate.members] = i
    ids: list[str] = []
    hours: list[int] = []
    counts: list[int] = []
    for i in range(-1, len(reported)):
        total = np.asarray(book.hours[np.flatnonzero(group == i)].sum(axis=0)).ravel()
        for h in np.flatnonzero(total):
            ids.append("" if i < 0 else reported[i].campaign_id)
            hours.append((book.hour0 + int(h)) * 3_600_000_000)
            counts.append(int(total[h]))
    return pa.table(
        {"campaign_id": pa.array(ids, pa.string()), "hour": pa.array(hours, pa.timestamp("us", tz="UTC")),
         "exchanges": pa.array(counts, pa.int64())}
    )  # fmt: skip


def ties(book: Book, reported: Sequence[Reported]) -> pa.Table:
    """`campaign_id`, `kind`, `value_label`, `account_id`, `exchanges`: a group's core values."""
    rows: list[dict[str, Any]] = []
    for r in reported:
        members = r.chosen.candidate.members
        for name in (*TIE_KINDS, *_CONTENT):
            table = book.marks[name]
            chosen = core_values(table, members, min_lift=5.0, least=2, min_share=0.0)[:_MOST_VALUES]
            if not len(chosen):
                continue
            held = table.counts[members][:, chosen].tocoo()
            for row, column, n in zip(held.row, held.col, held.data, strict=True):
                rows.append({"campaign_id": r.campaign_id, "kind": table.kind.says,
                             "value_label": f"{table.kind.says} {column + 1}", "account_id": book.ids[members[row]],
                             "exchanges": int(n)})  # fmt: skip
    schema = pa.schema([("campaign_id", pa.string()), ("kind", pa.string()), ("value_label", pa.string()),
                        ("account_id", pa.string()), ("exchanges", pa.int64())])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)

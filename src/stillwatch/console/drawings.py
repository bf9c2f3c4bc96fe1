"""What the charts are drawn from, as plain JSON; the browser's library draws it, and no markup is in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.console.shelf import Shelf, slug
from stillwatch.console.tables import at_time
from stillwatch.decide.record import Record
from stillwatch.report.charts import AGAINST, FOR, REST, binned, color_of, weight_steps
from stillwatch.report.explain import Claim
from stillwatch.report.network import aggregate
from stillwatch.report.page import weighed
from stillwatch.report.plain_text import clean, score_text

COLORED = 7
_EDGES = 400_000
_MARKS = 60
_KEPT_DRAWINGS = 200


def traffic(shelf: Shelf) -> dict[str, Any]:
    """Exchanges over time, the seven busiest campaigns each in its colour; the others together, then everybody else."""
    busiest = sorted(shelf.campaigns, key=lambda r: -(r["exchanges"] or 0))
    shown = [str(r["campaign_id"]) for r in busiest[:COLORED]]
    others = {str(r["campaign_id"]) for r in busiest[COLORED:]}
    table = shelf.pictures.traffic
    if others:
        ids = table["campaign_id"].fill_null("")
        rest = pc.is_in(ids, value_set=pa.array(sorted(others), pa.string()))
        table = table.set_column(0, "campaign_id", pc.if_else(rest, "other campaigns", ids))
        shown.append("other campaigns")
    start, width, series = binned(table, shown)
    colors = color_of(shown[:COLORED])
    names = {str(r["campaign_id"]): clean(r["title"], 70) or clean(r["campaign_id"], 60) for r in shelf.campaigns}
    return {
        "start": _millis(start), "step": width.total_seconds() * 1000.0,
        "series": [
            {"id": id, "name": names.get(id, id), "color": colors.get(id, "#5f6770"), "url": _campaign_url(shelf, id),
             "values": [int(v) for v in series[id]]}
            for id in shown if id in series
        ],
        "everybody": [int(v) for v in series.get("", [])],
    }  # fmt: skip


def traffic_by_day(shelf: Shelf) -> list[tuple[str, int, int]]:
    """(day, exchanges of all campaigns, those of everybody else), oldest first: the traffic chart as a table."""
    table = shelf.pictures.traffic
    known = table.filter(pc.and_(pc.is_valid(table["hour"]), pc.greater_equal(table["exchanges"].fill_null(-1), 0)))
    named = pc.if_else(pc.equal(known["campaign_id"].fill_null(""), ""), 1, 0)
    each = pa.table({"day": known["hour"].cast(pa.date32(), safe=False), "side": named, "n": known["exchanges"]})
    days: dict[str, list[int]] = {}
    for row in each.group_by(["day", "side"]).aggregate([("n", "sum")]).to_pylist():
        days.setdefault(f"{row['day']:%Y-%m-%d}", [0, 0])[row["side"]] += row["n_sum"]
    return [(day, inside, outside) for day, (inside, outside) in sorted(days.items())]


def waterfall(shelf: Shelf, campaign_id: str) -> list[dict[str, Any]]:
    """Steps in bits: the base rate, each family of evidence with its signals, what combining changes, the score."""
    told = shelf.explanation("campaign", campaign_id)
    if told is None:
        return []
    pro, against = weighed(told, told.row)
    families = _by_family([*pro, *against])
    parts: dict[str, list[Claim]] = {}
    for claim in (*pro, *against):
        parts.setdefault(claim.family.replace("_", " "), []).append(claim)
    steps = weight_steps(
        [c for c in families if (c.bits or 0.0) >= 0], [c for c in families if (c.bits or 0.0) < 0],
        told.row["score"], told.balance.get("prior_bits"), told.balance.get("few_bits"),
    )  # fmt: skip
    out: list[dict[str, Any]] = []
    at = 0.0
    for name, bits, color in steps:
        side = "for" if color == FOR else "against" if color == AGAINST else "rest" if name == REST else "start"
        signals = [f"{c.signal.replace('_', ' ')} {c.bits:+.1f}" for c in parts.get(name, ()) if c.bits is not None]
        out.append({"name": name, "bits": bits, "from": at, "to": at + bits, "side": side, "signals": signals[:12]})
        at += bits
    if out:
        out.append({"name": f"score {score_text(told.row['score'])}", "bits": at, "from": 0.0, "to": at,
                    "side": "total", "signals": []})  # fmt: skip
    return out


def network(shelf: Shelf, campaign_id: str, value: str = "") -> dict[str, Any]:
    """Bubbles: shared values by how many accounts hold them, and accounts gathered by what they hold.

    With `value` only the accounts that hold it are taken, so that what is one bubble from afar opens up.
    """
    if (campaign_id, value) in shelf.drawn:
        return shelf.drawn[(campaign_id, value)]
    drawn = _network(shelf, campaign_id, value)
    if len(shelf.drawn) >= _KEPT_DRAWINGS:
        shelf.drawn.clear()
    shelf.drawn[(campaign_id, value)] = drawn
    return drawn


def _network(shelf: Shelf, campaign_id: str, value: str) -> dict[str, Any]:
    ties = shelf.pictures.ties
    mine = ties.filter(pc.equal(ties["campaign_id"], campaign_id))
    if value:
        holders = mine.filter(pc.equal(mine["value_label"], value))["account_id"].combine_chunks()
        mine = mine.filter(pc.is_in(mine["account_id"], value_set=holders))
    if not len(mine):
        return {"values": [], "groups": [], "links": [], "accounts": 0, "kinds": []}
    lefts, rights, edges, accounts = aggregate(mine.slice(0, _EDGES))
    kinds = list(dict.fromkeys(n.kind for n in rights))
    named = set(mine["value_label"].unique().to_pylist())
    return {
        "values": [{"name": n.name, "accounts": n.size, "kind": kinds.index(n.kind), "opens": n.name in named}
                   for n in rights],
        "groups": [{"name": n.name, "accounts": n.size} for n in lefts],
        "links": [{"group": i, "value": j, "accounts": w} for (i, j), w in sorted(edges.items())],
        "accounts": accounts, "kinds": kinds,
    }  # fmt: skip


def history(shelf: Shelf, campaign_id: str) -> list[dict[str, Any]]:
    """Score and accounts in each sweep that saw a campaign, oldest first."""
    return [
        {"at": line["at"], "score": _number(line.get("score")), "accounts": _number(line.get("accounts")),
         "exchanges": _number(line.get("exchanges"))}
        for line in shelf.history(campaign_id)
    ]  # fmt: skip


def timeline(shelf: Shelf, record: Record, campaign_id: str) -> dict[str, Any]:
    """A campaign's exchanges over time with what happened meanwhile."""
    table = shelf.pictures.traffic
    mine = table.filter(pc.equal(table["campaign_id"], campaign_id))
    start, width, series = binned(mine, [campaign_id])
    return {
        "start": _millis(start), "step": width.total_seconds() * 1000.0,
        "values": [int(v) for v in series.get(campaign_id, [])],
        "marks": [{**mark, "at": _millis(mark["at"])} for mark in happened(shelf, record, campaign_id)],
    }  # fmt: skip


def happened(shelf: Shelf, record: Record, campaign_id: str) -> list[dict[str, Any]]:
    """Releases while a campaign ran, suspensions by day, successions, decisions; each `at`, `kind`, `says`."""
    row = shelf.by_campaign.get(campaign_id)
    if row is None:
        return []
    found: list[dict[str, Any]] = []
    first, last = row["first_seen"], row["last_seen"]
    for release in shelf.releases:
        at = release["released_at"]
        if at is not None and first is not None and last is not None and first <= at <= last:
            found.append({"at": at, "kind": "release", "says": f"{clean(release['model'], 60)} was released"})
    changes = shelf.status_changes
    if "status" in changes.column_names and changes.num_rows:
        mine = changes.filter(pc.is_in(changes["account_id"], value_set=pa.array(row["account_ids"], pa.string())))
        days: Counter[tuple[datetime, str]] = Counter()
        for status, at in zip(mine["status"].to_pylist(), mine["at"].to_pylist(), strict=True):
            if at is not None and status in ("suspended", "closed"):
                days[(at.replace(hour=0, minute=0, second=0, microsecond=0), status)] += 1
        for (day, status), n in days.items():
            accounts = "1 of its accounts was" if n == 1 else f"{n:,} of its accounts were"
            found.append({"at": day, "kind": "suspension", "says": f"{accounts} {status}"})
    for other_id in row["related"] or []:
        other = shelf.by_campaign.get(other_id)
        if other is not None and other["kind"] != "account_network" and other["first_seen"] is not None:
            found.append({"at": other["first_seen"], "kind": "succession",
                          "says": f"related campaign {clean(other_id, 40)} begins"})  # fmt: skip
    for made in record.rows("SELECT decision_id, action, created_at, approved_at, approval FROM decisions WHERE "
                            "campaign_id=? ORDER BY created_at LIMIT 200", (campaign_id,)):  # fmt: skip
        action = str(made["action"]).replace("_", " ")
        first_did = "proposed" if made["approval"] else "decided"
        for when, did in ((made["created_at"], first_did), (made["approved_at"], "approved")):
            at = at_time(when)
            if at is not None:
                found.append({"at": at, "kind": "decision", "says": f"{action} was {did} ({made['decision_id']})"})
    found.sort(key=lambda mark: mark["at"])
    return found[:_MARKS]


def peers(shelf: Shelf, account_id: str) -> dict[str, Any]:
    """How many exchanges accounts send, in doubling bins, and where this account lies."""
    row = shelf.account(account_id)
    counts = shelf.sorted_exchanges
    if row is None or not len(counts):
        return {"edges": [], "accounts": [], "mine": 0}
    most = max(int(counts[-1]), 1)
    edges = [2**i for i in range(int(math.log2(most)) + 2)]
    histogram = (
        np.histogram(counts, bins=[*edges[:-1], edges[-1] + 1])[0] if len(edges) > 1 else np.array([len(counts)])
    )
    return {"edges": edges, "accounts": [int(n) for n in histogram], "mine": int(row["exchanges"] or 0)}


def peer_bands(shelf: Shelf, account_id: str) -> list[tuple[str, int, bool]]:
    """(exchanges from to, accounts, whether this account is among them): the chart of peers as a table."""
    drawn = peers(shelf, account_id)
    edges, mine = drawn["edges"], max(drawn["mine"], 1)
    out = []
    for i, n in enumerate(drawn["accounts"]):
        low = edges[i]
        high = edges[i + 1] - 1 if i + 1 < len(edges) else low
        out.append((f"{low:,}" if high <= low else f"{low:,} to {high:,}", n, low <= mine <= max(low, high)))
    return out


def _by_family(claims: Sequence[Claim]) -> list[Claim]:
    sums: dict[str, Claim] = {}
    for claim in claims:
        old = sums.get(claim.family)
        bits = (old.bits or 0.0) if old else 0.0
        sums[claim.family] = replace(claim, signal=claim.family, bits=bits + (claim.bits or 0.0))
    return list(sums.values())


def _millis(at: datetime) -> int:
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _campaign_url(shelf: Shelf, id: str) -> str:
    return f"/campaigns/{slug(id)}" if id in shelf.by_campaign else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None

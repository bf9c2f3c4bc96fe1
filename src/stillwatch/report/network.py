"""The network of a campaign as inline SVG: accounts on the left, the values they share on the right."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.report.charts import COLORS, esc, label, svg
from stillwatch.report.plain_text import clean, count_of

_NODES = 60
_VALUES = 16
_GROUPS = 18
_EDGES = 400_000


@dataclass(frozen=True)
class Node:
    """One dot: an account or several that hold the same values; or a value or several of a kind."""

    name: str
    size: int
    kind: str = ""


def network_chart(ties: pa.Table, campaign_id: str) -> str:
    """Which accounts hold which shared values. Empty without ties.

    `ties` has campaign_id, kind, value_label, account_id, exchanges. Beyond 60 dots, accounts that
    hold the same values become one dot, and rare values of a kind become one.
    """
    mine = ties.filter(pc.equal(ties["campaign_id"], pa.scalar(campaign_id))).slice(0, _EDGES)
    if not len(mine):
        return ""
    lefts, rights, edges, accounts = aggregate(mine)
    top, row = 40.0, 21.0
    height = top + max(len(lefts), len(rights)) * row + 12
    kinds = list(dict.fromkeys(n.kind for n in rights))
    colors = {kind: COLORS[i % len(COLORS)] for i, kind in enumerate(kinds)}
    x1, x2 = 235.0, 525.0
    ys1, ys2 = _rows(len(lefts), top, height), _rows(len(rights), top, height)
    heaviest = max(edges.values())
    body = [label(x1 + 14, 16, "accounts", "h", anchor="end"), label(x2 - 14, 16, "share", "h")]
    for (i, j), weight in sorted(edges.items()):
        wide = 0.6 + 7.0 * math.sqrt(weight / max(heaviest, 16))
        bend = (x2 - x1) * 0.45
        body.append(
            f'<path d="M{x1:.0f},{ys1[i]:.1f} C{x1 + bend:.0f},{ys1[i]:.1f} {x2 - bend:.0f},{ys2[j]:.1f} '
            f'{x2:.0f},{ys2[j]:.1f}" fill="none" stroke="{colors[rights[j].kind]}" stroke-width="{wide:.1f}" '
            f'stroke-opacity="0.42"><title>{esc(lefts[i].name, 60)} – {esc(rights[j].name, 60)}: '
            f"{esc(count_of(weight, 'account'))}</title></path>"
        )
    biggest = max([n.size for n in lefts] + [n.size for n in rights])
    for node, y in zip(lefts, ys1, strict=True):
        body += [_dot(x1, y, node.size, biggest, "#30363d"), label(x1 - 16, y + 4, node.name, anchor="end", limit=34)]
    for node, y in zip(rights, ys2, strict=True):
        note = f"{node.name} ({count_of(node.size, 'account')})"
        body += [_dot(x2, y, node.size, biggest, colors[node.kind]), label(x2 + 16, y + 4, note, limit=50)]
    desc = f"{accounts:,} accounts and what they share: " + ", ".join(n.name for n in rights[:12])
    return svg(height, "Accounts and the values they share", desc, body)


def aggregate(mine: pa.Table) -> tuple[list[Node], list[Node], Counter[tuple[int, int]], int]:
    """Dots on the left and right, edges with the accounts in each, and how many accounts there are in all."""
    held: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for kind, value, account in zip(
        mine["kind"].to_pylist(), mine["value_label"].to_pylist(), mine["account_id"].to_pylist(), strict=True
    ):
        held[account or ""].add((clean(kind, 40), clean(value, 60)))
    holders = Counter(value for values in held.values() for value in values)
    if len(held) + len(holders) <= _NODES and len(holders) <= 30 and len(held) <= 40:
        names = {value: (value[0], value[1]) for value in holders}
    else:
        names = _merged(holders)
    holdings = {account: frozenset(names[v] for v in values) for account, values in held.items()}
    shared: Counter[tuple[str, str]] = Counter(v for values in holdings.values() for v in values)
    order = sorted(shared, key=lambda v: (v[0], -shared[v], len(v[1]), v[1]))
    place = {value: j for j, value in enumerate(order)}
    rights = [Node(name, shared[(kind, name)], kind) for kind, name in order]
    lefts, members = _left(held, holdings, place)
    edges: Counter[tuple[int, int]] = Counter()
    for i, accounts in enumerate(members):
        for account in accounts:
            for value in holdings[account]:
                edges[(i, place[value])] += 1
    return lefts, rights, edges, len(held)


def _left(
    held: dict[str, set[tuple[str, str]]], holdings: dict[str, frozenset[tuple[str, str]]],
    place: dict[tuple[str, str], int],
) -> tuple[list[Node], list[list[str]]]:
    """Accounts alone where there is room, else gathered by what they hold; in the order of the right side."""

    def middle(values: frozenset[tuple[str, str]]) -> float:
        return float(np.mean([place[v] for v in values])) if values else 0.0

    if len(held) + len(place) <= _NODES and len(held) <= 40:
        alone = sorted(holdings, key=lambda a: (middle(holdings[a]), a))
        return [Node(clean(a, 30), 1) for a in alone], [[a] for a in alone]
    alike: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
    for account, values in holdings.items():
        alike[values].append(account)
    big = sorted(alike, key=lambda v: (-len(alike[v]), middle(v)))
    kept = sorted(big[:_GROUPS], key=lambda v: (middle(v), sorted(v)))
    members = [alike[values] for values in kept]
    lefts = [Node(_name(alike[values], values), len(alike[values])) for values in kept]
    rest = [account for values in big[_GROUPS:] for account in alike[values]]
    if rest:
        lefts.append(Node(f"{count_of(len(rest), 'account')}, other mixtures", len(rest)))
        members.append(rest)
    return lefts, members


def _name(accounts: Sequence[str], values: frozenset[tuple[str, str]]) -> str:
    return clean(accounts[0], 30) if len(accounts) == 1 else f"{len(accounts):,} accounts"


def _merged(holders: Counter[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Each value to the dot that shows it: the commonest alone, the others one dot for each kind."""
    alone = {value for value, _ in sorted(holders.items(), key=lambda item: (-item[1], item[0]))[:_VALUES]}
    rest = Counter(kind for kind, value in holders if (kind, value) not in alone)
    return {
        (kind, value): (kind, value) if (kind, value) in alone or rest[kind] == 1
        else (kind, f"{kind}: {rest[kind]:,} more")
        for kind, value in holders
    }


def _rows(n: int, top: float, height: float) -> list[float]:
    """Heights of `n` dots, spread evenly."""
    step = (height - top - 12) / max(n, 1)
    return [top + step * (i + 0.5) for i in range(n)]


def _dot(x: float, y: float, size: int, biggest: int, color: str) -> str:
    radius = 4.0 + 7.0 * math.sqrt(size / max(biggest, 1))
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{color}" stroke="#fff"/>'


def kinds_in(ties: pa.Table, campaign_id: str) -> list[dict[str, Any]]:
    """For the table beside the picture: kind, how many values, how many accounts, most shared first."""
    mine = ties.filter(pc.equal(ties["campaign_id"], pa.scalar(campaign_id)))
    if not len(mine):
        return []
    grouped = mine.group_by("kind").aggregate([("value_label", "count_distinct"), ("account_id", "count_distinct")])
    rows: list[dict[str, Any]] = [
        {"kind": r["kind"], "values": r["value_label_count_distinct"], "accounts": r["account_id_count_distinct"]}
        for r in grouped.to_pylist()
    ]
    return sorted(rows, key=lambda r: (-r["accounts"], str(r["kind"])))

"""What would a policy have done? Replays decisions over stored traffic, sweep by sweep, and counts whom they meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stillwatch.decide.facts import Facts
from stillwatch.decide.policy import STRONG, Policy
from stillwatch.decide.propose import propose
from stillwatch.store.window import Window

Array = Any
HOUR = 3600.0


@dataclass(frozen=True)
class Sighting:
    """What one sweep of the replay left: when it ended (epoch seconds), its facts, its campaigns' marks."""

    at: float
    facts: Facts
    marks: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Traffic:
    """Stored exchanges as arrays in time order: epoch seconds, account number, opening and closing (0: unknown)."""

    at: Array
    account: Array
    opening: Array
    closing: Array
    account_ids: Mapping[int, str]

    @classmethod
    def of(cls, window: Window) -> Traffic:
        """Reads a window's exchanges; 28 bytes an exchange."""
        t = window.exchanges
        chosen = t.select(t.started_at, t.account, t.opening, t.closing).to_pyarrow()
        at = chosen.column("started_at").cast("int64").to_numpy().astype(np.float64) / 1e6
        order = np.argsort(at, kind="stable")
        keep = [
            chosen.column(name).fill_null(0).to_numpy().astype(kind)[order]
            for name, kind in (("account", np.int32), ("opening", np.int64), ("closing", np.int64))
        ]
        return cls(at[order], keep[0], keep[1], keep[2], window.ids())


@dataclass(frozen=True)
class CampaignOutcome:
    """What a policy would have done to one campaign; shares of its exchanges lie in 0..1."""

    campaign_id: str
    accounts: int
    exchanges: int
    first_decided_after_hours: float | None
    """From the campaign's first exchange to the first decision on it that acts; None: there was none."""
    prevented: float
    """Share of its exchanges that were stopped (suspend, step_up, throttle, block)."""
    lessened: float
    """Share that was answered with something withheld (trim)."""


@dataclass(frozen=True)
class Outcome:
    """What a policy would have done to a window."""

    decisions: int
    waited_for_approval: int
    campaigns: tuple[CampaignOutcome, ...]
    accounts_hit: int
    exchanges_hit: int
    exchanges: int
    legitimate_accounts_hit: tuple[str, ...]
    legitimate_exchanges_hit: int
    legitimate_exchanges: int
    newcomers_met: int

    @property
    def prevented(self) -> float:
        """Share of all campaigns' exchanges that were stopped."""
        total = sum(c.exchanges for c in self.campaigns)
        return sum(c.exchanges * c.prevented for c in self.campaigns) / total if total else 0.0

    @property
    def lessened(self) -> float:
        """Share of all campaigns' exchanges that were answered with something withheld."""
        total = sum(c.exchanges for c in self.campaigns)
        return sum(c.exchanges * c.lessened for c in self.campaigns) / total if total else 0.0


STOPS = frozenset({"suspend", "step_up", "throttle"})


def what_if(
    policy: Policy, sightings: Sequence[Sighting], traffic: Traffic, campaigns: Mapping[str, Set[str]],
    legitimate: Callable[[str], bool], *, approval_hours: float = 4.0, exempt: Set[str] = frozenset(),
    wrong: Set[str] = frozenset(),
) -> Outcome:  # fmt: skip
    """Replays `policy` as if every row enforced; a person approves after `approval_hours`.

    `campaigns` are the groups to judge by (the latest findings', or a world's truth), `legitimate` says whose use was
    fair. An account that a campaign's decision names is hit from then until the decision would have run out; so is an
    account first seen after the decision that opens or closes with one of its marks, from that exchange on, if the row
    acts on newcomers. `throttle` counts as stopped, which is more than it does where the row lets some pass.
    """
    numbers = {account_id: n for n, account_id in traffic.account_ids.items()}
    most = max(traffic.account_ids, default=-1) + 1
    first_seen = np.full(most, np.inf)
    np.minimum.at(first_seen, traffic.account, traffic.at)
    stopped = np.zeros(len(traffic.at), dtype=bool)
    lessened = np.zeros(len(traffic.at), dtype=bool)
    decided: dict[str, float] = {}
    keys: dict[str, float] = {}
    waited: set[str] = set()
    newcomers: set[int] = set()
    acted_on: dict[str, list[tuple[float, frozenset[int]]]] = {}
    for sighting in sorted(sightings, key=lambda s: s.at):
        for p in propose(policy, sighting.facts, exempt=exempt, wrong=wrong):
            if p.action not in STRONG and p.newcomers not in STRONG:
                continue
            # A renewal of what was approved needs no second approval.
            start = keys.setdefault(p.key, sighting.at + (approval_hours * HOUR if p.waits else 0.0))
            if p.waits:
                waited.add(p.key)
            begin, until = max(start, sighting.at), sighting.at + p.row.expires_hours * HOUR
            lo, hi = np.searchsorted(traffic.at, [begin, until])
            if hi <= lo:
                continue
            named = [p.value] if p.scope == "account" else p.members
            members = np.array(sorted(numbers[a] for a in named if a in numbers), dtype=np.int64)
            here = np.isin(traffic.account[lo:hi], members)
            if p.action in STOPS:
                stopped[lo:hi] |= here
            elif p.action == "trim":
                lessened[lo:hi] |= here
            if p.action in STRONG:
                decided.setdefault(p.campaign_id, begin)
                acted_on.setdefault(p.campaign_id, []).append((begin, frozenset(members.tolist())))
            if p.newcomers in STRONG and p.action in STRONG and p.variant == "main":
                met = _newcomers(
                    traffic, lo, hi, first_seen, sighting.at, sighting.marks.get(p.campaign_id, ()), members
                )
                newcomers.update(np.unique(traffic.account[lo:hi][met]).tolist())
                (stopped if p.newcomers in STOPS else lessened)[lo:hi] |= met
    return _count(traffic, stopped, lessened, campaigns, legitimate, numbers, decided, acted_on,
                  len(keys), len(waited), len(newcomers))  # fmt: skip


def _newcomers(
    traffic: Traffic, lo: int, hi: int, first_seen: Array, at: float, marks: Sequence[int], members: Array
) -> Array:
    """Exchanges of accounts first seen after `at`, from the first on that bears a mark."""
    if not marks:
        return np.zeros(hi - lo, dtype=bool)
    wanted = np.array([m - (1 << 64) if m >= 1 << 63 else m for m in marks], dtype=np.int64)
    account = traffic.account[lo:hi]
    fresh = (first_seen[account] > at) & ~np.isin(account, members)
    bears = fresh & (np.isin(traffic.opening[lo:hi], wanted) | np.isin(traffic.closing[lo:hi], wanted))
    since = np.full(len(first_seen), np.inf)
    np.minimum.at(since, account[bears], traffic.at[lo:hi][bears])
    return fresh & (traffic.at[lo:hi] >= since[account])


def _count(
    traffic: Traffic, stopped: Array, lessened: Array, campaigns: Mapping[str, Set[str]],
    legitimate: Callable[[str], bool], numbers: Mapping[str, int], decided: Mapping[str, float],
    acted_on: Mapping[str, Sequence[tuple[float, frozenset[int]]]], decisions: int, waited: int, newcomers: int,
) -> Outcome:  # fmt: skip
    lessened = lessened & ~stopped
    hit = stopped | lessened
    most = max(traffic.account_ids, default=-1) + 1
    fair = np.zeros(most, dtype=bool)
    for number, account_id in traffic.account_ids.items():
        fair[number] = legitimate(account_id)
    outcomes = []
    for campaign_id, ids in campaigns.items():
        members = np.array(sorted(numbers[a] for a in ids if a in numbers), dtype=np.int64)
        here = np.isin(traffic.account, members)
        total = int(here.sum())
        own = set(members.tolist())
        # The decision that counts as on this campaign is one that names any of its accounts.
        starts = [at for c in acted_on.values() for at, named in c if named & own]
        begin = min(starts, default=decided.get(campaign_id))
        delay = None if begin is None or not total else (begin - float(traffic.at[here][0])) / HOUR
        outcomes.append(
            CampaignOutcome(
                campaign_id, len(ids), total, delay, _share(stopped & here, total), _share(lessened & here, total)
            )
        )
    innocent = np.unique(traffic.account[hit & fair[traffic.account]])
    return Outcome(
        decisions=decisions, waited_for_approval=waited, campaigns=tuple(outcomes),
        accounts_hit=len(np.unique(traffic.account[hit])), exchanges_hit=int(hit.sum()), exchanges=len(traffic.at),
        legitimate_accounts_hit=tuple(traffic.account_ids[int(n)] for n in innocent),
        legitimate_exchanges_hit=int((hit & fair[traffic.account]).sum()),
        legitimate_exchanges=int(fair[traffic.account].sum()), newcomers_met=newcomers,
    )  # fmt: skip


def _share(which: Array, total: int) -> float:
    return float(which.sum()) / total if total else 0.0

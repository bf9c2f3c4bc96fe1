"""From a window to findings: book, candidates, weights, choice, chance, names. It writes the hunt's memory too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from stillwatch.actors.book import Book, open_book
from stillwatch.campaigns.accounts import AccountScores, score_accounts
from stillwatch.campaigns.calibration import Calibration, against
from stillwatch.campaigns.chance import MatchedChance
from stillwatch.campaigns.choose import Chooser, Chosen
from stillwatch.campaigns.fellows import PriceOf, with_fellows
from stillwatch.campaigns.findings import Findings, Reported, accounts_table, campaigns_table, evidence_table
from stillwatch.campaigns.looks import Look, look_at, price_bits
from stillwatch.campaigns.pools import parts_of_pools, without_pools
from stillwatch.campaigns.track import Remembered, identify, remembered_price
from stillwatch.campaigns.weigh import Weighed, weigh
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.candidates import candidates as propose
from stillwatch.records.rules import Rule
from stillwatch.signals import extra_sums
from stillwatch.store.window import Window

Array = np.ndarray[Any, Any]
Tell = Callable[[str], None]


@dataclass
class Hunted:
    """A hunt's result in memory: `book`, all candidates with their weights, what is reported, account scores."""

    book: Book
    candidates: list[Candidate]
    weighed: Weighed
    reported: list[Reported]
    scores: AccountScores
    calibration: Calibration
    price_bits: float = 0.0
    """What a campaign that no earlier sweep reported had to show beyond its score."""

    def findings(self, run: dict[str, Any]) -> Findings:
        """What a sweep leaves of it; `run` is the run's own record."""
        return Findings(
            campaigns_table(self.book, self.reported, self.calibration),
            accounts_table(self.book, self.reported, self.scores),
            evidence_table(self.book, self.reported, self.scores),
            run,
        )


def weighed_candidates(
    window: Window, rules: Sequence[Rule], settings: Mapping[str, Mapping[str, Any]], *, most: int = 4000,
    tell: Tell = lambda step: None,
) -> tuple[Book, list[Candidate], Weighed]:  # fmt: skip
    """Reads the window and weighs every proposed group; the part that calibration shares with the hunt."""
    tell("reading the window")
    book = open_book(window, extra_sums(), rules)
    tell("linking accounts")
    found = propose(book)
    found = sorted(found, key=lambda c: -c.size)[:most]
    tell(f"weighing {len(found):,} groups")
    return book, found, weigh(book, found, settings)


def hunt(
    window: Window, rules: Sequence[Rule], *, calibration: Calibration, prior: float, report_from: float = 55.0,
    settings: Mapping[str, Mapping[str, Any]] | None = None, most: int = 4000, memory: list[Remembered] | None = None,
    looks: list[Look] | None = None, tell: Tell = lambda step: None,
) -> Hunted:  # fmt: skip
    """Finds campaigns in a window. `memory` (earlier sweeps' campaigns) and `looks` are brought up to date in place."""
    settings = settings or {}
    memory = memory if memory is not None else []
    looks = looks if looks is not None else []
    looks.append(look_at(window, looks))
    price = price_bits(looks)
    book, found, weighed = weighed_candidates(window, rules, settings, most=most, tell=tell)
    tell("choosing what to report")
    chooser = Chooser(book, calibration, prior, report_from / 100.0, settings)
    price_of = _price_of(book, memory, price)
    harvests = without_pools(chooser, chooser.harvests(found, weighed), found)
    harvests = _paid(harvests, price_of, chooser.least)
    harvests = with_fellows(chooser, harvests, found, price_of=price_of)
    networks = _paid(chooser.networks(found, weighed, harvests), price_of, chooser.least)
    parts = parts_of_pools(networks, found, book.accounts)
    inside_pools = chooser.harvests(parts, weigh(book, parts, settings), known=harvests)
    harvests = [*harvests, *_paid(inside_pools, price_of, chooser.least)]
    harvests = with_fellows(chooser, harvests, (), parts, price_of=price_of)
    chosen = [*harvests, *networks]
    tell("comparing with matched chance")
    scores = score_accounts(book, harvests, settings, prior)
    inside = np.zeros(book.accounts, dtype=bool)
    for c in chosen:
        inside[c.candidate.members] = True
    chance = MatchedChance(book, found, weighed, inside, settings)
    guilt, hand = calibration.guilt(weighed, prior), calibration.operated(weighed, prior)
    ids, related = identify(
        memory,
        [(c.kind, [book.ids[m] for m in c.candidate.members], c.core.values) for c in chosen],
        datetime.now(UTC).isoformat(timespec="seconds"),
        price,
    )
    samples = _samples(window, book, chosen)
    reported = []
    for c, campaign_id, near, sample in zip(chosen, ids, related, samples, strict=True):
        alike = chance.like(c.candidate.size)
        if c.kind == "account_network":
            # Its score is of the hand behind it; the training worlds' scores are of harvests.
            rate = (float((hand[alike] >= c.p).sum()) + 1.0) / (len(alike) + 1.0)
        else:
            rate = calibration.false_alarm_rate(c.p, guilt[alike].tolist(), prior)
        reported.append(Reported(c, campaign_id, near, chance.p_values(c), rate, sample))
    return Hunted(book, found, weighed, reported, scores, calibration, price)


def _price_of(book: Book, memory: Sequence[Remembered], price: float) -> PriceOf:
    """What accounts (kind, positions) pay to be reported: what the earlier report of them paid, else today's price."""

    def of(kind: str, members: Array) -> float:
        paid = remembered_price(memory, kind, [book.ids[m] for m in members])
        return price if paid is None else paid

    return of


def _paid(chosen: Sequence[Chosen], price_of: PriceOf, least: float) -> list[Chosen]:
    """What is still to be reported after the price of repeated looks."""
    out = []
    for c in chosen:
        bits = price_of(c.kind, c.candidate.members)
        p = float(against(np.asarray([c.p]), np.asarray([-bits]))[0])
        if p >= least:
            out.append(replace(c, p=p) if bits else c)
    return out


def _samples(window: Window, book: Book, chosen: Sequence[Chosen], each: int = 6) -> list[list[str]]:
    """A few exchange ids of each group: of its accounts with the most use, those that matched most rules."""
    wanted: dict[int, int] = {}
    for i, c in enumerate(chosen):
        order = c.candidate.members[np.argsort(-book.n[c.candidate.members])][:each]
        wanted.update({int(book.numbers[m]): i for m in order})
    out: list[list[str]] = [[] for _ in chosen]
    if not wanted:
        return out
    t = window.exchanges
    t = t.filter(t.account.isin(list(wanted)))
    rank = t.patterns.length().fill_null(0) + t.system_patterns.length().fill_null(0)
    t = t.select("account", "exchange_id", rank=rank)
    best = t.group_by("account").aggregate(rank=t["rank"].max())
    best = t.semi_join(best, ["account", "rank"])
    table = best.group_by("account").aggregate(id=best.exchange_id.min()).order_by("account").to_pyarrow()
    for account, exchange in zip(table.column("account").to_pylist(), table.column("id").to_pylist(), strict=True):
        if exchange is not None:
            out[wanted[account]].append(exchange)
    return out

"""Words for a group: title, targets, and the MITRE ATLAS techniques that its evidence supports."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.actors.book import Book
from stillwatch.actors.weigh import rule_shares
from stillwatch.campaigns.choose import Chosen
from stillwatch.records.rules import TECHNIQUES

Array = np.ndarray[Any, Any]

_TARGETS = {
    "completed_answer_reasoning": "reasoning traces",
    "forced_reasoning": "reasoning traces",
    "trace_cleaning": "cleaned reasoning traces",
    "safeguard_bypass": "ways round safeguards",
    "grading": "grades and preferences (a reward model)",
    "task_generation": "training tasks",
    "censorship_rewrite": "censorship-safe rewrites",
    "agentic_trajectory": "agentic trajectories",
}
_KIND_WORDS = {
    "distillation": "Harvest", "relay": "Relay",
    "replay": "Replay of stored sessions", "account_network": "Account network",
}  # fmt: skip


def targets(book: Book, chosen: Chosen, *, least: float = 0.05) -> list[str]:
    """What a group's prompts ask for, commonest first; the narrow matter itself where no rule names it."""
    shares = rule_shares(chosen.weighed.view, tuple(_TARGETS))
    order = sorted(_TARGETS, key=lambda t: -float(shares[t][0]))
    named = [_TARGETS[t] for t in order if shares[t][0] >= least]
    if not named and chosen.kind == "distillation":
        named = ["one narrow capability" if np.nanmean(chosen.core.direction[chosen.candidate.members]) > 0.6
                 else "answers to a task list"]  # fmt: skip
    if chosen.kind == "relay":
        named = ["live service for another vendor's users", *named]
    if chosen.kind == "replay":
        named = ["stored sessions of another service", *named]
    return list(dict.fromkeys(named))


def title(book: Book, chosen: Chosen, what: list[str]) -> str:
    """One line: kind, what for, how many accounts."""
    size = chosen.candidate.size
    if chosen.kind == "account_network":
        return f"Account network: one operator behind {size:,} accounts"
    return f"{_KIND_WORDS[chosen.kind]}: {what[0] if what else 'answers'} over {size:,} accounts"


def techniques(book: Book, chosen: Chosen) -> tuple[list[str], str]:
    """(MITRE ATLAS ids, a note): AML.T0024.002 for a harvest, service proxies for pools, what its rules name."""
    ids: dict[str, str] = {}
    if chosen.kind != "account_network":
        ids["AML.T0040"] = "model access through the API"
        ids["AML.T0024.002"] = "answers collected to extract the model"
    if chosen.kind in ("relay", "account_network") or chosen.weighed.coordination[0] >= 3.0:
        ids["AML.T0008.005"] = "accounts pooled as a service proxy"
    if chosen.candidate.size >= 3:
        ids["AML.T0021"] = "accounts established for the purpose"
    shares = rule_shares(chosen.weighed.view, tuple(TECHNIQUES))
    for rule in book.rulebook.values():
        if shares[rule.technique][0] >= 0.05:
            for atlas in rule.atlas:
                ids.setdefault(atlas, TECHNIQUES[rule.technique])
    note = "; ".join(f"{i}: {why}" for i, why in ids.items())
    return list(ids), note + ". ATLAS has no technique of its own for distillation, relays or replay."

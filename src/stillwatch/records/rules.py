"""A rule of a pattern pack: what one kind of prompt looks like, and who else writes so."""

from __future__ import annotations

from dataclasses import dataclass

#: The techniques that rules may name, with what each is called in a sentence.
TECHNIQUES: dict[str, str] = {
    "completed_answer_reasoning": "asks for the reasoning behind an answer that is already complete",
    "forced_reasoning": "forces reasoning into tags or inline before the answer",
    "safeguard_bypass": "words a request so as to get round a safeguard on reasoning or extraction",
    "grading": "uses the model as a grader or reward model",
    "task_generation": "has the model invent training tasks, seeds or variations",
    "censorship_rewrite": "rewrites sensitive matters to be censorship-safe",
    "trace_cleaning": "cleans, normalises or scores reasoning traces",
    "agentic_trajectory": "collects agentic trajectories (plan, tool call, observation) as data",
    "foreign_harness": "carries another vendor's coding harness or agent",
    "identity_replacement": "tells the model that it is another vendor's model",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `code` is a stable number from 1 to 32767; it is what the store keeps."""

    code: int
    id: str
    technique: str
    title: str
    language: str
    expression: str
    atlas: tuple[str, ...]
    also_seen_in: str
    applies_to: tuple[str, ...] = ("prompt", "system")
    strength: float = 1.0
    """From 0 (as common among the innocent) to 1 (hardly anybody else writes so)."""

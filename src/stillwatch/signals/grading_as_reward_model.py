"""The model used as a grader: rubrics, scores and pairwise preferences in bulk."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_rules
from stillwatch.actors.view import View
from stillwatch.signals import signal


@signal(family="patterns", about="conduct", needs=("patterns",))
def grading_as_reward_model(view: View, *, caution: float = 1.3) -> Opinion:
    """An actor has the model grade answers by rubric or preference, in bulk.

    Share of exchanges that match grading rules. Weak by itself: judging is common and legitimate;
    it adds to a harvest whose accounts are coordinated.

    Also seen in: evaluation with a model as judge; essay graders; content moderation.
    Source: Anthropic, February 2026 (rubric-based grading as a reward model).
    """
    knots = ((0.0, 0.0), (0.05, 0.3), (0.2, 1.0), (0.5, 1.7))
    return opinion_on_rules(view, "grading", knots, "have the model grade or compare answers", caution=caution)

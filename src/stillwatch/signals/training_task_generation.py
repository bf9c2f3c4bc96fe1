"""The model used to invent training tasks, seeds and variations."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_rules
from stillwatch.actors.view import View
from stillwatch.signals import signal


@signal(family="patterns", about="conduct", needs=("patterns",))
def training_task_generation(view: View, *, caution: float = 1.3) -> Opinion:
    """An actor has the model write tasks, problems or variations by the thousand.

    Share of exchanges that match task-generation rules.

    Also seen in: agreed synthetic-data teams; textbook and quiz makers; test writers.
    Source: Anthropic, February 2026 (tens of thousands of unique tasks for RL).
    """
    knots = ((0.0, 0.0), (0.05, 0.5), (0.2, 1.5), (0.5, 2.4))
    return opinion_on_rules(
        view, "task_generation", knots, "have the model invent tasks, seeds or variations", caution=caution
    )

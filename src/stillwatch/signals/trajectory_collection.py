"""Agentic trajectories (plan, tool call, observation) collected as data."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_rules
from stillwatch.actors.view import View
from stillwatch.signals import signal


@signal(family="patterns", about="conduct", needs=("patterns",))
def trajectory_collection(view: View, *, caution: float = 1.3) -> Opinion:
    """An actor asks for whole agentic trajectories, written out as records.

    Share of exchanges that match trajectory rules.

    Also seen in: agent frameworks that prompt in ReAct form; research on agents.
    Source: Anthropic, February and June 2026 (agentic reasoning, tool use, long-horizon tasks).
    """
    knots = ((0.0, 0.0), (0.05, 0.5), (0.2, 1.4), (0.5, 2.4))
    return opinion_on_rules(view, "agentic_trajectory", knots, "ask for agentic trajectories as data", caution=caution)

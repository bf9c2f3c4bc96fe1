"""System prompts that a group has in common."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"system": 0.2, "system_opening": 0.2}


@signal(family="system", about="coordination", needs=("system",), actors=("group",))
def shared_system_prompt(view: View, *, most_bits: float = 2.0) -> Opinion:
    """A group's accounts send the same system prompt, which few others send.

    Also seen in: coding-assistant fleets and app templates with one public system prompt.
    Source: Anthropic, September 2026 (one fixed prompt injected in every request).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

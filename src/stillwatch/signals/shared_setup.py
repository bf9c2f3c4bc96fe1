"""Clients, request settings and tool sets that a group has in common."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"client": 0.2, "settings": 0.3, "tools": 0.2}


@signal(family="setup", about="coordination", needs=(), actors=("group",))
def shared_setup(view: View, *, most_bits: float = 1.6) -> Opinion:
    """A group's accounts use the same client, settings and tools, where others differ.

    Also seen in: every user of one app or SDK version; coding-assistant fleets.
    Source: AA26-251A (consistent metadata).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

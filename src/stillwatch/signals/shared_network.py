"""Addresses and networks that the accounts of a group come from."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"ip": 0.1, "signup_ip": 0.0, "net": 0.1, "signup_net": 0.0}


@signal(family="network", about="coordination", needs=(), actors=("group",))
def shared_network(view: View, *, most_bits: float = 3.0) -> Opinion:
    """A group's accounts come from the same addresses, which few others use.

    Also seen in: campus and office networks; VPN exits; carrier-grade address translation.
    Source: Anthropic, February 2026 (IP correlation).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

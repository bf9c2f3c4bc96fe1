"""Telephones, devices, addresses and e-mail shapes that the accounts of a group were opened with."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"phone": 0.0, "device": 0.0, "email": 0.0, "email_pattern": 0.0, "referrer": 0.0}


@signal(family="registration", about="coordination", needs=(), actors=("group",))
def shared_registration(view: View, *, most_bits: float = 3.0) -> Opinion:
    """A group's accounts were registered with the same devices, telephones or e-mail shapes.

    Also seen in: company roll-outs with one e-mail format; shared lab computers; schools.
    Source: AA26-251A (similar registration details); Anthropic, September 2026 (disposable e-mail).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

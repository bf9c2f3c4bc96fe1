"""Payment methods that several accounts of a group use."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"payment": 0.0}


@signal(family="payment", about="coordination", needs=("account.payment",), actors=("group",))
def shared_payment(view: View, *, most_bits: float = 3.0) -> Opinion:
    """A group's accounts pay with the same few cards.

    Also seen in: corporate cards over many seats; resellers; families; sponsor cards at hackathons.
    Source: Anthropic, February 2026 (shared payment methods).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

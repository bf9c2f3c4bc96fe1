"""Credentials that appear under several accounts of a group."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"key": 0.0}


@signal(family="credential", about="coordination", needs=("key",), actors=("group",))
def shared_credential(view: View, *, most_bits: float = 3.0) -> Opinion:
    """A group's accounts use the same keys.

    Also seen in: a team's key in continuous integration; one organisation with several billing accounts.
    Source: AA26-251A, indicator 3.
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

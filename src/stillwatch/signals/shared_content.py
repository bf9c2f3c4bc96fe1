"""Templates that a group has in common and others do not."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"opening": 0.05, "closing": 0.05, "masked": 0.02, "fingerprint": 0.05}


@signal(family="content", about="coordination", needs=(), actors=("group",))
def shared_content(view: View, *, most_bits: float = 3.0) -> Opinion:
    """A group's accounts send the same templates, which hardly anybody else sends.

    Also seen in: users of one app or framework template; classrooms; public benchmarks.
    Source: Anthropic, February 2026 (variations of one prompt over hundreds of accounts).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

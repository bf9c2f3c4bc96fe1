"""End users who are served through several accounts of a group."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_sharing
from stillwatch.actors.view import View
from stillwatch.signals import signal

_KINDS = {"end_user": 0.0}


@signal(family="end_users", about="coordination", needs=("end_user",), actors=("group",))
def shared_end_users(view: View, *, most_bits: float = 2.5) -> Opinion:
    """The same end users appear behind several accounts, as when a pool of accounts serves one product.

    Also seen in: a customer with one account for each environment; resellers' customers.
    Source: Anthropic, September 2026 (relays over thousands of accounts).
    """
    return opinion_on_sharing(view, _KINDS, most_bits=most_bits)

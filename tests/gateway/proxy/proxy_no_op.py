"""LiteLLM's own callback with nothing in it, to measure what any callback costs."""

from __future__ import annotations

from litellm.integrations.custom_logger import CustomLogger


class NoOp(CustomLogger):
    """Does nothing."""


handler = NoOp()

"""What `trim` does to a request before it is sent on, and the words for what was withheld."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from stillwatch_gateway.asked import asks_logprobs
from stillwatch_gateway.wire import Limits

LEAST_THINKING = 1024
"""Tokens: the smallest thinking budget that the messages form accepts; it must also be below `max_tokens`."""
_CAPS = {
    "chat": ("max_tokens", "max_completion_tokens"),
    "messages": ("max_tokens",),
    "responses": ("max_output_tokens",),
}


def trim_request(body: MutableMapping[str, Any], limits: Limits, form: str) -> tuple[str, ...]:
    """Edits `body` in place as `limits` say and returns what to tell the client: logprobs, max_tokens=N, reasoning ...

    `form` is chat, messages or responses; a body of any other is not edited, and only its answer's reasoning is told
    of. `n` stays as asked. Where thinking was asked for with a budget that the clamped length no longer holds, the
    budget is lowered with it (or thinking switched off), since the model's provider would refuse the request otherwise.
    """
    told: list[str] = []
    if form in _CAPS and not limits.logprobs and asks_logprobs(body):
        _without_logprobs(body)
        told.append("logprobs")
    if form in _CAPS and limits.max_tokens is not None and _clamp(body, _CAPS[form], limits.max_tokens):
        told.append(f"max_tokens={limits.max_tokens}")
        told.extend(_fit_thinking(body, limits.max_tokens))
    if limits.reasoning == "withhold":
        told.append("reasoning")
    elif limits.reasoning == "shorten":
        told.append("reasoning-shortened")
    return tuple(dict.fromkeys(told))


def _without_logprobs(body: MutableMapping[str, Any]) -> None:
    for name in ("logprobs", "top_logprobs"):
        body.pop(name, None)
    include = body.get("include")
    if isinstance(include, list):
        body["include"] = [one for one in include if not (isinstance(one, str) and "logprobs" in one)]


def _clamp(body: MutableMapping[str, Any], names: tuple[str, ...], most: int) -> bool:
    given = [name for name in names if body.get(name) is not None]
    if not given:
        body[names[0]] = most
        return True
    changed = False
    for name in given:
        asked = body[name]
        if isinstance(asked, bool) or not isinstance(asked, (int, float)) or asked > most:
            body[name] = most
            changed = True
    return changed


def _fit_thinking(body: MutableMapping[str, Any], most: int) -> tuple[str, ...]:
    """The three ways to ask for thinking, lowered to what `most` output tokens still hold."""
    told: list[str] = []
    thinking = body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    if isinstance(thinking, Mapping) and isinstance(budget, (int, float)) and budget >= most:
        if most > LEAST_THINKING:
            body["thinking"] = {**thinking, "budget_tokens": max(LEAST_THINKING, most // 2)}
        else:
            del body["thinking"]
        told.append("thinking-lowered")
    if _lower_effort(body, "reasoning_effort", most):
        told.append("reasoning-effort-lowered")
    reasoning = body.get("reasoning")
    if isinstance(reasoning, Mapping):
        copied = dict(reasoning)
        if _lower_effort(copied, "effort", most):
            body["reasoning"] = copied
            told.append("reasoning-effort-lowered")
    return tuple(told)


def _lower_effort(body: MutableMapping[str, Any], name: str, most: int) -> bool:
    """An effort is a budget that the gateway picks: `low` is the least of them, and must still fit."""
    if not isinstance(body.get(name), str) or body[name] == "none":
        return False
    if most <= LEAST_THINKING:
        del body[name]
        return True
    if body[name] in ("minimal", "low"):
        return False
    body[name] = "low"
    return True

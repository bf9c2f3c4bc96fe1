"""What a request asks for: its text and settings, read from a body in the chat, messages or responses form.

A body is what a client wrote, so nothing in it is relied on: a value of a wrong kind is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_TEXT_PARTS = frozenset(("text", "input_text", "output_text"))
_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def last_user_text(body: Mapping[str, Any]) -> str | None:
    """The last user message's text, parts joined by line feeds (as the sketch reads them); None where there is none."""
    for item in _turns_backwards(body):
        if isinstance(item, str):
            return item
        if isinstance(item, Mapping) and item.get("role") == "user":
            return text_of(item.get("content"))
    return None


def settings_asked(body: Mapping[str, Any]) -> dict[str, Any]:
    """temperature, top_p, max_tokens, n, logprobs, stream and tools (names) in the contract's words.

    `logprobs` is true where any form of them is asked for (`logprobs`, `top_logprobs`, the responses form's `include`).
    """
    out: dict[str, Any] = {}
    for name in ("temperature", "top_p"):
        if _number(body.get(name)):
            out[name] = float(body[name])
    caps = [body[name] for name in _CAPS if _whole(body.get(name))]
    if caps:
        out["max_tokens"] = caps[0]
    if _whole(body.get("n")):
        out["n"] = body["n"]
    out["logprobs"] = asks_logprobs(body)
    out["stream"] = body.get("stream") is True
    tools = body.get("tools")
    out["tools"] = [_tool_name(tool) for tool in tools[:512]] if isinstance(tools, list) else []
    return out


def asks_logprobs(body: Mapping[str, Any]) -> bool:
    """Whether a body asks for log probabilities in any of the three forms."""
    include = body.get("include")
    named = isinstance(include, list) and any(isinstance(one, str) and "logprobs" in one for one in include)
    asked = body.get("logprobs")
    return named or asked is True or _whole(asked) or bool(body.get("top_logprobs"))


def conversation(body: Mapping[str, Any]) -> list[Any] | None:
    """The messages as sent, oldest first; a bare `input` (responses form) or `prompt` is one user message."""
    for name in ("messages", "input", "prompt"):
        given = body.get(name)
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        if isinstance(given, list) and given and all(isinstance(item, (Mapping, str)) for item in given):
            return [{"role": "user", "content": item} if isinstance(item, str) else item for item in given]
    return None


def system_text(body: Mapping[str, Any]) -> str | None:
    """The system prompt where it stands beside the messages (`system`, `instructions`)."""
    for name in ("system", "instructions"):
        text = text_of(body.get(name))
        if text:
            return text
    return None


def text_of(content: object) -> str | None:
    """A string, or the text parts of a list of content parts joined by line feeds; None where there is no text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [
        part if isinstance(part, str) else part["text"]
        for part in content
        if isinstance(part, str)
        or (isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str))
    ]
    return "\n".join(texts) if texts else None


def _turns_backwards(body: Mapping[str, Any]) -> Iterator[Any]:
    for name in ("messages", "input", "prompt"):
        given = body.get(name)
        if isinstance(given, str):
            yield given
            return
        if isinstance(given, list):
            yield from reversed(given)
            return


def _tool_name(tool: object) -> str:
    if isinstance(tool, Mapping):
        function = tool.get("function")
        for name in (
            function.get("name") if isinstance(function, Mapping) else None,
            tool.get("name"),
            tool.get("type"),
        ):
            if isinstance(name, str):
                return name[:512]
    return "unnamed"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300

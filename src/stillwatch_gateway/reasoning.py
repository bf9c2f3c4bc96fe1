"""Withholds or shortens the reasoning in an answer: chat, messages and responses form; whole, in chunks, in SSE bytes.

A thinking block keeps its place and its signature and loses its text, as providers that omit thinking send it
themselves, so that the client can still carry the conversation on. What is encrypted stays: it tells the client
nothing. What is not understood passes unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, MutableMapping
from copy import deepcopy
from typing import Any

SHORT_CHARS = 280
"""Characters of each piece of reasoning that `shorten` leaves."""
LONGEST_EVENT = 4 << 20
"""Bytes of one server-sent event; a longer one is passed on unread."""

_BREAK = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_TEXTS = ("reasoning_content", "reasoning", "reasoning_text")
_DELTAS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta", "response.reasoning_summary.delta")
_DONES = ("response.reasoning_summary_text.done", "response.reasoning_text.done", "response.reasoning_summary.done")
_PARTS = ("response.reasoning_summary_part.added", "response.reasoning_summary_part.done")
_ITEMS = ("response.output_item.added", "response.output_item.done")


def edited_answer(answer: Any, mode: str) -> Any:
    """A copy of a whole answer (object or dict) with its reasoning withheld or shortened; the answer is not touched,
    since the gateway's own cache may hold it for other customers."""
    copied = deepcopy(answer)
    _Cut(mode).answer(copied)
    return copied


class StreamEdit:
    """Edits one stream's chunks in order. Not for use by two streams."""

    def __init__(self, mode: str) -> None:
        self._cut = _Cut(mode)
        self._held = b""

    def chunk(self, chunk: Any) -> Any:
        """The chunk as it is to be sent on; None: send nothing. Bytes and strings are read as server-sent events."""
        if isinstance(chunk, bytes):
            return self._bytes(chunk) or None
        if isinstance(chunk, str):
            return self._bytes(chunk.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass") or None
        copied = deepcopy(chunk)
        return copied if self._cut.event(copied) else None

    def rest(self) -> bytes:
        """What is left of an event that was cut off, unchanged."""
        held, self._held = self._held, b""
        return held

    def _bytes(self, given: bytes) -> bytes:
        seen = max(len(self._held) - 3, 0)
        held = self._held + given
        out: list[bytes] = []
        start = 0
        for found in _BREAK.finditer(held, seen):
            out.append(self._event(held[start : found.end()]))
            start = found.end()
        self._held = held[start:]
        if len(self._held) > LONGEST_EVENT:
            out.append(self.rest())
        return b"".join(out)

    def _event(self, raw: bytes) -> bytes:
        if b"reasoning" not in raw and b"thinking" not in raw:
            return raw
        lines = raw.splitlines()
        data = b"\n".join(line[5:].lstrip(b" ") for line in lines if line.startswith(b"data:"))
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return raw
        if not isinstance(event, dict):
            return raw
        before = json.dumps(event)
        if not self._cut.event(event):
            return b""
        after = json.dumps(event)
        if after == before:
            return raw
        kept = [line for line in lines if line and not line.startswith(b"data:")]
        return b"\n".join([*kept, b"data: " + after.encode("utf-8", "surrogatepass")]) + b"\n\n"


class _Cut:
    """Counts what is left of each piece of reasoning and cuts texts to it."""

    def __init__(self, mode: str) -> None:
        self._short = SHORT_CHARS if mode == "shorten" else 0
        self._left: dict[tuple[Any, ...], int] = {}

    def answer(self, answer: Any) -> None:
        for choice in _list(answer, "choices"):
            for side in ("message", "delta"):
                self._chat(_get(choice, side), ("whole", _get(choice, "index")))
        for block in _list(answer, "content"):
            if _get(block, "type") == "thinking":
                self._put(block, "thinking", None)
        for item in _list(answer, "output"):
            self._item(item)

    def event(self, event: Any) -> bool:
        """Edits one event in place; False: it is to be dropped."""
        kind = _get(event, "type")
        kind = getattr(kind, "value", kind)
        if not isinstance(kind, str):
            for choice in _list(event, "choices"):
                for side in ("delta", "message"):
                    self._chat(_get(choice, side), ("chat", _get(choice, "index")))
            return True
        place = tuple(_get(event, name) for name in ("output_index", "summary_index", "content_index", "index"))
        if kind == "content_block_delta":
            delta = _get(event, "delta")
            return _get(delta, "type") != "thinking_delta" or self._put(delta, "thinking", (kind, *place))
        if kind == "content_block_start":
            block = _get(event, "content_block")
            if _get(block, "type") == "thinking":
                self._put(block, "thinking", ("content_block_delta", *place))
        elif kind in _DELTAS:
            return self._put(event, "delta", (kind, *place))
        elif kind in _DONES:
            return self._put(event, "text", None)
        elif kind in _PARTS:
            return self._short > 0 and (self._put(_get(event, "part"), "text", None) or kind.endswith("added"))
        elif kind in _ITEMS:
            self._item(_get(event, "item"))
        elif kind.startswith("response."):
            self.answer(_get(event, "response"))
        elif kind == "message_start":
            self.answer(_get(event, "message"))
        return True

    def _chat(self, message: Any, place: tuple[Any, ...]) -> None:
        if message is None:
            return
        for side, holder in (("own", message), ("provider", _get(message, "provider_specific_fields"))):
            place = (*place, side)
            for name in _TEXTS:
                self._put(holder, name, (*place, name))
            for name in ("thinking_blocks", "reasoning_items", "reasoning_details"):
                for block in _list(holder, name):
                    for inner in ("thinking", "text", "reasoning"):
                        self._put(block, inner, (*place, name))
                    self._item(block, always=name == "reasoning_items")
                    for text in _list(block, "summary") if name == "reasoning_details" else ():
                        self._put(text, "text", (*place, name))
        for block in _list(message, "content"):
            if _get(block, "type") == "thinking":
                self._put(block, "thinking", (*place, "content"))

    def _item(self, item: Any, always: bool = False) -> None:
        if not always and _get(item, "type") != "reasoning":
            return
        for name in ("summary", "content"):
            parts = _list(item, name)
            if parts and not self._short:
                _set(item, name, [])
            for part in parts:
                self._put(part, "text", None)

    def _put(self, holder: Any, name: str, place: tuple[Any, ...] | None) -> bool:
        """Cuts one text; True where something of it is left (or it was none)."""
        text = _get(holder, name)
        if not isinstance(text, str) or not text:
            return True
        left = self._short if place is None else self._left.get(place, self._short)
        kept = text[:left]
        if place is not None:
            self._left[place] = left - len(kept)
        if kept != text:
            _set(holder, name, kept if kept or name == "thinking" else _empty(holder))
        return bool(kept)


def _empty(holder: Any) -> str | None:
    """Objects leave a None out when they are written; a dict's text stays a text."""
    return "" if isinstance(holder, Mapping) else None


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _set(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, MutableMapping):
        holder[name] = value
    else:
        setattr(holder, name, value)


def _list(holder: Any, name: str) -> list[Any]:
    value = _get(holder, name)
    return value if isinstance(value, list) else []

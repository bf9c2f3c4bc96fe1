"""The plug-in with faults that an account's name calls for, so that one proxy shows all of them."""

from __future__ import annotations

from typing import Any

import stillwatch_gateway.litellm_plugin as plugin

handler = plugin.handler
_caller_of, _row, _edited, _Edit = plugin.caller_of, plugin.row_at_arrival, plugin.edited_answer, plugin.StreamEdit

_call_of = plugin.Stillwatch._call


def caller_of(auth: Any) -> Any:
    if auth.user_id == "faulty-judge":
        raise RuntimeError("a fault of ours, before judging")
    return _caller_of(auth)


def row_at_arrival(data: Any, caller: Any, *rest: Any, **more: Any) -> Any:
    if caller.account == "faulty-row":
        raise MemoryError("a fault of ours, while recording")
    return _row(data, caller, *rest, **more)


def edited_answer(answer: Any, mode: str) -> Any:
    if "faulty-edit" in str(answer):
        raise AttributeError("choices")
    return _edited(answer, mode)


class StreamEdit(_Edit):  # type: ignore[misc, valid-type]
    broken = False

    def chunk(self, chunk: Any) -> Any:
        if "faulty-edit" in str(chunk):
            self.broken = True
            raise AttributeError("choices")
        return super().chunk(chunk)

    def rest(self) -> bytes:
        if self.broken:
            raise MemoryError("a fault of ours, at a stream's end")
        return super().rest()


def call_of(self: Any, data: Any) -> Any:
    found = _call_of(self, data)
    if found is not None and found.row is not None and found.row["account_id"] == "faulty-call":
        raise KeyError("a fault of ours, in every hook after the first")
    return found


plugin.Stillwatch._call = call_of
plugin.caller_of, plugin.row_at_arrival = caller_of, row_at_arrival
plugin.edited_answer, plugin.StreamEdit = edited_answer, StreamEdit

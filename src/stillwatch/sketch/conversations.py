"""Walk each conversation's JSON where it lies, and take out the last user message, the system prompt and the turns.

A numba scanner over the Arrow buffer: a string without escapes is hashed in place, others are decoded first
(``\\n``, ``\\uXXXX``, surrogate pairs; a lone surrogate becomes U+FFFD). Nothing recurses, so depth costs nothing.
What is no array of messages is *unknown*: the row is kept and `prompt` and `system` speak for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from stillwatch.sketch.json_scan import content_text, has_no_escape, is_word, skip_space, skip_string, skip_value
from stillwatch.sketch.siphash import siphash, siphash_numbers, trimmed

Array = Any


class Text(NamedTuple):
    """A string column as the kernels see it: bytes, offsets (one more than rows), and which rows are known."""

    data: Array
    offsets: Array
    known: Array


class Conversations(NamedTuple):
    """What `take_apart` leaves. `prompts` holds all last user messages (``prompt_starts`` and ``prompt_ends``; start -1
    where there is none). `systems` holds each *distinct* system prompt once;
    ``system_of`` is its number or -1. ``turns`` is -1 where the conversation is unknown, ``history`` is valid where
    ``has_history``. ``turn_rows`` and ``turn_hashes`` list assistant turns."""

    prompts: Array
    prompt_starts: Array
    prompt_ends: Array
    systems: Array
    system_starts: Array
    system_ends: Array
    system_of: Array
    turns: Array
    assistant_turns: Array
    unread: Array
    history: Array
    has_history: Array
    turn_rows: Array
    turn_hashes: Array


_ROLE = np.frombuffer(b"role", dtype=np.uint8).copy()
_CONTENT = np.frombuffer(b"content", dtype=np.uint8).copy()
_USER = np.frombuffer(b"user", dtype=np.uint8).copy()
_HUMAN = np.frombuffer(b"human", dtype=np.uint8).copy()
_ASSISTANT = np.frombuffer(b"assistant", dtype=np.uint8).copy()
_MODEL = np.frombuffer(b"model", dtype=np.uint8).copy()
_SYSTEM = np.frombuffer(b"system", dtype=np.uint8).copy()
_DEVELOPER = np.frombuffer(b"developer", dtype=np.uint8).copy()
_OTHER_ROLE, _USER_ROLE, _ASSISTANT_ROLE, _SYSTEM_ROLE = 0, 1, 2, 3


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _role(buffer: Array, start: int, end: int) -> int:
    if is_word(buffer, start, end, _USER) or is_word(buffer, start, end, _HUMAN):
        return _USER_ROLE
    if is_word(buffer, start, end, _ASSISTANT) or is_word(buffer, start, end, _MODEL):
        return _ASSISTANT_ROLE
    if is_word(buffer, start, end, _SYSTEM) or is_word(buffer, start, end, _DEVELOPER):
        return _SYSTEM_ROLE
    return _OTHER_ROLE


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _room(arena: Array, used: int, more: int) -> Array:
    """The arena itself, or a larger copy where `more` bytes and some slack don't fit."""
    if used + more + 16 <= arena.size:
        return arena
    new = np.empty(max(2 * arena.size, used + more + 16), dtype=np.uint8)
    new[:used] = arena[:used]
    return new


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _message(buffer: Array, i: int, end: int) -> Any:
    """(position after, role, content start, content end) of the object at `i`; position -1 where it is broken."""
    role, start, stop = _OTHER_ROLE, -1, -1
    i = skip_space(buffer, i + 1, end)
    if i < end and buffer[i] == 0x7D:
        return i + 1, role, start, stop
    while i < end:
        if buffer[i] != 0x22:
            break
        close = skip_string(buffer, i + 1, end)
        if close < 0:
            break
        colon = skip_space(buffer, close + 1, end)
        if colon >= end or buffer[colon] != 0x3A:
            break
        value = skip_space(buffer, colon + 1, end)
        after = skip_value(buffer, value, end)
        if after < 0:
            break
        if is_word(buffer, i + 1, close, _ROLE):
            role = _OTHER_ROLE
            if buffer[value] == 0x22:
                role = _role(buffer, value + 1, after - 1)
        elif is_word(buffer, i + 1, close, _CONTENT):
            start, stop = value, after
        i = skip_space(buffer, after, end)
        if i < end and buffer[i] == 0x2C:
            i = skip_space(buffer, i + 1, end)
        elif i < end and buffer[i] == 0x7D:
            return i + 1, role, start, stop
        else:
            break
    return -1, role, start, stop


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _well_formed(buffer: Array, i: int, end: int, roles: Array, starts: Array, stops: Array) -> Any:
    """(messages found or -1, the three arrays, which may have grown) of one row's JSON."""
    count = 0
    i = skip_space(buffer, i, end)
    if i >= end or buffer[i] != 0x5B:
        return -1, roles, starts, stops
    i = skip_space(buffer, i + 1, end)
    closed = i < end and buffer[i] == 0x5D
    if closed:
        i += 1
    while not closed:
        if i >= end:
            return -1, roles, starts, stops
        role, start, stop = _OTHER_ROLE, -1, -1
        if buffer[i] == 0x7B:
            i, role, start, stop = _message(buffer, i, end)
        else:
            i = skip_value(buffer, i, end)
        if i < 0:
            return -1, roles, starts, stops
        if count == roles.size:
            roles = np.append(roles, np.zeros_like(roles))
            starts = np.append(starts, np.zeros_like(starts))
            stops = np.append(stops, np.zeros_like(stops))
        roles[count], starts[count], stops[count] = role, start, stop
        count += 1
        i = skip_space(buffer, i, end)
        if i < end and buffer[i] == 0x2C:
            i = skip_space(buffer, i + 1, end)
        elif i < end and buffer[i] == 0x5D:
            closed = True
            i += 1
        else:
            return -1, roles, starts, stops
    if skip_space(buffer, i, end) != end:
        return -1, roles, starts, stops
    return count, roles, starts, stops


def take_apart(messages: Text, prompt: Text, system: Text, turn_key: Any, history_key: Any) -> Conversations:
    """Take apart every row. All three columns have equal rows and valid UTF-8.

    The last user message is the last one that holds text: an agent's tool results are no words of a user's. Where no
    row has a conversation, the prompts stay where they lie and are not copied.
    """
    in_place = not messages.known.any()
    talk = Conversations(*_take_apart(messages, prompt, system, turn_key, history_key, in_place))
    return talk._replace(prompts=prompt.data) if in_place else talk


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _take_apart(
    messages: Text, prompt: Text, system: Text, turn_key: Any, history_key: Any, in_place: bool
) -> Any:
    rows = messages.known.size
    tk0, tk1, hk0, hk1 = turn_key[0], turn_key[1], history_key[0], history_key[1]
    copied = 0 if in_place else np.int64(prompt.offsets[rows]) - prompt.offsets[0]
    prompts = np.empty(copied + 65536, dtype=np.uint8)
    systems = np.empty(65536, dtype=np.uint8)
    prompt_starts, prompt_ends = np.full(rows, -1, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    system_starts, system_ends = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    system_of = np.full(rows, -1, dtype=np.int32)
    turns, assistant_turns = np.full(rows, -1, dtype=np.int32), np.zeros(rows, dtype=np.int32)
    unread = np.zeros(rows, dtype=np.int32)
    history, has_history = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.bool_)
    turn_rows, turn_hashes = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int64)
    roles, starts, stops = np.zeros(64, np.int64), np.zeros(64, np.int64), np.zeros(64, np.int64)
    said, scratch = np.zeros(128, dtype=np.uint64), np.empty(65536, dtype=np.uint8)
    slots = 16
    while slots < 2 * rows:
        slots *= 2
    seen, seen_hash = np.full(slots, -1, dtype=np.int32), np.zeros(rows, dtype=np.uint64)
    used = system_used = distinct = turn_count = 0
    buffer = messages.data
    for row in range(rows):
        count = -1
        last_user = first_system = -1
        if messages.known[row]:
            begin, end = np.int64(messages.offsets[row]), np.int64(messages.offsets[row + 1])
            count, roles, starts, stops = _well_formed(buffer, begin, end, roles, starts, stops)
            scratch = _room(scratch, 0, end - begin)
        if count > 0:
            turns[row] = count
            if 2 * count > said.size:
                said = np.zeros(4 * count, dtype=np.uint64)
            for k in range(count):
                said[2 * k], said[2 * k + 1] = np.uint64(roles[k]), np.uint64(0)
                if roles[k] == _ASSISTANT_ROLE:
                    assistant_turns[row] += 1
                if starts[k] < 0:
                    continue
                start, stop = starts[k], stops[k]
                found = True
                if buffer[start] == 0x22 and has_no_escape(buffer, start + 1, stop - 1):
                    first, last = trimmed(buffer, start + 1, stop - 1)
                    hashed = siphash(buffer, first, last, tk0, tk1)
                    found = last > first
                else:
                    length, missed = content_text(buffer, start, stop, scratch, 0)
                    unread[row] += missed
                    first, last = trimmed(scratch, 0, length)
                    hashed = siphash(scratch, first, last, tk0, tk1)
                    found = last > first
                said[2 * k + 1] = hashed
                if not found:
                    continue
                if roles[k] == _USER_ROLE:
                    last_user = k
                elif roles[k] == _SYSTEM_ROLE and first_system < 0:
                    first_system = k
                elif roles[k] == _ASSISTANT_ROLE:
                    if turn_count == turn_rows.size:
                        turn_rows = np.append(turn_rows, np.zeros_like(turn_rows))
                        turn_hashes = np.append(turn_hashes, np.zeros_like(turn_hashes))
                    turn_rows[turn_count] = row
                    turn_hashes[turn_count] = np.int64(hashed)
                    turn_count += 1
            if last_user >= 0:
                for k in range(last_user, count - 1):
                    said[2 * k], said[2 * k + 1] = said[2 * k + 2], said[2 * k + 3]
                count -= 1
            if count > 0:
                has_history[row] = True
                history[row] = np.int64(siphash_numbers(said, 2 * count, hk0, hk1))
        if last_user >= 0:
            start, stop = starts[last_user], stops[last_user]
            prompts = _room(prompts, used, stop - start)
            prompt_starts[row] = used
            used, _ = content_text(buffer, start, stop, prompts, used)
            prompt_ends[row] = used
        elif prompt.known[row]:
            start, stop = np.int64(prompt.offsets[row]), np.int64(prompt.offsets[row + 1])
            if in_place:
                prompt_starts[row], prompt_ends[row] = start, stop
            else:
                prompts = _room(prompts, used, stop - start)
                prompt_starts[row] = used
                prompts[used : used + stop - start] = prompt.data[start:stop]
                used += stop - start  # type: ignore[assignment]
                prompt_ends[row] = used
        length = 0
        if first_system >= 0:
            start, stop = starts[first_system], stops[first_system]
            systems = _room(systems, system_used, stop - start)
            length, _ = content_text(buffer, start, stop, systems, system_used)
            length -= system_used
        elif system.known[row]:
            start, stop = np.int64(system.offsets[row]), np.int64(system.offsets[row + 1])
            length = stop - start
            systems = _room(systems, system_used, length)
            systems[system_used : system_used + length] = system.data[start:stop]
        if length > 0:
            hashed = siphash(systems, system_used, system_used + length, tk0, tk1)
            slot = np.int64(hashed & np.uint64(slots - 1))
            while seen[slot] >= 0 and seen_hash[seen[slot]] != hashed:
                slot = (slot + 1) & (slots - 1)
            if seen[slot] < 0:
                seen[slot] = distinct
                seen_hash[distinct] = hashed
                system_starts[distinct], system_ends[distinct] = system_used, system_used + length
                system_used += length
                distinct += 1
            system_of[row] = seen[slot]
    return (
        prompts[:used], prompt_starts, prompt_ends, systems[:system_used], system_starts[:distinct],
        system_ends[:distinct], system_of, turns, assistant_turns, unread, history, has_history,
        turn_rows[:turn_count], turn_hashes[:turn_count],
    )  # fmt: skip


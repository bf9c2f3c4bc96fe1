"""The text pass: a batch of exchanges goes in, what is kept of them comes out. The text ends here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.sketched import Sketched
from stillwatch.records.tables import EXCHANGE, FINGERPRINTS, KEPT, TURNS
from stillwatch.sketch.account_sums import sum_by_account
from stillwatch.sketch.columns import int64_array, known, number_array, read_only, text_column
from stillwatch.sketch.conversations import Conversations, take_apart
from stillwatch.sketch.identifiers import canonical_addresses, hash_identifiers, networks
from stillwatch.sketch.naming import language_names, script_indices, script_names
from stillwatch.sketch.reading import (
    CLOSING_KNOWN,
    FOLDED_KNOWN,
    OPENING_KNOWN,
    TOPIC_KNOWN,
    Reading,
    read_texts,
)
from stillwatch.sketch.rule_scan import CompiledRules
from stillwatch.sketch.siphash import domain_key, siphash_pairs, siphash_spans
from stillwatch.sketch.tool_sets import hash_tool_sets

Array = Any

LONGEST_NAME = 128
_KEPT, _FINGERPRINTS, _TURNS = arrow_schema(KEPT), arrow_schema(FINGERPRINTS), arrow_schema(TURNS)
_EXCHANGE = arrow_schema(EXCHANGE)
_INTEGERS = (
    "input_tokens", "output_tokens", "reasoning_tokens", "max_tokens", "n", "status",
)  # fmt: skip
_REALS = ("temperature", "top_p", "latency_ms", "cost_usd")


def sketch_batch(batch: pa.RecordBatch, accounts: Array, key: bytes, rules: CompiledRules) -> Sketched:
    """Sketch a batch in the layout EXCHANGE; ``accounts`` (int32) gives each row's account number.

    The result follows KEPT (a row for each exchange, same order), FINGERPRINTS and TURNS (summed over the batch).
    Texts are read to `LONGEST_TEXT` bytes, completions and turns whole. A pure function of its arguments.
    """
    columns = {name: _column(batch, name) for name in _EXCHANGE.names}
    accounts = read_only(np.ascontiguousarray(accounts, dtype=np.int32))
    times = columns["started_at"]
    timed = read_only(known(times))
    moments = read_only(np.asarray(times.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64))

    messages, said, told = (text_column(columns[name]) for name in ("messages", "prompt", "system"))
    talk = take_apart(messages, said, told, domain_key(key, "turn"), domain_key(key, "history"))
    prompt_keys = domain_key(key, "prompt"), domain_key(key, "masked")
    system_keys = domain_key(key, "system"), domain_key(key, "system masked")
    prompt = read_texts(read_only(talk.prompts), talk.prompt_starts, talk.prompt_ends, *prompt_keys, sample=True)
    system = read_texts(read_only(talk.systems), talk.system_starts, talk.system_ends, *system_keys, sample=False)

    kept: dict[str, pa.Array] = {
        "exchange_id": columns["exchange_id"],
        "started_at": times,
        "account": pa.array(accounts),
        "model": _names(columns["model"], _bounded),
        "channel": _names(columns["channel"], _bounded),
        "country": _names(columns["country"], _country),
        "finish_reason": _names(columns["finish_reason"], lambda text: (_bounded(text) or "").lower() or None),
        "logprobs": columns["logprobs"],
        "stream": columns["stream"],
    }
    kept.update(_identities(columns, key))
    kept.update(_prompt_columns(talk, prompt, rules))
    kept.update(_system_columns(talk, system, rules))
    kept.update(_completion_columns(columns["completion"], key))
    kept.update(_numbers(columns))
    return Sketched(
        pa.RecordBatch.from_arrays([kept[name] for name in _KEPT.names], schema=_KEPT),
        _sums(_FINGERPRINTS, prompt.sampled_text, prompt.sampled, accounts, moments, timed),
        _sums(_TURNS, talk.turn_rows, talk.turn_hashes, accounts, moments, timed),
    )


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The batch's column in its contract type; all null where the batch lacks it."""
    at = batch.schema.get_field_index(name)
    wanted = _EXCHANGE.field(name).type
    if at < 0:
        return pa.nulls(batch.num_rows, wanted)
    column = batch.column(at)
    return column if column.type == wanted else column.cast(wanted)


def _names(values: pa.Array, change: Callable[[str], str | None]) -> pa.Array:
    """Short names: each distinct value goes through `change` once."""
    coded = values.dictionary_encode()
    changed = [None if v is None else change(v) for v in coded.dictionary.to_pylist()]
    return pa.array(changed, pa.string()).take(coded.indices)


def _bounded(text: str) -> str | None:
    return "".join(c for c in text[:LONGEST_NAME] if c.isprintable()).strip() or None


def _country(text: str) -> str | None:
    text = text.strip().upper()
    return text if len(text) == 2 and text.isascii() and text.isalpha() else None


def _identities(columns: dict[str, pa.Array], key: bytes) -> dict[str, pa.Array]:
    pairs = (
        ("org", "org_id"), ("key", "key_id"), ("end_user", "end_user_id"), ("session", "session_id"),
        ("user_agent", "user_agent"),
    )  # fmt: skip
    out = {kept: hash_identifiers(columns[name], kept, key) for kept, name in pairs}
    out["ip"] = hash_identifiers(canonical_addresses(columns["ip"]), "ip", key)
    out["net"] = hash_identifiers(networks(columns["ip"]), "net", key)
    out["asn"] = hash_identifiers(columns["asn"].cast(pa.string()), "asn", key)
    client = hash_identifiers(columns["client_fingerprint"], "client_fingerprint", key)
    has_either = known(client) | known(out["user_agent"])
    halves = (read_only(_values(client)), read_only(_values(out["user_agent"])))
    out["client"] = int64_array(siphash_pairs(*halves, *domain_key(key, "client")), has_either)
    tools = columns["tools"]
    has_tools = known(tools)
    offered, tool_hash = hash_tool_sets(tools, domain_key(key, "tools"))
    out["tools"] = int64_array(tool_hash, has_tools)
    out["tool_count"] = number_array(offered, has_tools, pa.int16())
    return out


def _values(numbers: pa.Array) -> Array:
    return np.asarray(numbers.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _prompt_columns(talk: Conversations, prompt: Reading, rules: CompiledRules) -> dict[str, pa.Array]:
    here = talk.prompt_starts >= 0
    folded = (prompt.known & FOLDED_KNOWN) > 0
    told = talk.turns >= 0
    scripts = script_indices(prompt.scripts)
    rows, codes = rules.prompt.matches(talk.prompts, talk.prompt_starts, talk.prompt_ends)
    return {
        "prompt": int64_array(prompt.folded, folded),
        "masked": int64_array(prompt.masked, folded),
        "opening": int64_array(prompt.opening, (prompt.known & OPENING_KNOWN) > 0),
        "closing": int64_array(prompt.closing, (prompt.known & CLOSING_KNOWN) > 0),
        "topic": int64_array(prompt.topic, (prompt.known & TOPIC_KNOWN) > 0),
        "prompt_chars": number_array(prompt.chars, here, pa.int32()),
        "prompt_words": number_array(prompt.words, here, pa.int32()),
        "turns": number_array(talk.turns, told, pa.int16()),
        "assistant_turns": number_array(talk.assistant_turns, told, pa.int16()),
        "history": int64_array(talk.history, talk.has_history),
        "parts_unread": number_array(talk.unread, told, pa.int16()),
        "script": script_names(scripts, here),
        "language": language_names(scripts, prompt.languages, here),
        "patterns": _code_lists(rows, codes, here),
    }


def _system_columns(talk: Conversations, system: Reading, rules: CompiledRules) -> dict[str, pa.Array]:
    here = talk.system_of >= 0
    of = np.maximum(talk.system_of, 0)
    if not len(talk.system_starts):
        empty = np.zeros(len(here), dtype=np.int64)
        return {
            "system": int64_array(empty, here),
            "system_opening": int64_array(empty, here),
            "system_chars": number_array(empty, here, pa.int32()),
            "system_patterns": _code_lists(np.empty(0, np.int64), np.empty(0, np.int16), here),
        }
    rows, codes = rules.system.matches(talk.systems, talk.system_starts, talk.system_ends)
    distinct = _code_lists(rows, codes, np.ones(len(talk.system_starts), dtype=np.bool_))
    return {
        "system": int64_array(system.folded[of], here & ((system.known[of] & FOLDED_KNOWN) > 0)),
        "system_opening": int64_array(system.opening[of], here & ((system.known[of] & OPENING_KNOWN) > 0)),
        "system_chars": number_array(system.chars[of], here, pa.int32()),
        "system_patterns": distinct.take(pa.array(of, mask=~here)),
    }


def _code_lists(rows: Array, codes: Array, here: Array) -> pa.Array:
    """One list of rule codes a row, null where there is no text."""
    offsets = np.zeros(len(here) + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=len(here)), out=offsets[1:])
    mask = None if here.all() else pa.array(~here)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(codes, pa.int16()), pa.list_(pa.int16()), mask=mask)


def _completion_columns(values: pa.Array, key: bytes) -> dict[str, pa.Array]:
    text = text_column(values)
    hashes = np.zeros(len(values), dtype=np.int64)
    # The domain and the trimming of a turn in a history: the two must meet.
    siphash_spans(text.data, text.offsets, *domain_key(key, "turn"), True, hashes)
    nothing = np.zeros(1, dtype=np.int64)
    siphash_spans(text.data, read_only(np.zeros(2, dtype=np.int32)), *domain_key(key, "turn"), True, nothing)
    return {
        "completion": int64_array(hashes, text.known & (hashes != nothing[0])),
        "completion_chars": _characters(values),
    }


def _characters(values: pa.Array) -> pa.Array:
    try:
        return pc.utf8_length(values)
    except pa.ArrowInvalid:
        return pc.binary_length(values)


def _numbers(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    out: dict[str, pa.Array] = {}
    for name in _INTEGERS:
        values = _values(columns[name])
        out[name] = number_array(values, known(columns[name]) & (values >= 0), _KEPT.field(name).type)
    for name in _REALS:
        reals = np.asarray(columns[name].fill_null(0.0).to_numpy(zero_copy_only=False), dtype=np.float64)
        fits = np.abs(reals) < np.finfo(np.float32).max
        out[name] = number_array(np.where(fits, reals, 0.0), known(columns[name]) & fits, pa.float32())
    return out


def _sums(schema: pa.Schema, rows: Array, values: Array, accounts: Array, moments: Array, timed: Array) -> Any:
    account, value, n, first, last = sum_by_account(rows, values, accounts, moments, timed)
    dated = first <= last
    time_type = schema.field("first_at").type
    arrays = [
        pa.array(account),
        pa.array(value),
        pa.array(n),
        int64_array(first, dated).cast(time_type),
        int64_array(last, dated).cast(time_type),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

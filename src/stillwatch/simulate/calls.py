"""Turns the conversations of a cohort into exchanges in the contract's columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.simulate.cohort import Traffic
from stillwatch.simulate.grammar import Ints, Keys, Writer, gather, mix, quoted, share
from stillwatch.simulate.people import Floats, People
from stillwatch.simulate.stage import HOUR_US, Stage
from stillwatch.simulate.texts.everyday import FOLLOW, PROSE

TURNS_MAX = 8
STAMP = pa.timestamp("us", tz="UTC")
REFUSALS = pa.array(
    [
        "I can't help with that request.",
        "Sorry, that is not something I can provide.",
        "I won't do that, but I can offer a summary.",
    ]
)
SCHEMA = pa.schema(
    [
        ("exchange_id", pa.string()),
        ("started_at", STAMP),
        ("account_id", pa.string()),
        ("model", pa.string()),
        ("org_id", pa.string()),
        ("key_id", pa.string()),
        ("end_user_id", pa.string()),
        ("session_id", pa.string()),
        ("channel", pa.string()),
        ("messages", pa.string()),
        ("prompt", pa.string()),
        ("system", pa.string()),
        ("completion", pa.string()),
        ("finish_reason", pa.string()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("temperature", pa.float64()),
        ("top_p", pa.float64()),
        ("max_tokens", pa.int64()),
        ("n", pa.int64()),
        ("logprobs", pa.bool_()),
        ("stream", pa.bool_()),
        ("tools", pa.list_(pa.string())),
        ("status", pa.int64()),
        ("latency_ms", pa.float64()),
        ("cost_usd", pa.float64()),
        ("ip", pa.string()),
        ("asn", pa.int64()),
        ("country", pa.string()),
        ("user_agent", pa.string()),
        ("client_fingerprint", pa.string()),
    ]
)


def hex_ids(keys: Any, prefix: str = "") -> Any:
    """A 16-digit name for each 64-bit number."""
    raw = np.ascontiguousarray(keys, ">u8").tobytes().hex().encode()
    offsets = np.arange(0, len(raw) + 1, 16, dtype=np.int32)
    plain = pa.StringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(raw))
    return pc.binary_join_element_wise(prefix, plain, "") if prefix else plain


def _numbers(
    stage: Stage, people: People, traffic: Traffic, account: Ints, count: int, rng: np.random.Generator
) -> Any:
    """Each exchange's task number: fresh, dealt from a queue, drawn from a pool, or walked through by each account."""
    name = traffic.queue or f"{people.cohort.name}/{id(traffic)}"
    base = np.uint64(mix(np.array([sum(map(ord, stage.label + traffic.queue))], np.uint64), 3)[0])
    if traffic.items == "queue":
        begin = stage.queues.get(name, 0)
        stage.queues[name] = begin + count
        number = np.arange(begin, begin + count)
    elif traffic.items == "pool":
        number = rng.integers(0, max(1, traffic.item_count), count)
    elif traffic.items == "walk":
        order = np.argsort(account, kind="stable")
        starts = np.r_[0, np.flatnonzero(np.diff(account[order])) + 1] if count else np.zeros(0, np.int64)
        rank = np.empty(count, np.int64)
        rank[order] = np.arange(count) - np.repeat(starts, np.diff(np.r_[starts, count]))
        number = (rank + people.made[account]) % max(1, traffic.item_count)
        people.made += np.bincount(account, minlength=len(people.ids))
    else:
        return rng.integers(0, 1 << 63, count).astype(np.uint64)
    return mix(number.astype(np.uint64) + base, 77)


def _histories(
    prompts: Any, answers: Any, session: Ints, turn: Ints, traffic: Traffic, keys: Keys, rng: np.random.Generator
) -> Any:
    """The inbound conversation as the inside of a JSON array, without the system prompt."""
    said, answered = quoted(prompts), quoted(answers)
    tool = (traffic.tools or ["tool"])[0]
    if traffic.parts:
        user = pc.if_else(
            pa.array(turn > 0),
            pc.binary_join_element_wise(
                '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"ok"},{"type":"text","text":',
                said,
                "}]}",
                "",
            ),
            pc.binary_join_element_wise('{"role":"user","content":', said, "}", ""),
        )
        reply = pc.binary_join_element_wise(
            '{"role":"assistant","content":[{"type":"text","text":',
            answered,
            '},{"type":"tool_use","id":"t1","name":"' + tool + '","input":{}}]}',
            "",
        )
    else:
        user = pc.binary_join_element_wise('{"role":"user","content":', said, "}", "")
        reply = pc.binary_join_element_wise('{"role":"assistant","content":', answered, "}", "")
    pairs = pc.binary_join_element_wise(user, ",", reply, ",", "")
    first = np.flatnonzero(turn == 0)
    before: Any = pa.array([""] * len(first))
    if traffic.foreign > 0:
        foreign: Writer = traffic.said.foreign or PROSE
        old = keys.at(first)
        past = old.at(np.arange(len(first)))
        past.row, past.item = mix(old.row, 41), mix(old.item, 43)
        asked = pc.binary_join_element_wise(
            '{"role":"user","content":',
            quoted(traffic.said.prompt(past)),
            '},{"role":"assistant","content":',
            quoted(foreign(past)),
            "},",
            "",
        )
        before = pc.if_else(pa.array(rng.random(len(first)) < traffic.foreign), asked, before)
    parts: list[tuple[Ints, Any]] = [(first, before)]
    last, held = first, before
    for t in range(1, int(turn.max(initial=0)) + 1):
        now = np.flatnonzero(turn == t)
        keep = np.searchsorted(session[last], session[now])
        held = pc.binary_join_element_wise(held.take(pa.array(keep)), pairs.take(pa.array(now - 1)), "")
        parts.append((now, held))
        last = now
    return pc.binary_join_element_wise(gather(parts, len(turn)), user, "")


def exchanges(
    stage: Stage, people: People, traffic: Traffic, account: Ints, at: Floats, rng: np.random.Generator
) -> Any:
    """The exchanges of these conversations (account position and beginning in hours), as a table of the contract."""
    c, line, said = people.cohort, people.cohort.line, traffic.said
    turns = (
        np.minimum(rng.geometric(1 / max(1.0, traffic.turns), len(account)), TURNS_MAX)
        if traffic.turns > 1
        else np.ones(len(account), np.int64)
    )
    session = np.repeat(np.arange(len(account)), turns)
    turn = np.arange(len(session)) - np.repeat(np.cumsum(turns) - turns, turns)
    n = len(session)
    steps = np.where(turn > 0, rng.exponential(traffic.gap_s / 3600, n) + 0.0005, 0.0)
    run = np.cumsum(steps)
    hours = at[session] + run - np.repeat(run[np.cumsum(turns) - turns], turns)
    who = account[session]
    keep = hours < np.minimum(people.ends[who], stage.days) * 24
    account, session, turn, hours, who = account, session[keep], turn[keep], hours[keep], who[keep]
    n = len(session)
    row = rng.integers(0, 1 << 63, n).astype(np.uint64)
    sessions = rng.integers(0, 1 << 63, len(account)).astype(np.uint64)[session]
    home = np.uint64(
        mix(
            np.array([sum(ord(x) * (i + 1) for i, x in enumerate(stage.label + c.name + traffic.queue))], np.uint64), 5
        )[0]
    )
    which = (people.seeds[who] if traffic.template_by == "account" else row) % np.uint64(max(1, traffic.templates))
    keys = Keys(
        row,
        sessions,
        people.seeds[who],
        _numbers(stage, people, traffic, who, n, rng),
        mix(which + home, 9),
        turn,
        traffic.loose,
    )
    later, opening = np.flatnonzero(turn > 0), np.flatnonzero(turn == 0)
    prompts = (
        gather(
            [
                (opening, said.prompt(keys.at(opening))),
                *([(later, (said.follow or FOLLOW)(keys.at(later)))] if len(later) else []),
            ],
            n,
        )
        if n
        else pa.array([], pa.string())
    )
    answers = (said.answer or PROSE)(keys)
    system = said.system(keys) if said.system else pa.array([""] * n, pa.string())
    final = np.r_[session[1:] != session[:-1], True] if n else np.zeros(0, bool)
    failed = (rng.random(n) < traffic.errors) & final
    refused = ~failed & (rng.random(n) < traffic.refused)
    phrases = (row % np.uint64(3)).astype(np.int64)
    answers = pc.if_else(pa.array(refused), REFUSALS.take(pa.array(phrases)), answers)
    inside = _histories(prompts, answers, session, turn, traffic, keys, rng)
    spoken = pc.if_else(
        pc.equal(system, ""), "", pc.binary_join_element_wise('{"role":"system","content":', quoted(system), "},", "")
    )
    messages = pc.binary_join_element_wise("[", spoken, inside, "]", "")

    size_in = (
        pc.binary_length(messages).to_numpy(zero_copy_only=False) / 4
        + traffic.input_tokens * rng.lognormal(-0.1, 0.5, n)
    ).astype(np.int64)
    size_out = np.where(failed, 0, np.where(refused, 40, traffic.output_tokens * rng.lognormal(-0.1, 0.5, n))).astype(
        np.int64
    )
    thought = np.where(failed | refused, 0, size_out * traffic.reasoning * rng.uniform(0.2, 2, n)).astype(np.int64)
    moved = (hours / 24 >= people.adopts_at[who]) & (share(row, 61) < c.adopt[0]) & (people.favourite[who] != 1)
    model = np.where(moved, 2, people.favourite[who])
    asks = people.seeds[who]
    temperatures, most = pa.array(traffic.temperature, pa.float64()), pa.array(traffic.max_tokens, pa.int64())
    own = people.addresses[who, (mix(sessions, 8) % np.uint64(people.addresses.shape[1])).astype(np.int64)]
    out = people.pooled[(mix(sessions, 9) % np.uint64(len(people.pooled))).astype(np.int64)]
    ip = pa.array(np.where(share(sessions, 10) < line.pooled, out, own))
    text, asn, country = stage.addresses.columns()
    agent = pa.array(people.agents[who, (mix(sessions, 11) % np.uint64(people.agents.shape[1])).astype(np.int64)])
    channels = list(line.channels)
    edges = np.cumsum(list(line.channels.values())) / sum(line.channels.values())
    channel = np.searchsorted(edges, share(asks, 12), side="right")
    tools = pa.array([traffic.tools or []] * n, pa.list_(pa.string()))
    status = np.where(failed, np.where(share(row, 13) < 0.6, 429, 503), 200)
    users = mix(asks + (mix(sessions, 14) % np.uint64(max(1, line.end_users))), 15)
    finish = pa.array(["stop", "length", "refusal", "tool_use", None]).take(
        pa.array(
            np.where(
                failed,
                4,
                np.where(
                    refused,
                    2,
                    np.where(
                        (traffic.tools is not None) & (share(row, 16) < 0.6), 3, np.where(share(row, 17) < 0.03, 1, 0)
                    ),
                ),
            )
        )
    )
    begin = int(stage.start.timestamp() * 1e6)
    none = pa.nulls(n, pa.string())
    columns: dict[str, Any] = {
        "exchange_id": hex_ids(mix(row, 18)),
        "started_at": pa.array(begin + (hours * HOUR_US).astype(np.int64)).cast(STAMP),
        "account_id": pa.array(people.ids).take(pa.array(who)),
        "model": pa.array(stage.models).take(pa.array(model)),
        "org_id": pa.array(people.orgs).take(pa.array(who)),
        "key_id": hex_ids(people.keys[who, (mix(sessions, 19) % np.uint64(line.keys)).astype(np.int64)], "key_"),
        "end_user_id": hex_ids(users, "u_") if line.end_users else none,
        "session_id": pc.if_else(
            pa.array(share(asks, 20) < traffic.session_ids),
            hex_ids(mix(sessions, 21), "s_"),
            pa.scalar(None, pa.string()),
        ),
        "channel": pa.array(channels).take(pa.array(np.minimum(channel, len(channels) - 1))),
        "messages": none if stage.flat else messages,
        "prompt": prompts if stage.flat else none,
        "system": pc.if_else(pc.equal(system, ""), pa.scalar(None, pa.string()), system) if stage.flat else none,
        "completion": pc.if_else(pa.array(failed), pa.scalar(None, pa.string()), answers),
        "finish_reason": finish,
        "input_tokens": pa.array(size_in),
        "output_tokens": pa.array(size_out),
        "reasoning_tokens": pa.array(thought),
        "temperature": temperatures.take(pa.array((mix(asks, 22) % np.uint64(len(temperatures))).astype(np.int64))),
        "top_p": pa.array(np.where(share(asks, 23) < 0.15, 0.95, np.nan), from_pandas=True),
        "max_tokens": most.take(pa.array((mix(asks, 24) % np.uint64(len(most))).astype(np.int64))),
        "n": pa.nulls(n, pa.int64()) if traffic.n is None else pa.array(np.full(n, traffic.n)),
        "logprobs": pa.nulls(n, pa.bool_()) if traffic.logprobs is None else pa.array(np.full(n, traffic.logprobs)),
        "stream": pa.array(share(asks, 25) < traffic.stream),
        "tools": tools,
        "status": pa.array(status.astype(np.int64)),
        "latency_ms": pa.array(np.where(failed, 80.0, 300 + size_out * rng.uniform(8, 20, n)).round(1)),
        "cost_usd": pa.array(((size_in * 3 + (size_out + thought) * 15) / 1e6).round(6)),
        "ip": text.take(ip),
        "asn": asn.take(ip),
        "country": country.take(ip),
        "user_agent": stage.agent_array.take(agent),
        "client_fingerprint": stage.prints.take(agent),
    }
    table = pa.table([columns[f.name] for f in SCHEMA], schema=SCHEMA)
    if traffic.retry_elsewhere and failed.any():
        again = table.filter(pa.array(failed))
        m = len(again)
        new: dict[str, Any] = {
            "exchange_id": hex_ids(mix(row[failed], 26)),
            "started_at": pc.add(
                again["started_at"].cast(pa.int64()), pa.array(rng.integers(300_000, 6_000_000, m))
            ).cast(STAMP),
            "channel": pa.array(["bedrock" if i % 2 else "vertex" for i in range(m)]),
            "completion": (said.answer or PROSE)(keys.at(np.flatnonzero(failed))),
            "finish_reason": pa.array(["stop"] * m),
            "status": pa.array(np.full(m, 200)),
            "output_tokens": pa.array((traffic.output_tokens * rng.lognormal(-0.1, 0.5, m)).astype(np.int64)),
        }
        for name, values in new.items():
            again = again.set_column(SCHEMA.get_field_index(name), name, values)
        table = pa.concat_tables([table, again.cast(SCHEMA)])
    return table

"""Reasoning is withheld or shortened in any form of answer, however a stream is cut; all else passes as it came."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_model import ANSWER, REASONING_END, THOUGHT, MockModel

from stillwatch_gateway.reasoning import LONGEST_EVENT, SHORT_CHARS, StreamEdit, edited_answer


def stream_of(form: str, model: MockModel) -> bytes:
    """The bytes of the mock model's stream."""
    import http.client

    path = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}[form]
    connection = http.client.HTTPConnection("127.0.0.1", model.port, timeout=10)
    connection.request("POST", path, json.dumps({"model": "m", "stream": True}))
    raw = connection.getresponse().read()
    connection.close()
    return raw


def edited_stream(raw: bytes, mode: str, cuts: list[int]) -> bytes:
    """The stream after the edit, given to it in pieces that end at `cuts`."""
    edit = StreamEdit(mode)
    places = [0, *sorted({cut % (len(raw) + 1) for cut in cuts}), len(raw)]
    parts = [edit.chunk(raw[a:b]) for a, b in pairwise(places) if b > a]
    return b"".join(part for part in parts if part) + edit.rest()


@pytest.mark.parametrize("form", ["chat", "messages", "responses"])
@pytest.mark.parametrize("mode", ["withhold", "shorten"])
@given(cuts=st.lists(st.integers(0, 20_000), max_size=30))
@settings(max_examples=25, deadline=None)
def test_however_a_stream_is_cut_no_more_reasoning_passes_than_it_may(
    model: MockModel, form: str, mode: str, cuts: list[int]
) -> None:
    raw = stream_of(form, model)
    out = edited_stream(raw, mode, cuts)
    assert REASONING_END.encode() not in out
    assert (b"SECRET-REASONING" in out) == (mode == "shorten")
    assert out == edited_stream(raw, mode, []), "the pieces make no difference"
    for word in ANSWER.split():
        assert word.encode() in out


def test_a_stream_without_reasoning_passes_byte_for_byte() -> None:
    raw = b': comment\r\n\r\nevent: x\r\ndata: {"choices":  [ ]}\r\n\r\ndata: [DONE]\n\nhalf an ev'
    assert edited_stream(raw, "withhold", [3, 17, 40]) == raw


@pytest.mark.parametrize(
    "event",
    [b"data: {thinking\n\n", b"data: [\"thinking\"]\n\n", b"thinking\n\n", b"data: \xff\xfe thinking\n\n",
     b"data: " + b"[" * 5000 + b"thinking\n\n", b'data: {"type": 7, "choices": "thinking"}\n\n',
     b'data: {"type": "content_block_delta", "delta": "thinking_delta"}\n\n'],
)  # fmt: skip
def test_what_cannot_be_read_passes_byte_for_byte(event: bytes) -> None:
    assert edited_stream(event, "withhold", []) == event


def test_an_endless_event_is_not_held_for_ever() -> None:
    edit = StreamEdit("withhold")
    sent = 0
    for _ in range(LONGEST_EVENT // 65536 + 2):
        sent += len(edit.chunk(b"x" * 65536) or b"")
    assert sent >= LONGEST_EVENT


def test_the_answer_that_a_cache_may_hold_is_not_touched() -> None:
    answer = {"choices": [{"index": 0, "message": {"content": ANSWER, "reasoning_content": THOUGHT}}]}
    kept = json.dumps(answer)
    assert edited_answer(answer, "withhold") != answer
    assert json.dumps(answer) == kept


@pytest.mark.parametrize(("mode", "left"), [("withhold", 0), ("shorten", SHORT_CHARS)])
def test_every_place_where_providers_put_reasoning_is_known(mode: str, left: int) -> None:
    block = {"type": "thinking", "thinking": THOUGHT, "signature": "s"}
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}],
            "content": [{"type": "reasoning_text", "text": THOUGHT}]}  # fmt: skip
    message: dict[str, Any] = {
        "content": ANSWER, "reasoning_content": THOUGHT, "reasoning": THOUGHT, "thinking_blocks": [block],
        "reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}], "reasoning_items": [item],
        "provider_specific_fields": {"reasoning_content": THOUGHT, "thinking_blocks": [block]},
    }  # fmt: skip
    for answer in (
        {"choices": [{"index": 0, "message": message}]},
        {"type": "message", "content": [block, {"type": "text", "text": ANSWER}]},
        {"output": [item, {"type": "message", "content": [{"type": "output_text", "text": ANSWER}]}]},
    ):
        text = json.dumps(edited_answer(answer, mode))
        assert REASONING_END not in text
        assert ANSWER in text
        assert ("SECRET-REASONING" in text) == (left > 0)


def test_two_answers_of_one_call_are_shortened_each() -> None:
    edit = StreamEdit("shorten")
    texts = {0: "", 1: ""}
    for start in range(0, 1000, 100):
        for index in texts:
            piece = {"choices": [{"index": index, "delta": {"reasoning_content": THOUGHT[start : start + 100]}}]}
            texts[index] += edit.chunk(piece)["choices"][0]["delta"]["reasoning_content"]
    assert texts == {0: THOUGHT[:SHORT_CHARS], 1: THOUGHT[:SHORT_CHARS]}

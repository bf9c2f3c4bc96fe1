"""What a request asks for is read in three forms; what a client wrote in a wrong kind is unknown, never an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch_gateway.asked import asks_logprobs, conversation, last_user_text, settings_asked, system_text
from stillwatch_gateway.trimming import trim_request
from stillwatch_gateway.wire import Limits

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("messages", "input", "prompt", "system", "instructions", "temperature", "top_p", "max_tokens", "n", "logprobs",
         "max_completion_tokens", "max_output_tokens", "top_logprobs", "include", "tools", "stream", "thinking",
         "reasoning_effort", "reasoning")  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "a"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"},
                                                    {"type": "text", "text": "b"}]}]}, "a\nb"),
        ({"input": "a"}, "a"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}, {"type": "function_call"}]},
         "a"),
        ({"prompt": "a"}, "a"), ({"prompt": ["a", "b"]}, "b"),
        ({"messages": [{"role": "system", "content": "a"}]}, None), ({}, None), ({"messages": 7}, None),
    ],
)  # fmt: skip
def test_the_last_user_message_is_read_in_every_form(body: dict[str, Any], text: str | None) -> None:
    assert last_user_text(body) == text


@given(body=BODIES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_body_is_too_odd_to_be_read_or_trimmed(body: dict[str, Any]) -> None:
    last_user_text(body), conversation(body), system_text(body), settings_asked(body)
    limits = Limits(logprobs=False, max_tokens=32, reasoning="withhold")
    for form, name in (("chat", "max_tokens"), ("messages", "max_tokens"), ("responses", "max_output_tokens")):
        trimmed = dict(body)
        trim_request(trimmed, limits, form)
        assert not asks_logprobs(trimmed)
        assert any(trimmed.get(one) is not None for one in (name, "max_completion_tokens"))


@given(body=BODIES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_trimming_twice_changes_nothing_more(body: dict[str, Any]) -> None:
    limits = Limits(logprobs=False, max_tokens=4096)
    trim_request(body, limits, "chat")
    once = dict(body)
    assert trim_request(body, limits, "chat") == ()
    assert body == once


@pytest.mark.parametrize(
    ("form", "asked", "most", "sent", "told"),
    [
        ("chat", {"logprobs": True, "top_logprobs": 5, "n": 4}, 100, {"n": 4, "max_tokens": 100},
         ("logprobs", "max_tokens=100")),
        ("chat", {"max_completion_tokens": 50}, 100, {"max_completion_tokens": 50}, ()),
        ("chat", {"max_tokens": 500, "max_completion_tokens": 50}, 100,
         {"max_tokens": 100, "max_completion_tokens": 50},
         ("max_tokens=100",)),
        ("responses",
         {"include": ["message.output_text.logprobs", "reasoning.encrypted_content"], "max_output_tokens": 9},
         100, {"include": ["reasoning.encrypted_content"], "max_output_tokens": 9}, ("logprobs",)),
        ("messages", {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 8000}}, 3000,
         {"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1500}},
         ("max_tokens=3000", "thinking-lowered")),
        ("messages", {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 8000}}, 900,
         {"max_tokens": 900},
         ("max_tokens=900", "thinking-lowered")),
        ("chat", {"reasoning_effort": "high"}, 4000, {"reasoning_effort": "low", "max_tokens": 4000},
         ("max_tokens=4000", "reasoning-effort-lowered")),
        ("responses", {"reasoning": {"effort": "high", "summary": "auto"}}, 500,
         {"reasoning": {"summary": "auto"}, "max_output_tokens": 500}, ("max_tokens=500", "reasoning-effort-lowered")),
        ("embedding", {"max_tokens": 9}, 1, {"max_tokens": 9}, ()),
    ],
)  # fmt: skip
def test_a_trimmed_request_is_one_that_the_provider_still_takes(
    form: str, asked: dict[str, Any], most: int, sent: dict[str, Any], told: tuple[str, ...]
) -> None:
    assert trim_request(asked, Limits(logprobs=False, max_tokens=most), form) == told
    assert asked == sent


@pytest.mark.parametrize("reasoning", ["keep", "shorten", "withhold"])
def test_the_client_is_told_of_reasoning_only_where_it_is_touched(reasoning: str) -> None:
    told = trim_request({"max_tokens": 5}, Limits(reasoning=reasoning), "chat")
    assert told == {"keep": (), "shorten": ("reasoning-shortened",), "withhold": ("reasoning",)}[reasoning]


def test_settings_are_those_of_the_client() -> None:
    body = {"temperature": 1, "top_p": 0.5, "max_tokens": 7, "n": 2, "top_logprobs": 3, "stream": True,
            "tools": [{"function": {"name": "f"}}, {"name": "g"}, {"type": "web_search"}, 7]}  # fmt: skip
    want = {"temperature": 1.0, "top_p": 0.5, "max_tokens": 7, "n": 2, "logprobs": True, "stream": True,
            "tools": ["f", "g", "web_search", "unnamed"]}  # fmt: skip
    assert settings_asked(body) == want

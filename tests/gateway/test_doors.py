"""The doors beside LiteLLM's plug-in, asked over bare ASGI: middleware, Envoy's ext_authz, the guardrail API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from deciding import TRIM, assembly_of, decision
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch_gateway.asgi import StillwatchMiddleware, TrustedHeaders
from stillwatch_gateway.asgi_io import Message, Receive, Scope, Send
from stillwatch_gateway.assembly import Assembly
from stillwatch_gateway.ext_authz import ext_authz_app
from stillwatch_gateway.guardrail_api import PATH, guardrail_app
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.refusals import refusal_of
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.wire import Limits

SETTINGS = GatewaySettings(verify_url="https://provider.example/verify")
ASSEMBLY = assembly_of(
    decision("suspended", "suspend"), decision("throttled", "throttle"), decision("unverified", "step_up"),
    decision("trimmed", "trim", limits=TRIM), decision("unreasoned", "trim", limits=Limits(reasoning="withhold")),
    decision("watched", "watch"), decision("simulated", "suspend", enforced=False), settings=SETTINGS,
)  # fmt: skip
HEADERS = TrustedHeaders(account="x-account")


def asked(
    app: Any, body: bytes = b"", *, path: str = "/", method: str = "POST", headers: Mapping[str, str] | None = None,
    pieces: int = 1,
) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    """One HTTP call to an ASGI app: status, headers, body."""
    sent: list[Message] = []
    size = max(len(body) // pieces, 1)
    parts = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
    coming = [{"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)]

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    lines = [(b"content-length", str(len(body)).encode())]
    lines += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "path": path, "method": method, "headers": lines, "query_string": b""}
    asyncio.run(app(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body it got; 400 where its length is not what the headers say."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    said = [value for name, value in scope["headers"] if name == b"content-length"]
    status = 200 if said == [str(len(body)).encode()] else 400
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": body})


def middleware(assembly: Assembly = ASSEMBLY, **more: Any) -> StillwatchMiddleware:
    return StillwatchMiddleware(echo, headers=HEADERS, assembly=assembly, **more)


CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], "logprobs": True}).encode()


@pytest.mark.parametrize(("account", "status"), [("suspended", 403), ("throttled", 429), ("unverified", 403)])
def test_behind_the_middleware_a_refused_call_is_answered_in_json_with_its_reason(account: str, status: int) -> None:
    got, headers, body = asked(middleware(), CHAT, headers={"x-account": account})
    error = json.loads(body)["error"]
    assert (got, error["decision_id"], error["reason"]) == (status, f"D-{account}", "coordinated_harvest")
    assert headers["x-stillwatch-decision"] == f"D-{account}"
    assert headers.get("retry-after") == ("17" if status == 429 else None)
    assert error.get("verify_url") == (SETTINGS.verify_url if account == "unverified" else None)


@pytest.mark.parametrize("account", ["ordinary", "watched", "simulated", "unreasoned"])
@given(body=st.binary(max_size=3000) | st.just(CHAT), pieces=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_behind_the_middleware_any_other_call_passes_byte_for_byte(account: str, body: bytes, pieces: int) -> None:
    status, headers, echoed = asked(middleware(), body, headers={"x-account": account}, pieces=pieces)
    assert (status, echoed) == (200, body)
    assert not [name for name in headers if name.startswith("x-stillwatch")]


def test_behind_the_middleware_a_trimmed_call_asks_for_less_and_is_told_so() -> None:
    status, headers, body = asked(middleware(), CHAT, path="/v1/chat/completions", headers={"x-account": "trimmed"})
    assert status == 200, "the length was put right"
    assert {"logprobs", "max_tokens"} & json.loads(body).keys() == {"max_tokens"}
    assert headers["x-stillwatch-withheld"] == "logprobs, max_tokens=64", "nor is reasoning claimed"


def test_a_body_beyond_the_bound_passes_whole_and_only_who_calls_is_judged() -> None:
    long = json.dumps({"messages": [{"role": "user", "content": "x" * 5000}]}).encode()
    tight = middleware(most_bytes=1000)
    assert asked(tight, long, pieces=7, headers={"x-account": "ordinary"})[2] == long
    assert asked(tight, long, pieces=7, headers={"x-account": "suspended"})[0] == 403


def test_only_headers_that_the_middleware_is_told_to_trust_say_who_calls() -> None:
    forged = {"x-account-id": "suspended", "x-user": "suspended", "authorization": "Bearer suspended"}
    assert asked(middleware(), CHAT, headers=forged)[0] == 200
    with pytest.raises(ValueError, match="trusted"):
        StillwatchMiddleware(echo, assembly=ASSEMBLY)
    by_state = StillwatchMiddleware(echo, caller=lambda scope: Caller("suspended"), assembly=ASSEMBLY)
    assert asked(by_state, CHAT)[0] == 403


def test_paths_that_are_not_named_and_other_kinds_of_connection_are_left_alone() -> None:
    some = middleware(paths=["/v1/"])
    assert asked(some, CHAT, path="/health", headers={"x-account": "suspended"})[0] == 200
    assert asked(some, CHAT, path="/v1/messages", headers={"x-account": "suspended"})[0] == 403


class Broken(Judge):
    """A judge that raises."""

    def judge(self, caller: Caller, text: str | None) -> Any:
        raise RuntimeError("broken")


def test_a_fault_of_ours_lets_the_call_pass_at_every_door() -> None:
    broken = replace(ASSEMBLY, judge=Broken(ASSEMBLY.judge.cache, settings=SETTINGS))
    held = {"x-account": "suspended"}
    assert asked(middleware(broken), CHAT, headers=held)[0] == 200
    assert asked(ext_authz_app(broken, headers=HEADERS), CHAT, path="/check/v1", headers=held)[0] == 200
    question = {"request_data": {"user_api_key_user_id": "suspended"}, "input_type": "request"}
    assert asked(guardrail_app(broken), json.dumps(question).encode(), path=PATH)[2] == b'{"action": "NONE"}'
    assert {"asgi judge", "ext_authz", "guardrail"} <= ASSEMBLY.faults.counts().keys()


@pytest.mark.parametrize(
    ("account", "status"),
    [("ordinary", 200), ("suspended", 403), ("throttled", 429), ("unverified", 403), ("trimmed", 200),
     ("simulated", 200)],
)  # fmt: skip
def test_envoy_is_told_to_pass_or_refuse(account: str, status: int) -> None:
    app = ext_authz_app(ASSEMBLY, headers=HEADERS)
    got, headers, _ = asked(app, CHAT, path="/check/v1/chat/completions", headers={"x-account": account})
    assert got == status
    assert headers.get("x-stillwatch-action") == ("trim" if account == "trimmed" else None)
    assert (headers.get("x-stillwatch-decision") == f"D-{account}") == (account not in ("ordinary", "simulated"))


def test_envoy_must_bear_the_token_and_a_clients_bearer_is_not_it() -> None:
    app = ext_authz_app(ASSEMBLY, headers=HEADERS, token="right")
    for headers, status in (
        ({}, 401), ({"x-api-key": "wrong"}, 401), ({"authorization": "Bearer right"}, 401),
        ({"x-api-key": "right"}, 200),
        ({"x-api-key": "right", "authorization": "Bearer of-the-client"}, 200),
    ):  # fmt: skip
        assert asked(app, CHAT, path="/check/v1", headers=headers)[0] == status
    with pytest.raises(ValueError, match="headers"):
        ext_authz_app(ASSEMBLY, headers=TrustedHeaders(organisation="x-org"))


def question(account: str, **more: Any) -> bytes:
    """A call as LiteLLM's generic guardrail sends it."""
    return json.dumps({
        "input_type": "request", "litellm_call_id": "5f89", "litellm_trace_id": "1c6b", "texts": ["hello"],
        "images": None,
        "structured_messages": [{"role": "user", "content": "hello"}], "tools": None, "tool_calls": None, "model": "m",
        "request_data": {"user_api_key_hash": "17cd", "user_api_key_user_id": account,
                         "user_api_key_team_id": "team-00",
                         "user_api_key_org_id": "org-0"},
        "request_headers": {"user-agent": "x", "x-org-hint": "[present]"},
        "additional_provider_specific_params": {}, **more,
    }).encode()  # fmt: skip


@pytest.mark.parametrize("account", ["ordinary", "suspended", "throttled", "unverified", "trimmed", "simulated"])
def test_the_guardrail_api_blocks_with_a_reason_or_does_nothing(account: str) -> None:
    status, _, body = asked(guardrail_app(ASSEMBLY), question(account), path=PATH)
    reply = json.loads(body)
    refused = account in ("suspended", "throttled", "unverified")
    assert (status, reply["action"]) == (200, "BLOCKED" if refused else "NONE")
    assert (f"D-{account}" in reply.get("blocked_reason", "")) == refused
    response = asked(guardrail_app(ASSEMBLY), question(account, input_type="response"), path=PATH)
    assert json.loads(response[2]) == {"action": "NONE"}


@given(body=st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_what_the_guardrail_api_cannot_read_it_does_not_judge(body: bytes) -> None:
    assert asked(guardrail_app(ASSEMBLY), body, path=PATH)[::2] == (200, b'{"action": "NONE"}')


def test_the_guardrail_api_asks_for_its_token_and_knows_one_path() -> None:
    app = guardrail_app(ASSEMBLY, token="right")
    assert asked(app, question("ordinary"), path=PATH)[0] == 401
    assert asked(app, question("ordinary"), path=PATH, headers={"x-api-key": "right"})[0] == 200
    assert asked(app, question("ordinary"), path="/other", headers={"authorization": "Bearer right"})[0] == 404
    assert asked(app, path="/health", method="GET")[0] == 200


def test_a_newcomer_who_is_asked_is_not_accused_of_what_the_campaign_did() -> None:
    named = replace(decision("campaign", "suspend"), tell="Suspended for harvesting.", reason="coordinated_harvest")
    told = refusal_of("step_up", named)
    assert told is not None and "harvesting" not in told.error["message"]
    assert told.error["reason"] == "coordinated_harvest_newcomer"
    same = refusal_of("suspend", named)
    assert same is not None and "Suspended for harvesting." in same.error["message"]

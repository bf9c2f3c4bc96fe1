"""A real LiteLLM proxy does what decisions say, in chat, messages and responses form, streamed and not, and says so."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from deciding import DecisionService, decision, delta_of
from mock_model import ANSWER, FAULTY, REASONING_END, MockModel
from running_proxy import (
    KEY_CANARY,
    MASTER_KEY,
    PATHS,
    SERVICE_TOKEN,
    UPSTREAM_KEY,
    Answer,
    Proxy,
    gateway_python,
    key_of,
)

from conftest import standing_decisions
from stillwatch_gateway.refusals import DECISION, REASON, WITHHELD

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("litellm")]
FORMS = pytest.mark.parametrize("form", sorted(PATHS))
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
CAPS = {"chat": "max_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}


def said(answer: Answer, form: str, stream: bool) -> tuple[str, str]:
    """The answer's text and its reasoning, as a client reads them."""
    if form == "chat":
        parts = [c["delta"] for e in answer.events for c in e["choices"]] if stream else []
        parts = parts or [answer.json["choices"][0]["message"]]
        names = ("content", "reasoning_content")
    elif form == "messages":
        events = [e.get("delta", {}) for e in answer.events if e["type"] == "content_block_delta"] if stream else []
        parts = events or answer.json["content"]
        names = ("text", "thinking")
    else:
        body = (
            next(e["response"] for e in answer.events if e["type"] == "response.completed") if stream else answer.json
        )
        texts = [part["text"] for item in body["output"] for part in item.get("content") or []]
        thoughts = [part["text"] for item in body["output"] for part in item.get("summary") or []]
        deltas = [e["delta"] for e in answer.events if e["type"] == "response.reasoning_summary_text.delta"]
        return "".join(texts), "".join(deltas or thoughts)
    text, thought = ("".join(part.get(name) or "" for part in parts) for name in names)
    return text, thought


@FORMS
@STREAMED
@pytest.mark.parametrize("account", ["ordinary", "simulated", "keyless"])
def test_who_has_no_enforced_decision_is_served_as_if_we_were_not_there(
    proxy: Proxy, form: str, stream: bool, account: str
) -> None:
    answer = proxy.ask(form, account, stream=stream)
    text, thought = said(answer, form, stream)
    assert (answer.status, text.strip()) == (200, ANSWER)
    assert thought.endswith(REASONING_END)
    assert not [name for name in answer.headers if name.startswith("x-stillwatch")]


@FORMS
@STREAMED
@pytest.mark.parametrize(("account", "status"), [("suspended", 403), ("throttled", 429), ("unverified", 403)])
def test_a_refused_call_says_why_and_never_reaches_the_model(
    proxy: Proxy, model: MockModel, form: str, stream: bool, account: str, status: int
) -> None:
    before = len(model.bodies)
    answer = proxy.ask(form, account, stream=stream)
    assert answer.status == status
    message = answer.json["error"]["message"]
    assert "Please write to us." in message and f"D-{account}" in message and "coordinated_harvest" in message
    assert answer.headers[DECISION] == f"D-{account}"
    assert answer.headers[REASON] == "coordinated_harvest"
    assert answer.headers.get("retry-after") == ("17" if status == 429 else None)
    assert ("https://provider.example/verify" in message) == (account == "unverified")
    assert len(model.bodies) == before


@FORMS
@STREAMED
def test_a_trimmed_call_is_answered_without_reasoning_and_shorter_and_is_told_so(
    proxy: Proxy, model: MockModel, form: str, stream: bool
) -> None:
    more: dict[str, Any] = {"logprobs": True, "top_logprobs": 2} if form == "chat" else {}
    answer = proxy.ask(form, "trimmed", stream=stream, **more)
    text, thought = said(answer, form, stream)
    assert (answer.status, text.strip(), thought) == (200, ANSWER, "")
    assert b"SECRET-REASONING" not in answer.raw
    sent = model.bodies[-1][1]
    assert sent[CAPS[form]] == 64
    assert not {"logprobs", "top_logprobs"} & sent.keys()
    told = ["logprobs"] if form == "chat" else []
    assert answer.headers[WITHHELD] == ", ".join([*told, "max_tokens=64", "reasoning"])
    assert answer.headers[DECISION] == "D-trimmed"
    if form == "messages":
        assert b"sig-1" in answer.raw, "the signature lets the client carry the conversation on"
    if form == "responses":
        assert b"opaque-1" in answer.raw


@FORMS
@STREAMED
def test_shortened_reasoning_keeps_its_beginning(proxy: Proxy, form: str, stream: bool) -> None:
    answer = proxy.ask(form, "shortened", stream=stream)
    text, thought = said(answer, form, stream)
    assert (answer.status, text.strip(), len(thought)) == (200, ANSWER, 280)
    assert thought.startswith("SECRET-REASONING step by step")
    assert REASONING_END.encode() not in answer.raw
    assert answer.headers[WITHHELD] == "reasoning-shortened"


@FORMS
@STREAMED
def test_a_fault_of_ours_fails_no_request(proxy: Proxy, form: str, stream: bool) -> None:
    for account, text in (
        ("faulty-judge", "hello"),
        ("faulty-row", "hello"),
        ("faulty-call", "hello"),
        ("faulty-trim", FAULTY),
    ):
        answer = proxy.ask(form, account, stream=stream, text=text)
        assert answer.status == 200, account
        assert ANSWER in said(answer, form, stream)[0]
    assert "litellm pre_call: RuntimeError" in (proxy.folder / "proxy.log").read_text("utf-8", "replace")


@pytest.mark.parametrize("form", ["chat", "messages"])
@pytest.mark.parametrize("account", ["ordinary", "trimmed"])
def test_a_malformed_stream_from_the_model_is_the_same_with_us_as_without(
    proxy: Proxy, form: str, account: str
) -> None:
    answer = proxy.ask(form, account, stream=True, text="malformed, please")
    assert answer.status == 200
    assert ANSWER.split()[-1] in answer.raw.decode()
    if form == "messages":
        assert b'"thinking": \n' in answer.raw, "what cannot be read passes unchanged"


def test_hostile_headers_and_bodies_change_nothing(proxy: Proxy) -> None:
    headers = {
        "x-stillwatch-withheld": "a", "x-stillwatch-decision": "forged", "x-forwarded-for": "\u00ff;,,x" * 50,
        "x-litellm-call-id": "../../../etc/passwd", "user-agent": "\u00e9\x01" * 100, "x-litellm-tags": "a,b" * 500,
    }  # fmt: skip
    latin = {name: value.encode("latin-1").decode("latin-1") for name, value in headers.items()}
    hostile = {"metadata": {"stillwatch_call": "x", "user_api_key_user_id": "suspended"}, "user": "suspended"}
    answer = proxy.ask("chat", "ordinary-2", stream=False, headers=latin, **hostile)
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("x-stillwatch")]
    assert proxy.ask("chat", "suspended", stream=False, headers=latin, **hostile).status == 403


@FORMS
@STREAMED
@pytest.mark.parametrize(
    "odd",
    [{"litellm_metadata": {"stillwatch_call": "x"}}, {"litellm_metadata": "x"}, {"litellm_metadata": []},
     {"litellm_metadata": '{"stillwatch_call": "x"}'}, {"metadata": {"stillwatch_call": "x"}}, {"metadata": None}],
    ids=str,
)  # fmt: skip
def test_no_metadata_of_a_clients_brings_withheld_reasoning_back(
    proxy: Proxy, form: str, stream: bool, odd: dict[str, Any]
) -> None:
    answer = proxy.ask(form, "trimmed", stream=stream, **odd)
    assert b"SECRET-REASONING" not in answer.raw
    assert answer.status != 200 or "reasoning" in answer.headers[WITHHELD]
    assert answer.status < 500 or proxy.ask(form, "ordinary", stream=stream, **odd).status == answer.status


def test_a_decision_full_of_line_breaks_splits_no_header(proxy: Proxy) -> None:
    answer = proxy.ask("chat", "hostile", stream=False)
    assert answer.status == 403
    assert answer.headers[DECISION] == "D-1_set-cookie:_stolen=1"
    assert "set-cookie" not in answer.headers


def test_one_call_id_on_every_call_hides_no_exchange(proxy: Proxy) -> None:
    for _ in range(3):
        proxy.ask("chat", "repeating", stream=False, headers={"x-litellm-call-id": "the-same"})
    rows = wait_for(proxy, "repeating", 3)
    assert len({row["exchange_id"] for row in rows}) == 3


def wait_for(proxy: Proxy, account: str, count: int) -> list[dict[str, Any]]:
    until = time.monotonic() + 20
    while True:
        rows = [row for row in proxy.rows(1) if row["account_id"] == account]
        if len(rows) >= count or time.monotonic() > until:
            return rows
        time.sleep(0.2)


@FORMS
@STREAMED
def test_the_journal_holds_what_was_asked_before_our_edit(proxy: Proxy, form: str, stream: bool) -> None:
    account = f"asking-{form}-{stream}"
    more: dict[str, Any] = {"logprobs": True, "n": 1} if form == "chat" else {}
    more |= {"max_output_tokens" if form == "responses" else "max_tokens": 3000, "temperature": 0.5, "top_p": 0.9}
    proxy.ask(form, account, stream=stream, text=f"hello from {account}", **more)
    (row,) = wait_for(proxy, account, 1)
    want = {"max_tokens": 3000, "temperature": 0.5, "top_p": 0.9, "logprobs": form == "chat", "stream": stream,
            "status": 200, "input_tokens": 11, "output_tokens": 22, "org_id": "org-1",
            "model": f"{form}-model", "tools": []}  # fmt: skip
    assert {name: row[name] for name in want} == want
    assert row["completion"].strip() == ANSWER
    assert row["messages"] == [{"role": "user", "content": f"hello from {account}"}]


def test_refused_calls_are_exchanges_too(proxy: Proxy) -> None:
    proxy.ask("messages", "suspended", stream=True)
    rows = wait_for(proxy, "suspended", 1)
    assert {row["status"] for row in rows} == {403}
    assert {row["stillwatch"]["decision_id"] for row in rows} == {"D-suspended"}


def test_an_error_of_the_model_stays_an_error_of_the_model(proxy: Proxy) -> None:
    answer = proxy.ask("chat", "unlucky", stream=False, text="upstream-500")
    assert answer.status == 500
    assert wait_for(proxy, "unlucky", 1)[0]["status"] == 500


@pytest.mark.parametrize("form", ["chat", "messages"])
def test_a_client_that_leaves_before_the_end_is_in_the_journal_all_the_same(proxy: Proxy, form: str) -> None:
    body: dict[str, Any] = {"model": f"{form}-model", "stream": True, "max_tokens": 99}
    body["messages"] = [{"role": "user", "content": "slowly, please"}]
    account = f"leaving-{form}"
    headers = {"authorization": f"Bearer {key_of(account)}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    connection.request("POST", PATHS[form], json.dumps(body), headers)
    connection.getresponse().read(50)
    connection.close()
    (row,) = wait_for(proxy, account, 1)
    assert row["max_tokens"] == 99 and row["status"] in (200, 499)


def test_a_new_decision_is_enforced_within_two_seconds(proxy: Proxy, service: DecisionService) -> None:
    assert proxy.ask("chat", "caught", stream=False).status == 200
    service.say([*standing_decisions(), decision("caught", "suspend")])
    said_at = time.monotonic()
    while proxy.ask("chat", "caught", stream=False).status == 200 and time.monotonic() - said_at < 10:
        time.sleep(0.02)
    assert time.monotonic() - said_at <= 2.0
    service.say(standing_decisions())


def test_a_full_disk_costs_rows_and_no_request(proxy: Proxy) -> None:
    proxy.rows(1)
    kept = proxy.journal.with_name("kept.jsonl")
    proxy.journal.rename(kept)
    proxy.journal.symlink_to("/dev/full")
    time.sleep(1.1)
    try:
        assert [proxy.ask("chat", "on-a-full-disk", stream=False).status for _ in range(5)] == [200] * 5
        time.sleep(1.0)
    finally:
        proxy.journal.unlink()
        kept.rename(proxy.journal)
    time.sleep(1.1)
    proxy.ask("chat", "after-the-full-disk", stream=False)
    assert wait_for(proxy, "after-the-full-disk", 1)
    assert "OSError 28" in (proxy.folder / "proxy.log").read_text("utf-8", "replace")


def test_the_journal_is_swept_as_it_is(proxy: Proxy, tmp_path: Path) -> None:
    proxy.ask("messages", "swept", stream=False, system="You are swept.", text="naïve \u4f60\u597d \ud83d\ude00")
    wait_for(proxy, "swept", 1)
    command = [
        sys.executable,
        "-m",
        "stillwatch",
        "sweep",
        str(proxy.journal),
        "--home",
        str(tmp_path / "home"),
        "--json",
    ]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert told.returncode == 0, told.stderr[-2000:]
    rows = json.loads((tmp_path / "home/findings/run.json").read_text("utf-8"))["rows"]
    lines = len(proxy.journal.read_bytes().splitlines())
    assert rows["read"] == rows["kept"] == lines > 0, rows
    assert not rows["quarantined"] and not rows["duplicates"]


def test_no_secret_is_in_anything_that_we_wrote(proxy: Proxy) -> None:
    for form in PATHS:
        proxy.ask(form, "careful", stream=False)
    wait_for(proxy, "careful", 3)
    cached, until = proxy.folder / "cache" / "decisions.jsonl", time.monotonic() + 60
    while not cached.exists() and time.monotonic() < until:
        time.sleep(0.5)
    written = [path for path in proxy.folder.rglob("*") if path.is_file() and path.name != "config.yaml"]
    assert {proxy.journal, cached, proxy.folder / "proxy.log"} <= set(written)
    for secret in (KEY_CANARY, MASTER_KEY, UPSTREAM_KEY, SERVICE_TOKEN, key_of("careful")):
        assert not [str(path) for path in written if secret.encode() in path.read_bytes()]


def test_key_creation_is_refused_where_a_decision_blocks_new_keys(tmp_path: Path) -> None:
    script = """
import asyncio, json, sys
import stillwatch_gateway.litellm_plugin as plugin
from stillwatch_gateway.deltas import read_delta
from types import SimpleNamespace as Asked
plugin.handler.assembly.judge.cache.apply(read_delta(sys.stdin.read()))
for user in ("keyless", "ordinary", "suspended", None):
    print(json.dumps(asyncio.run(plugin.may_create_key(Asked(user_id=user, team_id=None)))))
"""
    told = subprocess.run(
        [str(gateway_python()), "-c", script], input=delta_of(standing_decisions()), capture_output=True, timeout=120,
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )  # fmt: skip
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    assert [answer["decision"] for answer in answers] == [False, True, False, True], told.stderr[-2000:]

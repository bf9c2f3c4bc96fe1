"""What is asked of the proxies under faults: ordinary and hostile calls, and an answer without what differs anyway."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any

from running_proxy import PATHS, Answer, Proxy, key_of

_VOLATILE = re.compile(
    rb"(chatcmpl|msg|resp|rs|m)[-_][\w=-]+|0x[0-9a-f]+|[0-9a-f]{32,64}|[0-9a-f]{8}-[0-9a-f-]{27}|"
    rb'"(created|created_at|completed_at)": ?[0-9.]+'
)
FORMS = ("chat", "messages", "responses")


@dataclass(frozen=True)
class Call:
    """One request; `name` says what is odd about it."""

    name: str
    form: str
    body: bytes
    account: str = "ordinary"
    headers: dict[str, str] = field(default_factory=dict)

    def of(self, proxy: Proxy) -> tuple[int, str, bytes]:
        """What a client sees of the answer: status, content type, body; what differs anyway is taken out."""
        return seen(self.answer(proxy), told=self.account == "ordinary")

    def answer(self, proxy: Proxy) -> Answer:
        """The answer as it is."""
        return proxy.post(
            PATHS[self.form], self.body, {"authorization": f"Bearer {key_of(self.account)}"} | self.headers
        )


def seen(answer: Answer, *, told: bool = True) -> tuple[int, str, bytes]:
    """Status, content type and body without ids and times. `told`: any header of ours would be a difference."""
    ours = ",".join(sorted(name for name in answer.headers if name.startswith("x-stillwatch"))) if told else ""
    return answer.status, answer.headers.get("content-type", "") + ours, _VOLATILE.sub(b"", answer.raw)


def body_of(form: str, stream: bool, text: Any = "Why is it forty-two?", **more: Any) -> dict[str, Any]:
    """A sound request."""
    body: dict[str, Any] = {"model": f"{form}-model", "stream": stream}
    if form == "responses":
        body["input"] = text
    else:
        body["messages"] = [{"role": "user", "content": text}]
    if form == "messages":
        body["max_tokens"] = 4096
    return body | more


def ordinary(text: str = "Why is it forty-two?", account: str = "ordinary") -> list[Call]:
    """The three forms, streamed and not."""
    return [
        Call(f"{form}{' streamed' if stream else ''}", form, json.dumps(body_of(form, stream, text)).encode(), account)
        for form in FORMS for stream in (False, True)
    ]  # fmt: skip


def hostile_headers() -> list[Call]:
    """Headers that a client may send to hurt whoever reads them."""
    given: dict[str, dict[str, str]] = {
        "bidi": {"user-agent": "curl/8 %E2%80%AE%E2%81%A6txt.exe", "x-session-id": "%E2%80%AE"},
        "bidi bytes": {"user-agent": "\u202etxt".encode().decode("latin-1"), "x-forwarded-for": "\xff\xfe\x80"},
        "control characters": {"user-agent": "a%0d%0aset-cookie:%20x=1%00%1b[31m", "x-litellm-session-id": "%00%0a"},
        "8 kB": {"user-agent": "u" * 8192, "x-forwarded-for": "1.2.3.4, " * 900},
        "many": {f"x-odd-{i}": "v" * 40 for i in range(80)},
        "call id": {"x-litellm-call-id": "../../etc/passwd'\"; --" + "i" * 600},
        "forwarded": {"x-forwarded-for": "::ffff:1.2.3.4%eth0, not-an-address, 999.1.1.1"},
        "end user": {"x-litellm-end-user-id": "\u00e9\u00e8".encode().decode("latin-1"), "x-litellm-tags": ",,,{}"},
    }
    return [
        Call(f"{name}, {form}", form, json.dumps(body_of(form, stream)).encode(), headers=headers)
        for name, headers in given.items() for form in FORMS for stream in (False, True)
    ]  # fmt: skip


def hostile_bodies() -> list[Call]:
    """Bodies that a client may send to break whoever reads them."""
    nested: Any = "deep"
    for _ in range(200):
        nested = [nested]
    odd: dict[str, dict[str, Any]] = {
        "deep nesting": {"metadata": {"deep": nested}},
        "deep content": {"messages": [{"role": "user", "content": nested}], "input": nested},
        "content a number": {"messages": [{"role": "user", "content": 42}], "input": 42},
        "messages of numbers": {"messages": [1, None, True], "input": [1, None]},
        "messages an object": {"messages": {"role": "user"}, "input": {"role": "user"}},
        "messages null": {"messages": None, "input": None},
        "role a list": {"messages": [{"role": ["user"], "content": "x"}], "input": [{"role": [], "content": "x"}]},
        "metadata a text": {"metadata": "stillwatch_call"},
        "metadata a list": {"metadata": [1, 2]},
        "metadata null": {"metadata": None},
        "our token forged": {"metadata": {"stillwatch_call": "0" * 32}, "litellm_metadata": {"stillwatch_call": ["x"]}},
        "litellm_metadata a number": {"litellm_metadata": 5},
        "user an object": {"user": {"id": 1}},
        "call id a number": {"litellm_call_id": 5, "litellm_session_id": {}},
        "settings of wrong types": {"temperature": "hot", "n": "x", "top_p": [], "max_tokens": {}, "tools": {"a": 1}},
        "huge numbers": {"temperature": 1e308, "n": 10**30, "max_tokens": 10**30},
        "tools of numbers": {"tools": [1, None, {"function": 5}, {"name": 7}]},
        "thinking odd": {"thinking": "yes", "reasoning": 5, "reasoning_effort": {}},
        "proxy fields": {"proxy_server_request": "x", "secret_fields": 5, "user_api_key_dict": 1},
        "model a list": {"model": ["chat-model"]},
        "no model": {"model": None},
        "1 MB message": {
            "messages": [{"role": "user", "content": "wide \u4e2d " * 130_000}],
            "input": "wide " * 200_000,
        },
        "lone surrogates": {"messages": [{"role": "user", "content": "a \ud800 b \udfff"}], "input": "a \ud800 b"},
        "null bytes": {"messages": [{"role": "user", "content": "a\x00b\x1b[31m"}], "input": "a\x00b"},
    }
    made = []
    for name, more in odd.items():
        for form in FORMS:
            other = "messages" if form == "responses" else "input"
            body = body_of(form, form == "chat") | {key: value for key, value in more.items() if key != other}
            made.append(Call(f"{name}, {form}", form, json.dumps(body).encode()))
    said = b'{"model": "chat-model", "messages": [{"role": "user", "content": '
    raw = {
        "very deep": said + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
        "not a number": said + b'"x"}], "temperature": NaN}',
        "no JSON": b"{",
        "nothing": b"",
        "a list": b"[1]",
        "no UTF-8": b'{"model": "\xff\xfe"}',
    }
    return made + [Call(f"{name}, {form}", form, body) for name, body in raw.items() for form in FORMS]


def leave_midstream(proxy: Proxy, form: str) -> bool:
    """A client that reads the start of a slow stream and goes; whether the stream had begun with 200."""
    body = json.dumps(body_of(form, True, "Answer slowly.")).encode()
    head = (
        f"POST {PATHS[form]} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"authorization: Bearer {key_of('ordinary')}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as client:
        client.sendall(head.encode() + body)
        return client.recv(2048).startswith(b"HTTP/1.1 200")

"""A server for LiteLLM's generic guardrail API: the way in that installs nothing in the proxy. Refuses or passes.

The API carries no settings of the request and cannot drop parameters or set Retry-After, so `trim` is not done here and
`throttle` is a plain refusal. `POST /beta/litellm_basic_guardrail_api`; `GET /health` answers `ok`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch_gateway.asgi_io import App, Receive, Scope, Send, authorised, door, json_object, read_body, send_json
from stillwatch_gateway.asked import last_user_text
from stillwatch_gateway.assembly import Assembly
from stillwatch_gateway.judge import Caller
from stillwatch_gateway.litellm_calls import key_id, text_at
from stillwatch_gateway.refusals import refusal_of

PATH = "/beta/litellm_basic_guardrail_api"
MOST_BYTES = 16 << 20
_NONE = {"action": "NONE"}


def guardrail_app(assembly: Assembly, *, token: str = "") -> App:
    """The ASGI app. With a `token`, a call without it gets 401. What cannot be read is not judged: NONE."""
    faults = assembly.faults

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if not authorised(scope, token):
            await send_json(send, 401, {"error": "a token is needed"}, {"www-authenticate": "Bearer"})
        elif scope["path"] != PATH or scope["method"] != "POST":
            await send_json(send, 404, {"error": f"only POST {PATH}"})
        else:
            body, _, whole = await read_body(receive, MOST_BYTES)
            reply: dict[str, Any] = _NONE
            try:
                asked = json_object(body) if whole else None
                if asked is not None:
                    reply = _reply(assembly, asked)
            except Exception as error:
                faults.note("guardrail", error)
            await send_json(send, 200, reply)

    return door(answer)


def _reply(assembly: Assembly, asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked.get("input_type") == "response":
        return _NONE
    known = asked.get("request_data")
    known = known if isinstance(known, Mapping) else {}
    key = key_id(text_at(known, "user_api_key_hash"))
    account = text_at(known, "user_api_key_user_id") or text_at(known, "user_api_key_team_id") or key
    caller = Caller(account, key, text_at(known, "user_api_key_org_id"))
    verdict = assembly.judge.judge(caller, _text(asked))
    refusal = refusal_of(verdict.action, verdict.decision, verify_url=assembly.settings.verify_url)
    return _NONE if refusal is None else {"action": "BLOCKED", "blocked_reason": refusal.error["message"]}


def _text(asked: Mapping[str, Any]) -> str | None:
    messages, texts = asked.get("structured_messages"), asked.get("texts")
    said = last_user_text({"messages": messages}) if isinstance(messages, list) else None
    if said is None and isinstance(texts, list) and texts and isinstance(texts[-1], str):
        return texts[-1]
    return said

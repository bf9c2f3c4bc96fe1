"""Envoy's external authorisation over HTTP: 200 passes a call, 403 and 429 refuse it. Edits nothing.

Envoy sends the call's method, its path behind a prefix, the headers it was told to send and, with `with_request_body`,
the start of the body. On 200 `x-stillwatch-action` and `x-stillwatch-decision` name a decision that holds and that
Envoy itself cannot carry out (`trim`), for whatever stands behind Envoy.
"""

from __future__ import annotations

from stillwatch_gateway.asgi import TrustedHeaders
from stillwatch_gateway.asgi_io import App, Receive, Scope, Send, authorised, door, json_object, read_body, send_json
from stillwatch_gateway.asked import last_user_text
from stillwatch_gateway.assembly import Assembly
from stillwatch_gateway.refusals import DECISION, header_value, refusal_of

ACTION = "x-stillwatch-action"
MOST_BYTES = 4 << 20


def ext_authz_app(assembly: Assembly, *, headers: TrustedHeaders, prefix: str = "/check", token: str = "") -> App:
    """The ASGI app. `headers` names those that Envoy sets itself, from a verified token say. ValueError without one."""
    if not (headers.account or headers.key):
        raise ValueError("headers: name the header that holds the account or the key")
    faults = assembly.faults

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(prefix):
            await send_json(send, 404, {"error": f"checks begin with {prefix}"})
        elif not _named(scope, token):
            await send_json(send, 401, {"error": "a token is needed"})
        else:
            body, _, _ = await read_body(receive, MOST_BYTES)
            status, reply, told = 200, dict[str, object](), dict[str, str]()
            try:
                asked = json_object(body)
                text = last_user_text(asked) if asked is not None else None
                verdict = assembly.judge.judge(headers.caller(scope), text)
                refusal = refusal_of(verdict.action, verdict.decision, verify_url=assembly.settings.verify_url)
                if refusal is not None:
                    status, reply, told = refusal.status, {"error": refusal.error}, refusal.headers
                elif verdict.action and verdict.decision is not None:
                    told = {ACTION: verdict.action, DECISION: header_value(verdict.decision.decision_id)}
            except Exception as error:
                faults.note("ext_authz", error)
            await send_json(send, status, reply, told)

    return door(check)


def _named(scope: Scope, token: str) -> bool:
    """Envoy passes the client's Authorization on, so its own token comes as `x-api-key` (`headers_to_add`)."""
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
    return authorised({"headers": kept}, token)

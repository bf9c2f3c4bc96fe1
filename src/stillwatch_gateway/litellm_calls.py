"""What LiteLLM tells its hooks of a call, in the contract's words; nothing here imports LiteLLM.

Only what the proxy itself puts there is trusted for identity (`user_api_key_*`): tags, metadata, `user` and headers are
the client's. `secret_fields` holds the bearer token and is never read.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stillwatch_gateway.asked import conversation, settings_asked, system_text
from stillwatch_gateway.judge import Caller
from stillwatch_gateway.settings import Networks

TOKEN = "stillwatch_call"
"""The name under which a call's random token travels in the proxy's own metadata, from hook to hook."""
FORMS = {
    "completion": "chat", "acompletion": "chat", "text_completion": "chat", "atext_completion": "chat",
    "anthropic_messages": "messages", "aanthropic_messages": "messages", "responses": "responses",
    "aresponses": "responses",
}  # fmt: skip
_KEY_HASH = re.compile(r"[0-9a-f]{64}")


def caller_of(auth: Any) -> Caller:
    """The account (user, else team, else key hash), key hash and organisation of a `UserAPIKeyAuth`."""
    key = key_id(text_at(auth, "api_key") or text_at(auth, "token"))
    account = text_at(auth, "user_id") or text_at(auth, "team_id") or key
    return Caller(account, key, text_at(auth, "org_id"))


def key_id(key: str | None) -> str | None:
    """The key's hash; a custom authenticator may hand over the key itself, which is hashed here as LiteLLM does."""
    if key is None or _KEY_HASH.fullmatch(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def bucket_of(data: Mapping[str, Any]) -> Any:
    """The proxy's own metadata of a request; None where there is none."""
    bucket = data.get("litellm_metadata") if "litellm_metadata" in data else data.get("metadata")
    return bucket if isinstance(bucket, dict) else None


def row_at_arrival(
    data: Mapping[str, Any], caller: Caller, auth: Any, token: str, at: float, *, text: bool, trusted: Networks
) -> dict[str, Any]:
    """The exchange as the client sent it, before any edit: `text` False leaves prompt and system prompt out."""
    bucket = bucket_of(data) or {}
    request = data.get("proxy_server_request")
    headers = request.get("headers") if isinstance(request, Mapping) else None
    row: dict[str, Any] = {
        "exchange_id": exchange_id(data, headers, token),
        "started_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "account_id": caller.account,
        "model": text_at(data, "model") or "unknown",
        "org_id": caller.organisation,
        "key_id": caller.key,
        "end_user_id": text_at(auth, "end_user_id") or text_at(data, "user"),
        "session_id": text_at(data, "litellm_session_id") or text_at(bucket, "session_id"),
        "ip": client_address(bucket.get("requester_ip_address"), trusted),
        "user_agent": text_at(bucket, "user_agent") or text_at(headers, "user-agent"),
        **settings_asked(data),
    }
    if text:
        talk = conversation(data)
        row["messages"] = None if talk is None else list(talk)
        row["system"] = system_text(data)
    return row


def exchange_id(data: Mapping[str, Any], headers: object, token: str) -> str:
    """`litellm_call_id`, but the token where the client chose that id: one id on every call would hide all but one."""
    given = data.get("litellm_call_id")
    chosen = isinstance(headers, Mapping) and any(str(name).lower() == "x-litellm-call-id" for name in headers)
    return given if isinstance(given, str) and given and not chosen and len(given) <= 512 else token


def client_address(given: object, trusted: Networks) -> str | None:
    """The right-most address that is none of our own proxies': what stands left of it is what the client wrote."""
    if not isinstance(given, str):
        return None
    found: str | None = None
    for part in reversed(given.split(",")):
        try:
            address = ipaddress.ip_address(part.strip())
        except ValueError:
            return found
        found = str(address)
        if not any(address in network for network in trusted):
            return found
    return found


def outcome_of(kwargs: Mapping[str, Any], answer: Any, text: bool) -> dict[str, Any]:
    """Completion, finish reason, tokens, cost and latency (ms) of a call that LiteLLM logs as done."""
    payload = kwargs.get("standard_logging_object")
    payload = payload if isinstance(payload, Mapping) else {}
    meta = payload.get("metadata")
    usage = meta.get("usage_object") if isinstance(meta, Mapping) else None
    details = usage.get("completion_tokens_details") if isinstance(usage, Mapping) else None
    seconds = payload.get("response_time")
    body = payload.get("response") if isinstance(payload.get("response"), Mapping) else answer
    said, finish = answer_text(body)
    return {
        "completion": said if text else None,
        "finish_reason": finish,
        "input_tokens": payload.get("prompt_tokens"),
        "output_tokens": payload.get("completion_tokens"),
        "reasoning_tokens": details.get("reasoning_tokens") if isinstance(details, Mapping) else None,
        "status": 200,
        "latency_ms": seconds * 1000.0 if isinstance(seconds, (int, float)) else None,
        "cost_usd": payload.get("response_cost"),
    }


def answer_text(body: Any) -> tuple[str | None, str | None]:
    """Text and finish reason of a chat completion, an Anthropic message or a responses object (dict or object)."""
    dump = getattr(body, "model_dump", None)
    if not isinstance(body, Mapping) and callable(dump):
        body = dump()
    if not isinstance(body, Mapping):
        return None, None
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        message = choices[0].get("message")
        message = message if isinstance(message, Mapping) else choices[0]
        return _said(message.get("content", message.get("text"))), text_at(choices[0], "finish_reason")
    if isinstance(body.get("output"), list):
        texts = [_said(item.get("content")) for item in body["output"] if _speaks(item)]
        reason = body.get("incomplete_details")
        why = text_at(reason, "reason") if isinstance(reason, Mapping) else None
        done = "stop" if body.get("status") == "completed" else why or text_at(body, "status")
        return "".join(one for one in texts if one), done
    return _said(body.get("content")), text_at(body, "stop_reason")


def status_of(error: BaseException) -> int:
    """The HTTP status of an exception that a call ended with; 500 where it bears none."""
    for name in ("status_code", "code"):
        value = getattr(error, name, None)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and 100 <= value <= 599:
            return value
    return 500


def text_at(holder: Any, name: str) -> str | None:
    """A text that is not empty, of an object or a mapping; numbers are none."""
    value = holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
    return value if isinstance(value, str) and value else None


def _speaks(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "message"


def _said(content: object) -> str | None:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return None

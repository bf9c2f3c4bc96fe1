"""LiteLLM: StandardLoggingPayload as the proxy's callbacks write it, and rows of its SpendLogs table.

Source: LiteLLM proxy 1.106 (`StandardLoggingPayload`; `LiteLLM_SpendLogs` in schema.prisma). Fields drift from
release to release, so nothing but the call's id, time, model and identity is relied on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from stillwatch.ingest.checks import LONGEST_ID
from stillwatch.ingest.defects import RowFault
from stillwatch.ingest.dialects import Dialect
from stillwatch.ingest.mending import read_json
from stillwatch.ingest.values import Micros


def _recognises(row: Mapping[str, Any]) -> bool:
    named = "litellm_call_id" in row or ("request_id" in row and "api_key" in row)
    return named and "startTime" in row


def _id(given: Any) -> Any:
    """The call's id. A client may choose it by a header, so one that is too long to keep must not hide the call."""
    if isinstance(given, str) and (len(given) > LONGEST_ID or "\0" in given):
        return "sha256:" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
    return given


def _to_exchange(row: Mapping[str, Any]) -> dict[str, Any]:
    meta = _object(row.get("metadata"))
    asked = _object(row.get("model_parameters"))
    answer = _decoded(row.get("response"))
    messages = _decoded(row.get("messages"))
    usage = _object(meta.get("usage_object"))
    details = _object(usage.get("completion_tokens_details"))
    succeeded = row.get("status") in (None, "success")
    completion, finish = _answer(answer)
    seconds: Any = row.get("response_time")
    return {
        "exchange_id": _id(row.get("litellm_call_id") or row.get("request_id") or row.get("id")),
        "started_at": _time(row.get("startTime")),
        "account_id": _first(meta, "user_api_key_user_id", "user_api_key_team_id", "user_api_key_hash")
        or _first(row, "user", "team_id", "api_key"),
        "model": row.get("model_group") or row.get("model"),
        "org_id": _first(meta, "user_api_key_org_id") or row.get("organization_id") or None,
        "key_id": _first(meta, "user_api_key_hash") or row.get("api_key") or None,
        "end_user_id": row.get("end_user") or _first(meta, "user_api_key_end_user_id"),
        "session_id": row.get("session_id") or row.get("trace_id") or None,
        "messages": messages if isinstance(messages, list) and messages else None,
        "prompt": messages if isinstance(messages, str) and messages else None,
        "system": _text(asked.get("instructions") or asked.get("system")),
        "completion": completion if succeeded else None,
        "finish_reason": finish,
        "input_tokens": row.get("prompt_tokens"),
        "output_tokens": row.get("completion_tokens"),
        "reasoning_tokens": details.get("reasoning_tokens"),
        **_settings(asked),
        "status": 200 if row.get("status") == "success" else _error_code(row),
        "latency_ms": seconds * 1000.0 if _number(seconds) and abs(seconds) < 1e300 else row.get("request_duration_ms"),
        "cost_usd": row.get("response_cost") if row.get("response_cost") is not None else row.get("spend"),
        "ip": _client_address(row.get("requester_ip_address") or meta.get("requester_ip_address")),
        "user_agent": row.get("user_agent") or _first(meta, "user_agent"),
    }


def _settings(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the client asked for. Some routes log no parameters at all: then nothing is known of them."""
    if not asked:
        return {}
    tools = asked.get("tools")
    logprobs = asked.get("logprobs")
    most = [asked.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    return {
        "temperature": _asked_number(asked.get("temperature")),
        "top_p": _asked_number(asked.get("top_p")),
        "max_tokens": _asked_whole(*most),
        "n": _asked_whole(asked.get("n")),
        "logprobs": bool(logprobs) or bool(asked.get("top_logprobs")),
        "stream": bool(asked.get("stream")),
        "tools": [_tool(tool) for tool in tools] if isinstance(tools, list) else [],
    }


def _tool(tool: Any) -> str:
    item = _object(tool)
    name = _object(item.get("function")).get("name") or item.get("name") or item.get("type")
    return name if isinstance(name, str) else "unnamed"


def _answer(answer: Any) -> tuple[str | None, str | None]:
    """Text and finish reason of a chat completion, a Responses object, an Anthropic message or plain text."""
    if isinstance(answer, str):
        return answer or None, None
    body = _object(answer)
    choices = body.get("choices")
    if isinstance(choices, list) and choices:
        choice = _object(choices[0])
        message = _object(choice.get("message"))
        text = _text(message.get("content")) if message else _text(choice.get("text"))
        if text is None and message.get("tool_calls"):
            text = ""
        return text, _text(choice.get("finish_reason"))
    output = body.get("output")
    if isinstance(output, list):
        texts = [_text(_object(item).get("content")) for item in output]
        reason = _object(body.get("incomplete_details")).get("reason")
        stop = "stop" if body.get("status") == "completed" else _text(reason) or _text(body.get("status"))
        return "".join(text for text in texts if text), stop
    if "content" in body:
        return _text(body["content"]), _text(body.get("stop_reason"))
    return None, None


def _text(value: Any) -> str | None:
    """A string, or the text parts of a list of content parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part["text"] for part in map(_object, value) if isinstance(part.get("text"), str))
    return None


def _time(value: Any) -> Any:
    if _number(value):
        if not 0 < value < 1e11:
            raise RowFault("clock", "started_at")
        return Micros(round(value * 1e6))
    return value


def _error_code(row: Mapping[str, Any]) -> int | None:
    code = _object(row.get("error_information")).get("error_code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _client_address(value: Any) -> str | None:
    """The proxy logs X-Forwarded-For as it came: the first address is the client as it is known."""
    return value.split(",")[0].strip() or None if isinstance(value, str) else None


def _object(value: Any) -> Mapping[str, Any]:
    value = _decoded(value)
    return value if isinstance(value, dict) else {}


def _decoded(value: Any) -> Any:
    """JSON that a database export wrote as a string, read; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return read_json(value)[0]
        except (msgspec.DecodeError, ValueError, RecursionError):
            return value
    return value


def _first(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name)), None)


def _asked_number(value: Any) -> float | None:
    return float(value) if _number(value) and abs(value) < 1e300 else None


def _asked_whole(*values: Any) -> int | None:
    return next((int(v) for v in values if _number(v) and abs(v) < 2**62), None)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


#: What both kinds of row hold and have held: read above, or knowingly left.
_KNOWN = frozenset(
    ("agent_id", "api_base", "api_key", "cache_hit", "cache_key", "call_type", "completionStartTime",
     "completion_tokens", "cost_breakdown", "custom_llm_provider", "endTime", "end_user", "error_code",
     "error_information", "error_str", "guardrail_information", "hidden_params", "id", "litellm_call_id",
     "mcp_namespaced_tool_name", "messages", "metadata", "model", "model_group", "model_id", "model_map_information",
     "model_parameters", "organization_id", "prompt_tokens", "proxy_server_request", "request_duration_ms",
     "request_id", "request_tags", "requester_ip_address", "response", "response_cost",
     "response_cost_failure_debug_info", "response_time", "saved_cache_cost", "session_id", "spend",
     "standard_built_in_tools_params", "startTime", "status", "status_fields", "stream", "team_id", "total_tokens",
     "trace_id", "user", "user_agent")
)  # fmt: skip
DIALECT = Dialect("litellm", _recognises, _to_exchange, _KNOWN)

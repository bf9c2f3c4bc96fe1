"""LiteLLM's door: name `stillwatch_gateway.litellm_plugin.handler` under `callbacks` in the proxy's configuration.

Judges each call from the local cache, acts on what is enforced, and writes the journal. An exception of ours is caught,
counted, told once a minute, and the call goes on unjudged. Settings come from the environment (docs/gateway.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

from stillwatch_gateway.asked import last_user_text
from stillwatch_gateway.assembly import Assembly, assembled
from stillwatch_gateway.journal import Journal, JournalSettings
from stillwatch_gateway.judge import Caller, Verdict
from stillwatch_gateway.litellm_calls import (
    FORMS,
    TOKEN,
    bucket_of,
    caller_of,
    outcome_of,
    row_at_arrival,
    status_of,
)
from stillwatch_gateway.reasoning import StreamEdit, edited_answer
from stillwatch_gateway.refusals import Refusal, decision_headers, refusal_of
from stillwatch_gateway.trimming import trim_request

MOST_CALLS = 20_000
"""Calls remembered from hook to hook; beyond, the oldest is no longer journalled."""
LEFT_AFTER_S = 10.0
"""A stream that the client left is journalled with status 499 if LiteLLM has not logged it by then."""


@dataclass(slots=True)
class _Call:
    """One call, from its arrival to its line in the journal."""

    row: dict[str, Any] | None
    headers: dict[str, str] = field(default_factory=dict)
    reasoning: str = "keep"


class Stillwatch(CustomLogger):  # type: ignore[misc]
    """The callback. `assembly` is who judges and who follows decisions; `journal` writes exchanges."""

    def __init__(self, assembly: Assembly, journal: Journal) -> None:
        super().__init__()
        self.assembly, self.journal = assembly, journal
        self.faults = assembly.faults
        self._verify_url = assembly.settings.verify_url
        self._trusted = assembly.settings.trusted_proxies
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any) -> None:
        """Judges the call and acts; raises (403, 429) only for a call that a decision refuses."""
        refused: Exception | None = None
        try:
            name = str(getattr(call_type, "value", call_type))
            refusal = self._arrival(user_api_key_dict, data, name)
            if refusal is not None:
                refused = _raised(refusal, FORMS.get(name, ""))
        except Exception as error:
            self.faults.note("litellm pre_call", error)
        if refused is not None:
            raise refused

    async def async_post_call_success_hook(self, data: Any, user_api_key_dict: Any, response: Any) -> Any:
        """The answer without the reasoning that a decision withholds; None: as it is."""
        try:
            call = self._call(data)
            if call is not None and call.reasoning != "keep":
                return edited_answer(response, call.reasoning)
        except Exception as error:
            self.faults.note("litellm answer", error)
        return None

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: Any
    ) -> AsyncIterator[Any]:
        """The stream without the reasoning that a decision withholds; a chunk that cannot be read passes unchanged."""
        call: _Call | None = None
        edit: StreamEdit | None = None
        try:
            call = self._call(request_data)
            edit = StreamEdit(call.reasoning) if call is not None and call.reasoning != "keep" else None
        except Exception as error:
            self.faults.note("litellm stream", error)
        try:
            async for chunk in response:
                kept = chunk
                if edit is not None:
                    try:
                        kept = edit.chunk(chunk)
                    except Exception as error:
                        self.faults.note("litellm stream", error)
                if kept is not None:
                    yield kept
            rest = self._rest(edit)
            if rest:
                yield rest
        except (GeneratorExit, asyncio.CancelledError):
            self._left(call)
            raise

    async def async_post_call_response_headers_hook(
        self,
        data: Any,
        user_api_key_dict: Any,
        response: Any,
        request_headers: Any = None,
        litellm_call_info: Any = None,
    ) -> dict[str, str] | None:
        """What was withheld, by which decision, and why: known when the call was judged, so streams say it too."""
        try:
            call = self._call(data)
            return dict(call.headers) if call is not None and call.headers else None
        except Exception as error:
            self.faults.note("litellm headers", error)
        return None

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Writes the exchange to the journal when LiteLLM has logged its answer."""
        try:
            call = self._logged_call(kwargs)
            if call is not None and call.row is not None:
                self._write(call, outcome_of(kwargs, response_obj, self.journal.settings.text))
        except Exception as error:
            self.faults.note("litellm journal", error)

    async def async_post_call_failure_hook(
        self, request_data: Any, original_exception: Any, user_api_key_dict: Any, traceback_str: Any = None
    ) -> None:
        """Writes a call that ended in an error, ours (403, 429) or another's."""
        try:
            call = self._call(request_data)
            if call is not None:
                self._write(call, {"status": status_of(original_exception)})
        except Exception as error:
            self.faults.note("litellm journal", error)

    def _arrival(self, auth: Any, data: Any, call_type: str) -> Refusal | None:
        if not isinstance(data, dict):
            return None
        caller = caller_of(auth)
        token = secrets.token_hex(16)
        text = last_user_text(data)
        verdict = self.assembly.judge.judge(caller, text)
        row = None
        if self.journal.settings.path is not None and caller.account is not None:
            row = row_at_arrival(
                data, caller, auth, token, time.time(), text=self.journal.settings.text, trusted=self._trusted
            )
            row["stillwatch"] = _noted(verdict)
        call = _Call(row)
        self._remember(data, token, call)
        refusal = refusal_of(verdict.action, verdict.decision, verify_url=self._verify_url)
        if refusal is not None:
            call.headers = refusal.headers
        elif verdict.action == "trim" and verdict.decision is not None:
            limits = verdict.decision.limits
            edited = dict(data)
            withheld = trim_request(edited, limits, FORMS.get(call_type, ""))
            call.headers = decision_headers(verdict.decision, withheld) if withheld else {}
            call.reasoning = limits.reasoning
            _replace(data, edited)
            if row is not None:
                row["stillwatch"]["withheld"] = list(withheld)
        return refusal

    def _remember(self, data: dict[str, Any], token: str, call: _Call) -> None:
        bucket = bucket_of(data)
        if bucket is None:
            bucket = data["litellm_metadata"] = {}
        bucket[TOKEN] = token
        self._calls[token] = call
        while len(self._calls) > MOST_CALLS:
            self._calls.popitem(last=False)

    def _call(self, data: Any) -> _Call | None:
        bucket = bucket_of(data) if isinstance(data, Mapping) else None
        token = bucket.get(TOKEN) if bucket is not None else None
        return self._calls.get(token) if isinstance(token, str) else None

    def _logged_call(self, kwargs: Any) -> _Call | None:
        params = kwargs.get("litellm_params") if isinstance(kwargs, Mapping) else None
        for holder in (params, kwargs):
            for name in ("litellm_metadata", "metadata"):
                bucket = holder.get(name) if isinstance(holder, Mapping) else None
                token = bucket.get(TOKEN) if isinstance(bucket, Mapping) else None
                if isinstance(token, str) and token in self._calls:
                    return self._calls[token]
        return None

    def _write(self, call: _Call, outcome: Mapping[str, Any]) -> None:
        row, call.row = call.row, None
        if row is not None:
            self.journal.put({**row, **outcome})

    def _rest(self, edit: StreamEdit | None) -> bytes:
        try:
            return b"" if edit is None else edit.rest()
        except Exception as error:
            self.faults.note("litellm stream", error)
            return b""

    def _left(self, call: _Call | None) -> None:
        if call is None or call.row is None:
            return
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(LEFT_AFTER_S, self._write_left, call)

    def _write_left(self, call: _Call) -> None:
        try:
            self._write(call, {"status": 499})
        except Exception as error:
            self.faults.note("litellm journal", error)


def _raised(refusal: Refusal, form: str) -> Exception:
    """The exception that LiteLLM answers with; the messages form passes on headers only of its own kind."""
    told, detail = dict(refusal.headers), {"error": refusal.error}
    if form != "messages":
        plain: Exception = HTTPException(refusal.status, detail=detail, headers=told)
        return plain
    kind = "rate_limit_error" if refusal.status == 429 else "permission_error"
    own: Exception = ProxyException(
        refusal.error["message"], kind, None, refusal.status, headers=told, provider_specific_fields=detail
    )
    return own


def _replace(data: dict[str, Any], edited: dict[str, Any]) -> None:
    """Puts the edited request in place of the other only when all of it, its headers too, is ready."""
    for name in [name for name in data if name not in edited]:
        del data[name]
    data.update(edited)


def _noted(verdict: Verdict) -> dict[str, Any]:
    """The journal's extra field: what was decided on this call; ids only."""
    noted: dict[str, Any] = {"action": verdict.action}
    if verdict.decision is not None:
        noted |= {"decision_id": verdict.decision.decision_id, "reason": verdict.decision.reason}
    if verdict.simulated is not None:
        noted |= {"simulated": verdict.simulated.action, "simulated_decision_id": verdict.simulated.decision_id}
    if verdict.campaign_id is not None:
        noted["campaign_id"] = verdict.campaign_id
    if verdict.newcomer:
        noted["newcomer"] = True
    if verdict.flags:
        noted["flags"] = list(verdict.flags)
    if verdict.truncated:
        noted["truncated"] = True
    return noted


async def may_create_key(data: Any) -> dict[str, Any]:
    """For `general_settings: custom_key_generate`: refuses new keys where `block_new_keys` or `suspend` holds."""
    try:
        account = getattr(data, "user_id", None) or getattr(data, "team_id", None)
        held = handler.assembly.judge.may_make_key(Caller(account))
        if held is not None:
            return {"decision": False, "message": held.tell or "This account cannot create keys at present."}
    except Exception as error:
        handler.faults.note("litellm new key", error)
    return {"decision": True}


_assembly = assembled()
handler = Stillwatch(_assembly, Journal(JournalSettings.of(_assembly.settings)))

"""A model on loopback: chat, messages and responses, streamed and not, with reasoning and log probabilities."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REASONING = "SECRET-REASONING " + "step by step we think and think again. " * 20
"""Longer than what `shorten` leaves; its first word stands at the start, its last words far beyond."""
REASONING_END = "THE-END-OF-REASONING"
ANSWER = "The answer is forty-two."
FAULTY = "faulty-edit"
"""Stands at the end of the answer where it stands in the request."""
THOUGHT = REASONING + REASONING_END


class MockModel:
    """Serves on a free port of loopback; `bodies` are the requests that reached it, oldest first."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, dict[str, Any]]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(size) or b"{}")
                model.bodies.append((self.path, body))
                events, whole = _FORMS[self.path.split("?")[0].rsplit("/", 1)[-1]]
                if "upstream-500" in json.dumps(body):
                    self._send(500, "application/json", b'{"error": {"message": "the model broke"}}')
                elif body.get("stream"):
                    self._stream(events(body), body)
                else:
                    self._send(200, "application/json", json.dumps(whole(body)).encode())

            def _send(self, status: int, kind: str, data: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, events: Iterator[tuple[str | None, Any]], body: dict[str, Any]) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for name, event in events:
                    text = f"event: {name}\n" if name else ""
                    text += f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n"
                    self.wfile.write(text.encode())
                    if "slowly" in json.dumps(body):
                        time.sleep(0.2)
                if "malformed" in json.dumps(body):
                    self.wfile.write(b'event: thinking\ndata: {"type": "content_block_delta", "thinking": \n\n')
                self.wfile.flush()
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self.server.shutdown()
        self.server.server_close()


_CHAT_USAGE = {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33,
               "completion_tokens_details": {"reasoning_tokens": 9}}  # fmt: skip


def answer_to(body: dict[str, Any]) -> str:
    """What the model says."""
    return f"{ANSWER} {FAULTY}" if FAULTY in json.dumps(body) else ANSWER


def _logprobs(body: dict[str, Any]) -> dict[str, Any] | None:
    return (
        {"content": [{"token": "The", "logprob": -0.1, "bytes": [84], "top_logprobs": []}]}
        if body.get("logprobs")
        else None
    )


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer_to(body), "reasoning_content": THOUGHT}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": _logprobs(body)}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice],
            "usage": _CHAT_USAGE}  # fmt: skip


def _chat_events(body: dict[str, Any]) -> Iterator[tuple[None, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> tuple[None, Any]:
        choice = {
            "index": 0,
            "delta": delta,
            "finish_reason": finish,
            "logprobs": _logprobs(body) if delta.get("content") else None,
        }
        return None, {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
                      "choices": [choice], **more}  # fmt: skip

    yield chunk({"role": "assistant", "content": ""})
    for start in range(0, len(THOUGHT), 100):
        yield chunk({"reasoning_content": THOUGHT[start : start + 100]})
    for word in answer_to(body).split(" "):
        yield chunk({"content": word + " "})
    yield chunk({}, "stop", usage=_CHAT_USAGE)
    yield None, "[DONE]"


_MESSAGE_USAGE = {"input_tokens": 11, "output_tokens": 22}


def _message(body: dict[str, Any]) -> dict[str, Any]:
    content = [
        {"type": "thinking", "thinking": THOUGHT, "signature": "sig-1"},
        {"type": "text", "text": answer_to(body)},
    ]
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": content,
            "stop_reason": "end_turn", "stop_sequence": None, "usage": _MESSAGE_USAGE}  # fmt: skip


def _message_events(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    def event(kind: str, **more: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **more}

    yield event("message_start", message={**_message(body), "content": [], "stop_reason": None})
    yield event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""})
    for start in range(0, len(THOUGHT), 100):
        yield event(
            "content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": THOUGHT[start : start + 100]}
        )
    yield event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "sig-1"})
    yield event("content_block_stop", index=0)
    yield event("content_block_start", index=1, content_block={"type": "text", "text": ""})
    yield event("content_block_delta", index=1, delta={"type": "text_delta", "text": answer_to(body)})
    yield event("content_block_stop", index=1)
    yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=_MESSAGE_USAGE)
    yield event("message_stop")


def _response(body: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": THOUGHT}],
               "encrypted_content": "opaque-1"}  # fmt: skip
    said = {"type": "message", "id": "m_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": answer_to(body), "annotations": []}]}  # fmt: skip
    usage = {
        "input_tokens": 11,
        "output_tokens": 22,
        "total_tokens": 33,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 9},
    }
    done = status == "completed"
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": body["model"],
            "output": [thought, said] if done else [], "usage": usage if done else None, "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
            "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0}  # fmt: skip


def _response_events(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    number = iter(range(1000))

    def event(kind: str, **more: Any) -> tuple[str, Any]:
        return kind, {"type": kind, "sequence_number": next(number), **more}

    whole = _response(body)
    thought, said = whole["output"]
    at: dict[str, Any] = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    yield event("response.created", response=_response(body, "in_progress"))
    yield event("response.output_item.added", output_index=0, item={**thought, "summary": []})
    yield event("response.reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""})
    for start in range(0, len(THOUGHT), 100):
        yield event("response.reasoning_summary_text.delta", **at, delta=THOUGHT[start : start + 100])
    yield event("response.reasoning_summary_text.done", **at, text=THOUGHT)
    yield event("response.reasoning_summary_part.done", **at, part={"type": "summary_text", "text": THOUGHT})
    yield event("response.output_item.done", output_index=0, item=thought)
    yield event("response.output_item.added", output_index=1, item={**said, "content": []})
    yield event(
        "response.output_text.delta", item_id="m_1", output_index=1, content_index=0, delta=answer_to(body), logprobs=[]
    )
    yield event(
        "response.output_text.done", item_id="m_1", output_index=1, content_index=0, text=answer_to(body), logprobs=[]
    )
    yield event("response.output_item.done", output_index=1, item=said)
    yield event("response.completed", response=whole)


_FORMS: dict[str, Any] = {
    "completions": (_chat_events, _chat),
    "messages": (_message_events, _message),
    "responses": (_response_events, _response),
}

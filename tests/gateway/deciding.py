"""Decisions for tests, a judge that holds them, and a decision service on loopback that streams them."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stillwatch_gateway.assembly import Assembly
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.deltas import read_delta
from stillwatch_gateway.judge import Judge
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.wire import Decision, Limits

TRIM = Limits(logprobs=False, max_tokens=64, reasoning="withhold")


def decision(account: str, action: str, *, limits: Limits | None = None, **more: Any) -> Decision:
    """An enforced decision on an account that holds for the next hour."""
    now = time.time()
    said: dict[str, Any] = {
        "decision_id": f"D-{account}", "created_at": now - 60, "expires_at": now + 3600, "enforced": True,
        "reason": "coordinated_harvest", "tell": "Please write to us.", "limits": limits or Limits(retry_after_s=17),
    }  # fmt: skip
    return Decision(action=action, scope="account", value=account, **(said | more))


def delta_of(decisions: list[Decision], cursor: int = 1) -> bytes:
    """A delta that says all that holds."""
    held = [one.as_dict() for one in decisions]
    return json.dumps({"cursor": cursor, "reset": True, "now": time.time(), "upsert": held, "delete": []}).encode()


def assembly_of(*decisions: Decision, settings: GatewaySettings | None = None) -> Assembly:
    """A judge that holds these decisions and follows nobody."""
    settings = settings or GatewaySettings()
    cache = Cache()
    cache.apply(read_delta(delta_of(list(decisions))))
    judge = Judge(cache, settings=settings)
    return Assembly(settings, judge, judge.faults)


class DecisionService:
    """Streams what `say` was given last; `stop` kills it. `seen` are the paths that were asked for."""

    def __init__(self, decisions: list[Decision], token: str) -> None:
        self._held, self._cursor = decisions, 1
        self._changed = threading.Condition()
        self.seen: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                service.seen.append(parts.path)
                if self.headers.get("authorization") != f"Bearer {token}":
                    self._send(401, b"{}")
                elif parts.path == "/v1/decisions/stream":
                    asked = parse_qs(parts.query)
                    known = int(asked["cursor"][0]) if asked.get("cursor", [""])[0].isdigit() else -1
                    self._send(200, service.wait(known, float(asked.get("wait", ["0"])[0])))
                else:
                    self._send(404, b"{}")

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self._send(204, b"")

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def say(self, decisions: list[Decision]) -> None:
        """From now on these hold."""
        with self._changed:
            self._held, self._cursor = decisions, self._cursor + 1
            self._changed.notify_all()

    def wait(self, cursor: int, seconds: float) -> bytes:
        """All that holds, at once or when it changes."""
        with self._changed:
            if cursor == self._cursor:
                self._changed.wait(min(seconds, 5.0))
            if cursor == self._cursor:
                same = {"cursor": cursor, "reset": False, "now": time.time(), "upsert": [], "delete": []}
                return json.dumps(same).encode()
            return delta_of(self._held, self._cursor)

    def stop(self) -> None:
        """Kills the service."""
        self.server.shutdown()
        self.server.server_close()

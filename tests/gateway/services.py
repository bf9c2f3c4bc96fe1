"""A decision service and a Redis on loopback, for tests: real sockets, and faults on demand."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gateways import NOW, OTHER
from running_proxy import free_port

from stillwatch_gateway.cache import Cache
from stillwatch_gateway.follow import Follower
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.settings import GatewaySettings

TOKEN = "canary-token-5f1e"


class Service:
    """Serves the wire's interface. `answer` replaces the next answers to the stream: bytes, or a status."""

    def __init__(self, port: int = 0) -> None:
        self.cursor = 1
        self.now: float | None = None
        self.decisions: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[int, dict[str, Any] | None, str | None]] = []
        self.known = (b"", "")
        self.rules: list[dict[str, Any]] = []
        self.posted: dict[str, list[dict[str, Any]]] = {"usage": [], "sightings": []}
        self.answer: Callable[[], bytes | int] | None = None
        self.asked: list[str] = []
        self.changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, *decisions: Any) -> None:
        with self.changed:
            for one in decisions:
                self.cursor += 1
                self.decisions[one.decision_id] = one.as_dict()
                self.log.append((self.cursor, one.as_dict(), None))
            self.changed.notify_all()

    def lift(self, decision_id: str) -> None:
        with self.changed:
            self.cursor += 1
            del self.decisions[decision_id]
            self.log.append((self.cursor, None, decision_id))
            self.changed.notify_all()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def delta(self, cursor: int, wait_s: float) -> bytes:
        with self.changed:
            self.changed.wait_for(lambda: self.cursor != cursor, wait_s)
            reset = not 1 <= cursor <= self.cursor
            news = [entry for entry in self.log if entry[0] > cursor]
            now = NOW if self.now is None else self.now
            return json.dumps({
                "cursor": self.cursor, "reset": reset, "now": now, "known": self.known[1],
                "upsert": list(self.decisions.values()) if reset else [up for _, up, _ in news if up],
                "delete": [] if reset else [gone for _, _, gone in news if gone],
            }).encode()  # fmt: skip

    def _handler(service) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                service.asked.append(self.path)
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self._send(401, b"")
                if self.path.startswith("/v1/decisions/stream"):
                    if service.answer is not None:
                        told = service.answer()
                        return self._send(told, b"") if isinstance(told, int) else self._send(200, told)
                    asked = dict(part.split("=") for part in self.path.partition("?")[2].split("&"))
                    return self._send(200, service.delta(int(asked["cursor"]), float(asked["wait"])))
                if self.path == "/v1/known":
                    raw, tag = service.known
                    if self.headers.get("If-None-Match") == tag:
                        return self._send(304, b"")
                    return self._send(200, raw, tag)
                if self.path == "/v1/rules":
                    return self._send(200, json.dumps(service.rules).encode())
                return self._send(404, b"")

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.posted[self.path.rpartition("/")[2]] += body["items"]
                self._send(204, b"")

            def _send(self, status: int, body: bytes, tag: str = "") -> None:
                self.send_response(status)
                if tag:
                    self.send_header("ETag", tag)
                if status in (301, 302, 307):
                    self.send_header("Location", f"{service.url}/elsewhere")
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


class RedisServer:
    """A `redis-server` of its own on a free port of loopback; without the program, its package's name is said."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        program = shutil.which("redis-server")
        assert program, "these tests need redis-server (Debian, Ubuntu: apt-get install redis-server)"
        self.port = free_port() if port is None else port
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(folder), "--loglevel", "warning"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert eventually(self._answers), "redis-server does not answer"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as one:
                one.sendall(b"PING\r\n")
                return one.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class Following:
    """A cache, a judge and a follower of one source, started."""

    def __init__(self, url: str | None, **settings: Any) -> None:
        given = {"url": url, "token": TOKEN, "wait_s": 2.0, "known_every_s": 0.2, "post_every_s": 0.1, "rules": "all",
                 **settings}  # fmt: skip
        self.settings = GatewaySettings(**given)
        self.cache = Cache(clock=lambda: NOW)
        self.judge = Judge(self.cache, settings=self.settings)
        self.follower = Follower(self.cache, self.judge, settings=self.settings)
        self.follower.start()

    def action(self, account: str, text: str = OTHER) -> str:
        return self.judge.judge(Caller(account), text).action

    def faults(self) -> dict[str, int]:
        return self.judge.faults.counts()

    def stop(self) -> None:
        self.follower.stop()
        self.judge.stop()


def eventually(true: Callable[[], object], within_s: float = 20.0) -> bool:
    """Whether it becomes true within the time."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.005)
    return bool(true())

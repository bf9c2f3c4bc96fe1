"""Where faults are planted: the real service and Redis as processes, a gate before the service, proxies that follow."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from running_proxy import Proxy, free_port

from stillwatch.decide.record import Record, Who
from stillwatch.decide.tokens import make_token
from stillwatch.store import open_store

BENCH = Who("bench", "approver")
PROBE = Path(__file__).parent / "faulty_proxy"
LONG_BODY_BYTES = 200_000_000
_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def until(holds: Callable[[], object], most_s: float) -> float | None:
    """Seconds until it holds; None where it doesn't in time."""
    began = time.monotonic()
    while time.monotonic() - began < most_s:
        if holds():
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Service:
    """`stillwatch serve`: may be killed, hung, and started again on its port."""

    def __init__(self, place: Path, redis_url: str) -> None:
        self.home, self.port, self._redis = place / "home", free_port(), redis_url
        open_store(self.home, create=True).close()
        record = Record(self.home)
        self.tokens = {role: make_token(record, BENCH, role, role, time.time()) for role in ("gateway", "approver")}
        record.close()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = [sys.executable, "-m", "stillwatch", "serve", "--port", str(self.port), "--home", str(self.home),
                   "--set", f"decide.redis={self._redis}"]  # fmt: skip
        self.process = subprocess.Popen(command, **_QUIET)
        if until(lambda: answers(self.port), 60) is None:
            raise RuntimeError("stillwatch serve does not answer")

    def signal(self, which: int) -> None:
        """Sends it a signal; waits for its end where that ends it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(which)
            if which in (signal.SIGKILL, signal.SIGTERM):
                self.process.wait(20)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """As the approver."""
        headers = {"Authorization": f"Bearer {self.tokens['approver']}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return json.loads(answer.read())

    def decide(self, account: str, action: str, seconds: float = 86_400.0, **limits: Any) -> float:
        """An enforced decision by hand; when it expires (epoch seconds)."""
        said = {"action": action, "scope": "account", "value": account, "reason": "bench", "tell": "Stopped.",
                "hours": seconds / 3600, "enforce": True, "limits": limits}  # fmt: skip
        made = self.ask("/v1/decisions", said)
        return float(self.ask(f"/v1/decisions/{made['id']}")["expires_at"])

    def live(self) -> int:
        """How many decisions hold."""
        return int(self.ask("/v1/decisions?state=live&limit=1")["total"])


class Redis:
    """A real one, on a port of its own, that keeps nothing on disk."""

    def __init__(self, place: Path) -> None:
        self.port, self._place = free_port(), place
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it empty."""
        program = shutil.which("redis-server")
        if program is None:
            raise FileNotFoundError("redis-server: apt-get install redis-server")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(command, cwd=self._place, **_QUIET)
        if until(lambda: answers(self.port), 20) is None:
            raise RuntimeError("redis-server does not answer")

    def flush(self) -> None:
        """FLUSHALL."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as one:
            one.sendall(b"FLUSHALL\r\n")
            one.recv(16)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)


class Gate:
    """Stands before the service, byte for byte; `mode` is what the next connections get instead.

    `pass`, `garbage` (noise), `truncated` (half of each body, the connection closed), `long` (200 MB of JSON),
    `closed` (the connection ends at once).
    """

    def __init__(self, port: int) -> None:
        self.mode, self._behind = "pass", port
        self._made = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._made.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._made.accept()
            threading.Thread(target=self._serve, args=(client, self.mode), daemon=True).start()

    def _serve(self, client: socket.socket, mode: str) -> None:
        with suppress(OSError), client:
            client.settimeout(120)
            if mode in ("pass", "truncated"):
                self._forward(client, mode)
            elif mode == "garbage":
                client.recv(65_536)
                noise = os.urandom(3000)
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n" + noise)
            elif mode == "long":
                client.recv(65_536)
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LONG_BODY_BYTES)
                head = b'{"cursor": 1, "upsert": ["'
                client.sendall(head)
                piece, left = b'junk", "' * 8192, LONG_BODY_BYTES - len(head) - 3
                while left > 0:
                    client.sendall(piece[:left])
                    left -= len(piece)
                client.sendall(b'"]}')

    def _forward(self, client: socket.socket, mode: str) -> None:
        with socket.create_connection(("127.0.0.1", self._behind), 5) as service:
            service.settimeout(120)
            threading.Thread(target=_pipe, args=(client, service), daemon=True).start()
            if mode == "pass":
                _pipe(service, client)
                return
            head, body, length = b"", b"", 0
            while b"\r\n\r\n" not in head and (piece := service.recv(1 << 16)):
                head += piece
            head, _, body = head.partition(b"\r\n\r\n")
            for line in head.lower().splitlines():
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            while len(body) < length and (piece := service.recv(1 << 16)):
                body += piece
            client.sendall(head + b"\r\n\r\n" + body[: length // 2])
            client.shutdown(socket.SHUT_RDWR)


def _pipe(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


class Watched:
    """A proxy with the plug-in and the probe; its journal and its cache folder are links that can be turned."""

    def __init__(self, folder: Path, model_port: int, settings: dict[str, str]) -> None:
        folder.mkdir()
        self.folder = folder
        for kind in ("journal", "cache"):
            (folder / f"true-{kind}").mkdir(mode=0o700)
        self.turn("exchanges.jsonl", folder / "true-journal" / "exchanges.jsonl")
        self.turn("cache", folder / "true-cache")
        environment = {
            "PYTHONPATH": str(PROBE), "BENCH_FOLDER": str(folder),
            "STILLWATCH_GATEWAY_LOG": str(folder / "exchanges.jsonl"), "STILLWATCH_GATEWAY_POST_EVERY_S": "2",
            "STILLWATCH_GATEWAY_CACHE_DIR": str(folder / "cache"), "STILLWATCH_GATEWAY_WAIT_S": "2", **settings,
        }  # fmt: skip
        self.proxy = Proxy(folder, model_port, environment=environment)

    def turn(self, name: str, target: Path) -> None:
        """Makes the link lead there, in one step."""
        part = self.folder / f"{name}.turning"
        part.symlink_to(target)
        part.replace(self.folder / name)

    def stats(self) -> dict[str, Any]:
        """What the plug-in says of itself, at most half a second old."""
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads((self.folder / "stats.json").read_text("utf-8"))
            return found
        return {}

    def counted(self) -> dict[str, int]:
        """Faults by place, with rows that the journal lost."""
        stats = self.stats()
        journal = stats.get("journal", {})
        lost = {f"journal {name}": journal.get(name, 0) for name in ("dropped", "failed")}
        return {name: count for name, count in {**stats.get("faults", {}), **lost}.items() if count}

    def log(self) -> str:
        """The proxy's own log."""
        return (self.folder / "proxy.log").read_text("utf-8", "replace")

    def rss_mib(self) -> float:
        """Memory of the proxy now."""
        with suppress(OSError, AttributeError):
            assert self.proxy.process is not None
            for line in Path(f"/proc/{self.proxy.process.pid}/status").read_text("utf-8").splitlines():
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) / 1024
        return 0.0

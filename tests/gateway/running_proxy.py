"""A real LiteLLM proxy on loopback, from the gateway's own environment, and calls to it in three forms."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "proxy"
MASTER_KEY = "sk-master-canary-" + secrets.token_hex(16)
UPSTREAM_KEY = "sk-upstream-canary-" + secrets.token_hex(16)
SERVICE_TOKEN = "service-token-canary-" + secrets.token_hex(16)
KEY_CANARY = "canary-" + secrets.token_hex(8)
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
PLUGIN = "stillwatch_gateway.litellm_plugin.handler"


def gateway_python() -> Path:
    """The gateway environment's interpreter, beside the one that runs the tests (`scripts/environment.sh` makes it)."""
    beside = os.environ.get("STILLWATCH_VENV") or sys.prefix
    python = Path(os.path.abspath(beside) + "-gateway") / "bin" / "python"  # noqa: PTH100
    if not python.exists():
        raise FileNotFoundError(f"{python}: run ./run-tests, which makes the gateway's environment")
    return python


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def key_of(account: str) -> str:
    """The account's API key: a canary, which no log may hold."""
    return f"sk-{account}-canary-{KEY_CANARY}"


@dataclass
class Answer:
    """What a client got: `json` of a whole answer, `events` of a stream (their JSON), `raw` as it came."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def events(self) -> list[Any]:
        lines = [line[5:].strip() for line in self.raw.splitlines() if line.startswith(b"data:")]
        return [json.loads(line) for line in lines if line.startswith(b"{")]


@dataclass
class Proxy:
    """A running proxy. `folder` holds its configuration, its own log and our journal."""

    folder: Path
    model_port: int
    callbacks: list[str] = field(default_factory=lambda: [PLUGIN])
    environment: dict[str, str] = field(default_factory=dict)
    guardrail: str = ""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        return self.folder / "exchanges.jsonl"

    def start(self, within_s: float = 120.0) -> Proxy:
        """Boots and waits until it answers. RuntimeError with its log's end where it does not."""
        self.port = free_port()
        (self.folder / "config.yaml").write_text(json.dumps(self._configuration()), "utf-8")
        for name in HERE.glob("*.py"):
            (self.folder / name.name).write_text(name.read_text("utf-8"), "utf-8")
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        environment = {name: os.environ[name] for name in kept if name in os.environ} | {
            "LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "UPSTREAM_KEY": UPSTREAM_KEY,
            "LITELLM_LOG": "INFO", "NO_PROXY": "*", **self.environment,
        }  # fmt: skip
        command = [str(gateway_python().parent / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port",
                   str(self.port), "--telemetry", "False"]  # fmt: skip
        with (self.folder / "proxy.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.get("/health/liveliness").status == 200:
                    return self
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise RuntimeError((self.folder / "proxy.log").read_text("utf-8", "replace")[-3000:])

    def stop(self) -> None:
        """Ends the proxy."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)

    def get(self, path: str) -> Answer:
        """A bare GET."""
        return self._call("GET", path, b"", {})

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """A POST of bytes."""
        return self._call("POST", path, body, {"content-type": "application/json", **headers})

    def ask(self, form: str, account: str, *, stream: bool, text: str = "Why is it forty-two?", **more: Any) -> Answer:
        """One call of `account` in `form` (chat, messages, responses)."""
        body: dict[str, Any] = {"model": f"{form}-model", "stream": stream}
        if form == "responses":
            body["input"] = text
        else:
            body["messages"] = [{"role": "user", "content": text}]
        if form == "messages":
            body["max_tokens"] = 4096
        headers = {"authorization": f"Bearer {key_of(account)}", **more.pop("headers", {})}
        return self.post(PATHS[form], json.dumps(body | more).encode(), headers)

    def rows(self, count: int, within_s: float = 20.0) -> list[dict[str, Any]]:
        """The journal's rows when there are at least `count`; whatever is there after `within_s`."""
        until = time.monotonic() + within_s
        while True:
            lines = self.journal.read_bytes().splitlines() if self.journal.exists() else []
            if len(lines) >= count or time.monotonic() > until:
                return [json.loads(line) for line in lines]
            time.sleep(0.1)

    def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            got = connection.getresponse()
            raw = got.read()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, raw)
        finally:
            connection.close()

    def _configuration(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.model_port}"
        kinds = (("chat", "openai/mock", f"{base}/v1"), ("messages", "anthropic/claude-mock", base),
                 ("responses", "openai/mock", f"{base}/v1"))  # fmt: skip
        models = [
            {"model_name": f"{form}-model",
             "litellm_params": {"model": model, "api_base": url, "api_key": "os.environ/UPSTREAM_KEY"}}
            for form, model, url in kinds
        ]  # fmt: skip
        made: dict[str, Any] = {
            "model_list": models,
            "general_settings": {"custom_auth": "proxy_auth.user_api_key_auth"},
            "litellm_settings": {"callbacks": self.callbacks, "num_retries": 0},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }
        if self.guardrail:
            settings = {
                "guardrail": "generic_guardrail_api",
                "mode": "pre_call",
                "default_on": True,
                "api_base": self.guardrail,
                "api_key": SERVICE_TOKEN,
                "unreachable_fallback": "fail_open",
            }
            made["guardrails"] = [{"guardrail_name": "stillwatch", "litellm_params": settings}]
        return made

"""The doors that are served: a real Envoy and a real LiteLLM guardrail ask them; killed, they take nothing down."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deciding import DecisionService, decision
from mock_model import ANSWER, MockModel
from running_proxy import SERVICE_TOKEN, Answer, Proxy, free_port, gateway_python

from stillwatch_gateway.__main__ import main
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.cache_file import save
from stillwatch_gateway.deltas import read_delta
from stillwatch_gateway.status import status_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("litellm")]
CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()


@dataclass
class Served:
    """A running process on a port of loopback."""

    process: subprocess.Popen[bytes]
    port: int

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def ready(self, path: str, within_s: float = 30.0) -> Served:
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.call("GET", path)
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"does not answer; exit status {self.process.poll()}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(20)


def serve(service: DecisionService, folder: Path, *arguments: str) -> Served:
    """`python -m stillwatch_gateway serve ...` from the gateway's environment, as the light wheel has it."""
    port = free_port()
    token = folder / "token"
    token.write_text(SERVICE_TOKEN + "\n", "utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "STILLWATCH_GATEWAY_URL": service.url,
                   "STILLWATCH_GATEWAY_TOKEN_FILE": str(token)}  # fmt: skip
    command = [str(gateway_python()), "-m", "stillwatch_gateway", "serve", *arguments, "--port", str(port),
               "--token-file", str(token)]  # fmt: skip
    with (folder / "served.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    return Served(process, port).ready("/health")


def envoy_configuration(port: int, authoriser: int, model: int) -> dict[str, Any]:
    """The configuration of docs/gateway.md, with ports."""

    def cluster(name: str, to: int) -> dict[str, Any]:
        address = {"socket_address": {"address": "127.0.0.1", "port_value": to}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        return {"name": name, "type": "STATIC", "connect_timeout": "1s",
                "load_assignment": {"cluster_name": name, "endpoints": endpoints}}  # fmt: skip

    kind = "type.googleapis.com/envoy.extensions.filters"
    authorise = {
        "@type": f"{kind}.http.ext_authz.v3.ExtAuthz",
        "failure_mode_allow": True,
        "with_request_body": {"max_request_bytes": 65536, "allow_partial_message": True},
        "allowed_headers": {"patterns": [{"exact": "x-account"}]},
        "http_service": {
            "server_uri": {"uri": f"http://127.0.0.1:{authoriser}", "cluster": "stillwatch", "timeout": "1s"},
            "path_prefix": "/check",
            "authorization_request": {"headers_to_add": [{"key": "x-api-key", "value": SERVICE_TOKEN}]},
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"prefix": "x-stillwatch-"}]},
                "allowed_client_headers": {
                    "patterns": [{"prefix": "x-stillwatch-"}, {"exact": "retry-after"}, {"exact": "content-type"}]
                },
            },
        },
    }
    connection = {
        "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "model"}}]}]},
        "http_filters": [
            {"name": "envoy.filters.http.ext_authz", "typed_config": authorise},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{kind}.http.router.v3.Router"}},
        ],
    }  # fmt: skip
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection}]
    listener = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                "filter_chains": [{"filters": filters}]}  # fmt: skip
    return {"static_resources": {"listeners": [listener],
                                 "clusters": [cluster("stillwatch", authoriser), cluster("model", model)]}}  # fmt: skip


@pytest.fixture
def authoriser(service: DecisionService, tmp_path: Path) -> Iterator[Served]:
    made = serve(service, tmp_path, "ext-authz", "--account-header", "x-account")
    yield made
    made.stop()


def test_a_real_envoy_refuses_whom_a_decision_refuses_and_passes_all_when_we_are_killed(
    authoriser: Served, model: MockModel, tmp_path: Path
) -> None:
    port = free_port()
    configuration = tmp_path / "envoy.json"
    configuration.write_text(json.dumps(envoy_configuration(port, authoriser.port, model.port)), "utf-8")
    command = [str(gateway_python().parent / "envoy"), "-c", str(configuration), "--use-dynamic-base-id",
               "--concurrency", "1", "--log-level", "error"]  # fmt: skip
    with (tmp_path / "envoy.log").open("ab") as log:
        envoy = Served(subprocess.Popen(command, stdout=log, stderr=log), port)
    try:
        envoy.ready("/v1/nothing")
        until = time.monotonic() + 10
        while envoy.call("POST", "/v1/chat/completions", CHAT, x_account="suspended").status != 403:
            assert time.monotonic() < until, "the decision never came"
        passed = envoy.call("POST", "/v1/chat/completions", CHAT, x_account="ordinary", authorization="Bearer client")
        assert (passed.status, passed.json["choices"][0]["message"]["content"]) == (200, ANSWER)
        refused = envoy.call("POST", "/v1/chat/completions", CHAT, x_account="throttled")
        assert (refused.status, refused.headers["retry-after"]) == (429, "17")
        assert refused.json["error"]["decision_id"] == refused.headers["x-stillwatch-decision"] == "D-throttled"
        authoriser.stop()
        assert envoy.call("POST", "/v1/chat/completions", CHAT, x_account="suspended").status == 200
    finally:
        envoy.stop()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("*.log"))
    assert SERVICE_TOKEN.encode() not in written


def test_a_real_proxy_asks_the_guardrail_and_serves_all_when_it_is_killed(
    model: MockModel, service: DecisionService, tmp_path: Path
) -> None:
    guardrail = serve(service, tmp_path, "guardrail")
    folder = tmp_path / "proxy"
    folder.mkdir()
    address = f"http://127.0.0.1:{guardrail.port}"
    proxy = Proxy(folder, model.port, callbacks=[], guardrail=address).start()
    try:
        for form in ("chat", "messages", "responses"):
            assert proxy.ask(form, "ordinary", stream=False).status == 200
            refused = proxy.ask(form, "suspended", stream=False)
            assert refused.status == 400
            assert b"D-suspended" in refused.raw and ANSWER.encode() not in refused.raw
        guardrail.stop()
        assert proxy.ask("chat", "suspended", stream=False).status == 200
    finally:
        guardrail.stop()
        proxy.stop()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "guardrail", "--host", "0.0.0.0"], "token"),
        (["serve", "ext-authz", "--host", "::"], "token"),
        (["serve", "ext-authz"], "header"),
        (["serve", "guardrail"], "decision service"),
        (["serve", "guardrail", "--token-file", "/nowhere"], "token-file"),
        (["status"], "cache folder"),
        (["status", "--cache-dir", "/nowhere"], "no such folder"),
    ],
)
def test_what_the_caller_can_mend_is_said_with_a_hint(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("STILLWATCH_GATEWAY_")]:
        monkeypatch.delenv(name)
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert said in told and "\ntry: " in told


def test_status_says_what_the_cache_holds_and_that_a_damaged_one_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [decision("a", "suspend"), decision("b", "trim"), decision("c", "trim", enforced=False),
            decision("d", "watch", expires_at=1.0)]  # fmt: skip
    cache = Cache()
    body = {"cursor": 7, "reset": True, "now": time.time(), "upsert": [one.as_dict() for one in held], "delete": []}
    cache.apply(read_delta(json.dumps(body)))
    save(cache, tmp_path, "a-service")
    assert main(["status", "--cache-dir", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "3 decisions hold" in told and "trim (simulated): 1" in told and "cursor 7" in told
    (tmp_path / "decisions.jsonl").write_bytes((tmp_path / "decisions.jsonl").read_bytes()[:-40])
    assert status_of(tmp_path)["age_s"] is None
    assert main(["status", "--cache-dir", str(tmp_path)]) == 0
    assert "no readable cache" in capsys.readouterr().out


def test_help_names_every_command() -> None:
    command = [sys.executable, "-m", "stillwatch_gateway", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0 and "serve" in told.stdout and "status" in told.stdout

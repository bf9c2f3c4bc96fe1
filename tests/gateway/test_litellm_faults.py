"""A proxy on a damaged cache, or whose decision service dies, serves all the same and enforces what it knows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from deciding import DecisionService, decision
from mock_model import MockModel
from running_proxy import PLUGIN, SERVICE_TOKEN, Proxy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("litellm")]


def started(folder: Path, model: MockModel, **settings: str) -> Proxy:
    """A proxy with the plug-in and these settings."""
    return Proxy(folder, model.port, callbacks=[PLUGIN], environment=settings).start()


def test_a_damaged_cache_and_a_killed_service_fail_no_request(model: MockModel, tmp_path: Path) -> None:
    service = DecisionService([decision("suspended", "suspend"), decision("brief", "suspend")], SERVICE_TOKEN)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "decisions.jsonl").write_bytes(b'{"form": 1, "source": "x"}\n\x00\xff{{{{' * 100)
    (cache / "known.bin").write_bytes(b"\x00" * 1001)
    proxy = started(
        tmp_path, model, STILLWATCH_GATEWAY_URL=service.url, STILLWATCH_GATEWAY_TOKEN=SERVICE_TOKEN,
        STILLWATCH_GATEWAY_CACHE_DIR=str(cache), STILLWATCH_GATEWAY_WAIT_S="1",
    )  # fmt: skip
    try:
        assert proxy.ask("chat", "ordinary", stream=False).status == 200
        until = time.monotonic() + 10
        while proxy.ask("chat", "brief", stream=False).status != 403:
            assert time.monotonic() < until
        ends_at = time.time() + 6
        service.say([decision("suspended", "suspend"), decision("brief", "suspend", expires_at=ends_at)])
        time.sleep(2)
        service.stop()
        while time.time() < ends_at + 0.5:
            assert proxy.ask("messages", "ordinary", stream=True).status == 200
            assert proxy.ask("responses", "suspended", stream=True).status == 403
        assert proxy.ask("chat", "brief", stream=False).status == 200, "nothing outlives its expiry"
        assert proxy.ask("chat", "suspended", stream=False).status == 403, "what was known holds on"
    finally:
        proxy.stop()
        service.stop()


def test_wrong_settings_stop_no_proxy_and_are_told(model: MockModel, tmp_path: Path) -> None:
    proxy = started(tmp_path, model, STILLWATCH_GATEWAY_URL="ftp://nowhere", STILLWATCH_GATEWAY_COLOUR="red")
    try:
        assert proxy.ask("chat", "suspended", stream=False).status == 200
    finally:
        proxy.stop()
    told = (tmp_path / "proxy.log").read_text("utf-8", "replace")
    assert "STILLWATCH_GATEWAY_COLOUR: no such setting" in told and "no request is judged" in told
    assert "ftp://nowhere" not in told

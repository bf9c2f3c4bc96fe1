"""Settings come from the environment, all faults at once; secrets show nowhere; faults are said once a minute."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from stillwatch_gateway.quiet import Faults
from stillwatch_gateway.settings import GatewaySettings, SettingsError


def test_each_setting_is_read_from_its_variable() -> None:
    read = GatewaySettings.from_environment({
        "STILLWATCH_GATEWAY_URL": "https://decisions.example/", "STILLWATCH_GATEWAY_TOKEN": "secret-canary",
        "STILLWATCH_GATEWAY_REDIS": "redis://:password-canary@cache.example:6379/0",
        "STILLWATCH_GATEWAY_FAIL": "Closed",
        "STILLWATCH_GATEWAY_STALE": "keep", "STILLWATCH_GATEWAY_STALE_AFTER_S": "60",
        "STILLWATCH_GATEWAY_TEXT_LIMIT": "512",
        "STILLWATCH_GATEWAY_CACHE_DIR": "/var/cache/stillwatch", "STILLWATCH_GATEWAY_LOG": "/var/log/exchanges",
        "PATH": "/bin",
    })  # fmt: skip
    assert (read.url, read.fail, read.stale, read.stale_after_s) == ("https://decisions.example", "closed", "keep", 60)
    assert (read.text_limit, read.cache_dir, read.log) == (
        512, Path("/var/cache/stillwatch"), Path("/var/log/exchanges"),
    )  # fmt: skip
    assert read.bearer() == "secret-canary"
    assert "canary" not in repr(read) and "canary" not in str(read)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert GatewaySettings.from_environment({"STILLWATCH_GATEWAY_URL": " "}) == GatewaySettings()


def test_all_faults_are_told_at_once_and_no_value_is_quoted() -> None:
    with pytest.raises(SettingsError) as told:
        GatewaySettings.from_environment({
            "STILLWATCH_GATEWAY_URL": "file:///etc/passwd-canary", "STILLWATCH_GATEWAY_FAIL": "canary",
            "STILLWATCH_GATEWAY_STALE_AFTER_S": "nan", "STILLWATCH_GATEWAY_TEXT_LIMIT": "1e3",
            "STILLWATCH_GATEWAY_TOKENS": "x",
            "STILLWATCH_GATEWAY_TOKEN": "canary", "STILLWATCH_GATEWAY_TOKEN_FILE": "/canary",
        })  # fmt: skip
    said = str(told.value)
    for name in ("URL", "FAIL", "STALE_AFTER_S", "TEXT_LIMIT", "TOKENS", "TOKEN"):
        assert f"STILLWATCH_GATEWAY_{name}:" in said
    assert "canary" not in said


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = GatewaySettings(token_file=file)
    with pytest.raises(OSError):
        settings.bearer()
    for token in ("first", "second"):
        file.write_text(token + "\n")
        assert settings.bearer() == token
    file.write_text("")
    assert settings.bearer() is None


def test_a_fault_is_counted_each_time_and_said_once_a_minute_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    faults = Faults(steady=lambda: now[0])
    with caplog.at_level(logging.DEBUG):
        for second in range(0, 130, 10):
            now[0] = second
            faults.note("place", OSError(28, "canary"), hint="free some space")
            faults.note("other")
    assert faults.counts() == {"place": 13, "other": 13}
    said = [record.getMessage() for record in caplog.records if "place" in record.getMessage()]
    assert len(said) == 3
    assert "OSError 28" in said[0] and "free some space" in said[0] and "canary" not in caplog.text


def test_a_logging_handler_that_raises_stops_nothing() -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError

    logger = logging.getLogger("stillwatch_gateway")
    handler = Broken()
    logger.addHandler(handler)
    try:
        faults = Faults()
        faults.note("place")
    finally:
        logger.removeHandler(handler)
    assert faults.counts() == {"place": 1}

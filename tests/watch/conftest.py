"""A source that grows, of each kind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from growing import KafkaTopic, Logs, MockCluster, RedisServer, Stream, Tansu, Watch


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    """A test that fails leaves no watch behind."""
    yield
    while Watch.alive:
        Watch.alive.pop().kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    one = RedisServer(tmp_path)
    yield one
    one.kill()


@pytest.fixture
def tansu(tmp_path: Path) -> Iterator[Tansu]:
    one = Tansu(tmp_path)
    yield one
    one.kill()


@pytest.fixture(params=["logs", "redis", "kafka-broker", "kafka-mock"])
def growing(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A folder whose log is rotated, a Redis stream, a topic of a broker, a topic of librdkafka's mock."""
    match request.param:
        case "logs":
            return Logs(tmp_path / "logs", turn=150)
        case "redis":
            return Stream(request.getfixturevalue("server"), "&group=watchers")
        case "kafka-broker":
            return KafkaTopic(request.getfixturevalue("tansu").address, query="?group=watchers")
    cluster = MockCluster()
    topic: Any = KafkaTopic(cluster.address, made=True)
    topic.cluster = cluster
    return topic

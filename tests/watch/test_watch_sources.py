"""What happens to sources: rotated, truncated, trimmed, made anew, unreadable, half written."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from growing import KafkaTopic, MockCluster, RedisServer, Stream, Tansu, record, stored, totals

from stillwatch.errors import OutsideError, UsageError
from stillwatch.ingest.streams import Follower, folder, follow
from stillwatch.settings import Settings
from stillwatch.watch.intaking import Batch, Intaking


class Place:
    """A home and one source, read when the test says so."""

    def __init__(self, home: Path, source: str) -> None:
        self.home, self.source = home, source
        self.intaking = Intaking(home, Settings(), None)
        self.follower: Follower = follow(source, leave=[home])

    def read(self) -> Batch:
        inputs = self.follower.ready(self.intaking.places())
        batch = self.intaking.take(inputs, lambda: False)
        self.follower.stored(self.intaking.places())
        return batch

    def read_until(self, rows: int) -> None:
        for _ in range(60):
            self.read()
            if len(stored(self.home)) >= rows:
                return

    def again(self) -> Place:
        """As another process finds it."""
        self.close()
        return Place(self.home, self.source)

    def behind(self) -> int | None:
        return self.follower.behind(self.intaking.places())

    def close(self) -> None:
        self.follower.close()
        self.intaking.close()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def place(tmp_path: Path, logs: Path) -> Iterator[Place]:
    one = Place(tmp_path / "home", str(logs))
    yield one
    one.close()


def write(path: Path, *numbers: int, end: str = "\n") -> None:
    with path.open("a") as file:
        file.write("".join(record(i) + "\n" for i in numbers[:-1]) + record(numbers[-1]) + end)


def test_a_log_grows_and_only_its_new_lines_are_read(place: Place, logs: Path) -> None:
    write(logs / "a.jsonl", 1, 2)
    assert place.read().kept == 2
    assert place.read().read == 0
    with (logs / "a.jsonl").open("a") as file:
        file.write(record(3) + "\n" + record(4)[:40])
    assert (place.read().kept, place.read().read) == (1, 0)
    place = place.again()
    with (logs / "a.jsonl").open("a") as file:
        file.write(record(4)[40:] + "\n")
    assert (place.read().kept, totals(place.home)["duplicates"]) == (1, 0)
    assert sorted(stored(place.home)) == ["e1", "e2", "e3", "e4"]


@pytest.mark.parametrize("how", ["renamed", "copied and truncated"])
def test_a_rotated_log_goes_on_where_it_was_also_after_a_restart(place: Place, logs: Path, how: str) -> None:
    log = logs / "a.jsonl"
    write(log, 1, 2)
    place.read()
    write(log, 3)
    if how == "renamed":
        log.rename(logs / "a.jsonl.1")
    else:
        shutil.copy(log, logs / "a.jsonl.1")
        os.truncate(log, 0)
    write(log, 4)
    place = place.again()
    place.read()
    assert sorted(stored(place.home)) == ["e1", "e2", "e3", "e4"]
    assert totals(place.home)["duplicates"] == 0
    (logs / "a.jsonl.1").rename(logs / "a.jsonl.2")
    log.rename(logs / "a.jsonl.1")
    write(log, 5)
    place.read()
    assert sorted(stored(place.home))[-1] == "e5" and totals(place.home)["duplicates"] == 0


def test_a_truncated_log_is_read_from_its_beginning(place: Place, logs: Path) -> None:
    write(logs / "a.jsonl", 1, 2, 3)
    place.read()
    os.truncate(logs / "a.jsonl", 0)
    assert place.read().read == 0
    write(logs / "a.jsonl", 4)
    assert place.read().kept == 1


def test_a_packed_log_is_read_once_it_rests(place: Place, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gzip.compress((record(1) + "\n" + record(2) + "\n").encode())
    (logs / "a.jsonl.gz").write_bytes(whole[:40])
    assert place.read().read == 0
    (logs / "a.jsonl.gz").write_bytes(whole)
    assert place.read().read == 0
    monkeypatch.setattr(folder, "REST_S", 0.0)
    assert (place.read().kept, place.read().read, totals(place.home)["quarantined"]) == (2, 0, 0)


def test_a_file_that_is_no_log_and_one_that_may_not_be_read_are_named_and_passed(place: Place, logs: Path) -> None:
    (logs / "notes.jsonl").write_text('{"a": 1}\n')
    write(logs / "a.jsonl", 1)
    batch = place.read()
    assert batch.kept == 1
    assert [Path(path).name for path in batch.skipped] == ["notes.jsonl"]
    assert place.read().skipped == {}, "it is looked at again when it changes"


def test_what_an_ingest_read_is_not_read_again_by_a_watch_nor_the_other_way_round(place: Place, logs: Path) -> None:
    from stillwatch.intake import take_in

    write(logs / "a.jsonl", *range(50))
    take_in(place.home, [str(logs)])
    write(logs / "a.jsonl", 50)
    assert (place.read().read, place.read().read) == (1, 0)
    write(logs / "a.jsonl", 51)
    report = take_in(place.home, [str(logs)])
    assert (report.read, report.duplicates) == (1, 0)
    assert place.read().read == 0


def test_a_batch_that_the_disk_refuses_is_read_again(
    place: Place, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stillwatch.store import writing

    write(logs / "a.jsonl", 1)
    place.read()
    write(logs / "a.jsonl", 2, 3)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(writing, "write_part", full)
        with pytest.raises(OSError, match="No space"):
            place.read()
    assert place.read().kept == 2
    assert sorted(stored(place.home)) == ["e1", "e2", "e3"]
    assert totals(place.home)["duplicates"] == 0


def test_a_customer_forgotten_meanwhile_is_gone_and_may_come_back(place: Place, logs: Path) -> None:
    from stillwatch.pipeline import forget

    write(logs / "a.jsonl", *range(14))
    place.read()
    forget(place.home, "a3")
    assert len(stored(place.home)) == 12
    write(logs / "a.jsonl", 3, 100)
    assert place.read().kept == 2, "an id that was forgotten with its row is new"
    assert sorted(stored(place.home)).count("e3") == 1


def test_a_redis_stream_trimmed_before_it_was_read_is_counted_and_one_made_anew_is_read(
    tmp_path: Path, server: RedisServer
) -> None:
    stream = Stream(server, "&group=watchers")
    place = Place(tmp_path / "home", stream.source)
    assert place.read().read == 0
    stream.send(record(i) for i in range(10))
    assert (place.read().kept, place.behind()) == (10, 0)
    (group,) = stream.client.xinfo_groups("calls")
    assert (group["name"], group["lag"], group["entries-read"]) == (b"watchers", 0, 10)
    stream.send(record(i) for i in range(10, 20))
    stream.client.xtrim("calls", maxlen=4, approximate=False)
    batch = place.read()
    assert (batch.kept, dict(batch.reasons)) == (4, {"entries were removed before they were read": 6})
    assert place.read().read == 0
    stream.client.delete("calls")
    stream.send(record(i) for i in range(20, 23))
    place = place.again()
    assert (place.read().kept, place.behind()) == (3, 0)
    place.close()


def test_a_redis_entry_without_a_record_is_refused_and_a_named_field_is_read(
    tmp_path: Path, server: RedisServer
) -> None:
    stream = Stream(server, "&field=body")
    stream.client.xadd("calls", {"body": record(1), "other": "x"})
    stream.client.xadd("calls", {"other": "x", "more": "y"})
    stream.client.xadd("calls", {"body": "no json"})
    place = Place(tmp_path / "home", stream.source)
    batch = place.read()
    assert (batch.kept, batch.quarantined) == (1, 2)
    assert set(batch.reasons) == {"entry has no field with a record", "is not JSON"}
    place.close()
    server.kill()
    gone = Place(tmp_path / "home", stream.source)
    with pytest.raises(OutsideError, match="cannot be read"):
        gone.read()


def test_a_topic_is_read_again_after_a_batch_that_was_not_stored(
    tmp_path: Path, tansu: Tansu, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = KafkaTopic(tansu.address)
    topic.send(record(i) for i in range(300))
    place = Place(tmp_path / "home", topic.source)

    with monkeypatch.context() as broken:
        broken.setattr(Intaking, "take", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        for _ in range(8):
            if place.follower.ready(place.intaking.places()):
                break
    place.read_until(300)
    assert sorted(stored(place.home)) == sorted(f"e{i}" for i in range(300))
    assert totals(place.home)["duplicates"] == 0
    assert place.behind() == 0
    place.close()


def test_a_broker_that_goes_away_and_comes_back_with_its_topic_is_read_on(
    tmp_path: Path, tansu: Tansu
) -> None:
    topic = KafkaTopic(tansu.address)
    topic.send(record(i) for i in range(30))
    place = Place(tmp_path / "home", topic.source)
    place.read_until(30)
    tansu.kill()
    with pytest.raises(OutsideError, match=r"cannot be read|no such topic"):
        for _ in range(30):
            place.read()
    second = Tansu(tmp_path, tansu.port)
    try:
        KafkaTopic(second.address).send(record(i) for i in range(33))
        for _ in range(60):
            try:
                place.read()
            except OutsideError:
                continue
            if len(stored(place.home)) == 33:
                break
        assert sorted(stored(place.home)) == sorted(f"e{i}" for i in range(33))
        assert totals(place.home)["duplicates"] == 0, "it goes on at the offsets that are stored"
    finally:
        place.close()
        second.kill()


def test_messages_that_the_broker_removed_are_counted_and_a_topic_made_anew_is_read_from_its_beginning(
    tmp_path: Path,
) -> None:
    cluster = MockCluster()
    topic = KafkaTopic(cluster.address, made=True)
    topic.send(record(i) for i in range(30))
    place = Place(tmp_path / "home", topic.source)
    place.read_until(30)
    place.close()  # or it would fetch ahead what is to be removed
    wide = "x" * 60_000  # the mock keeps five megabytes of a partition
    topic.send(record(i, completion=wide) for i in range(30, 630))
    place = Place(place.home, topic.source)
    for _ in range(60):
        place.read()
        told = totals(place.home)
        if told["kept"] + told["quarantined"] == 630:
            break
    assert told["reasons"].keys() == {"messages were removed before they were read"}
    assert told["kept"] + told["quarantined"] == 630 and 0 < told["quarantined"] < 600
    assert place.behind() == 0
    label = f"{place.follower.name}/0"
    with place.intaking._open().ledger.transaction() as db:
        db.execute("UPDATE inputs SET position=json_set(position, '$.offset', 5000) WHERE path=?", (label,))
    kept = len(stored(place.home))
    place = place.again()
    topic.send([record(1000)])
    place.read_until(kept + 1)
    assert "e1000" in stored(place.home)
    place.close()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere", "is not there"),
        ("-", "standard input cannot be followed"),
        ("ftp://a/b", "there is no source ftp://"),
        ("redis://127.0.0.1:1/0", "names no stream"),
        ("redis://127.0.0.1:1/0?stream=a&filed=b", "has no option 'filed'"),
        ("kafka://127.0.0.1:1", "names no topic"),
        ("kafka://me:secret@127.0.0.1:1/a", "holds a name or password"),
        ("kafka://127.0.0.1:1/a?from=middle", "from= is earliest or latest"),
        ("kafka://127.0.0.1:1/a?config=nowhere", "cannot be read"),
    ],
)
def test_a_source_that_cannot_be_one_is_refused_with_a_hint(source: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        follow(source)
    assert refused.value.hint and "secret" not in str(refused.value)


def test_a_password_in_a_redis_url_is_in_no_name() -> None:
    follower: Any = follow("redis://:canary@127.0.0.1:1/3?stream=calls")
    assert follower.name == "redis://127.0.0.1:1/3?stream=calls"
    follower.close()

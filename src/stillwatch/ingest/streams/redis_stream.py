"""A Redis stream of gateway records: `redis://HOST:PORT/DB?stream=NAME`, read by ids that the ledger holds.

No consumer group is needed; with `group=NAME` a group's mark is moved behind what is stored, for whoever trims the
stream or watches its lag. Source of the commands: Redis documentation, XREAD, XINFO STREAM, XGROUP SETID.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stillwatch.errors import OutsideError, UsageError
from stillwatch.ingest.defects import Defect
from stillwatch.ingest.dialects import Dialect, dialects
from stillwatch.ingest.inputs import Input, Position
from stillwatch.ingest.lines import Block
from stillwatch.ingest.reading import Taken, recognised, take_block
from stillwatch.ingest.streams import missing_client, options_of

SCHEMES = ("redis", "rediss")
MOST_ENTRIES = 5000
"""Entries that are asked for at once."""
_OPTIONS = {"stream": "", "field": "", "group": "", "from": "earliest"}
_WAIT_S = 10.0


def follow(source: str, *, leave: Sequence[Path] = ()) -> RedisFollower:
    """The follower of a stream; UsageError where the URL names none, or redis-py is not installed."""
    options = options_of(source, _OPTIONS)
    if not options["stream"]:
        raise UsageError("SOURCE", "names no stream", "redis://HOST:6379/0?stream=NAME")
    if options["from"] not in ("earliest", "latest"):
        raise UsageError("SOURCE", "from= is earliest or latest", "leave it out to read everything that is there")
    return RedisFollower(source, options)


class RedisFollower:
    """One stream. Its place is the id of the last entry that is stored."""

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        try:
            import redis
        except ImportError as error:
            raise missing_client("redis-py", "redis") from error
        parts = urlsplit(url)
        where = f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        database = parts.path.strip("/") or "0"
        self._stream, self._field, self._group = options["stream"], options["field"], options["group"]
        self._latest = options["from"] == "latest"
        self.name = f"{parts.scheme}://{where}/{database}?stream={self._stream}"
        self._failed = redis.RedisError
        try:
            self._client: Any = redis.Redis.from_url(
                urlunsplit(parts._replace(query="")), socket_timeout=_WAIT_S, socket_connect_timeout=_WAIT_S
            )
        except ValueError as error:
            raise UsageError("SOURCE", "is not a Redis URL", "redis://HOST:6379/0?stream=NAME") from error
        self._added: int | None = None

    def ready(self, known: Mapping[str, Position]) -> Sequence[Input]:
        """The entries behind the last id that is stored, if there are any."""
        try:
            return self._ready(known.get(self.name))
        except self._failed as error:
            raise OutsideError(self.name, f"cannot be read ({type(error).__name__})", "is Redis up?") from error

    def _ready(self, place: Position | None) -> Sequence[Input]:
        if not self._client.exists(self._stream):
            self._added = None
            return []
        told = {_text(name): value for name, value in self._client.xinfo_stream(self._stream).items()}
        length, added = int(told["length"]), told.get("entries-added")
        self._added = int(added) if added is not None else None
        gone = self._added - length if self._added is not None else None
        lost = 0
        if place is None:
            last = _text(told["last-generated-id"]) if self._latest else "0-0"
            passed = self._added if self._latest and self._added is not None else gone or 0
            place = {"rows": 0, "id": last, "passed": passed}
        elif _order(_text(told["last-generated-id"])) < _order(place["id"]):
            place = {**place, "id": "0-0", "passed": gone or 0}  # the stream was made anew
        elif self._added is not None and self._added < place["passed"]:
            place = {**place, "passed": gone or 0}  # likewise, with the later ids of a later time
        elif gone is not None and gone > place["passed"]:
            lost = gone - place["passed"]
        found = self._client.xread({self._stream: place["id"]}, count=MOST_ENTRIES)
        entries = found[0][1] if isinstance(found, list) and found else next(iter(found.values()))[0] if found else []
        if not entries:
            return []
        return [_Entries(self.name, entries, place, lost, self._field)]

    def stored(self, known: Mapping[str, Position]) -> None:
        """Moves the group's mark behind what is stored, where a group was named."""
        place = known.get(self.name)
        if not self._group or place is None:
            return
        try:
            if not any(_text(g["name"]) == self._group for g in self._client.xinfo_groups(self._stream)):
                self._client.xgroup_create(self._stream, self._group, place["id"], mkstream=False)
            self._client.xgroup_setid(self._stream, self._group, place["id"], entries_read=place["passed"])
        except self._failed:  # only a courtesy: the place that counts is in the ledger
            return

    def behind(self, known: Mapping[str, Position]) -> int | None:
        """Entries added since, where Redis counts them (from version 7)."""
        place = known.get(self.name)
        if self._added is None:
            return None
        return max(0, self._added - int(place["passed"])) if place is not None else self._added

    def overlooked(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


class _Entries:
    """Entries that were read: each one record, as JSON in one of its fields."""

    passed, remembered = None, True

    def __init__(self, label: str, entries: list[Any], place: Position, lost: int, field: str) -> None:
        self.label = label
        self._entries, self._place, self._lost, self._field = entries, place, lost, field

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """The place that they were asked for from."""
        return dict(self._place)

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """One batch. Rows are numbered as they were read from this stream."""
        block = Block(lines=start["rows"])
        if self._lost:
            reason = "entries were removed before they were read"
            block.defects.append(Defect(block.lines + 1, reason, None, None, self._lost))
        for _, fields in self._entries:
            block.lines += 1
            raw = _record(fields or {}, self._field)
            if raw is None:
                block.defects.append(Defect(block.lines, "entry has no field with a record", None, None))
            else:
                block.raw.append(raw)
                block.numbers.append(block.lines)
        spoken = dialect or recognised(block.raw) or dialects().get(start.get("dialect") or "")
        taken = take_block(block, spoken)
        passed = start["passed"] + self._lost + len(self._entries)
        taken.at = {"rows": block.lines, "id": _text(self._entries[-1][0]), "passed": passed}
        yield taken


def _record(fields: Mapping[bytes, bytes], name: str) -> bytes | None:
    if name:
        return fields.get(name.encode())
    if len(fields) == 1:
        return next(iter(fields.values()))
    return next((value for key, value in fields.items() if key == b"record"), None)


def _order(entry_id: str) -> tuple[int, int]:
    at, _, number = entry_id.partition("-")
    return int(at), int(number or 0)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

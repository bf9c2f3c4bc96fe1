"""One Redis as the shared cache of several gateways: what the service writes there, and how a gateway reads it.

Keys, after the prefix: `decisions` (hash: id → decision as JSON), `cursor`, `now` (the service's clock and Redis' own
at that moment, as JSON: its heartbeat), `deltas` (stream: one entry a delta, with the cursor before it), `known` and
`known_tag`, `rules` and `rules_tag`, `usage` and `sightings` (streams: what gateways hand in). A reader that finds a
gap in the deltas reads `decisions` anew.
Needs the `redis` client: ``pip install redis``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from stillwatch_gateway.deltas import LONGEST_DELTA, Delta, decision_or_bad, read_delta
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.sources import LONGEST_RULES, RefusedError, SourceError
from stillwatch_gateway.wire import Decision, WireError

PREFIX = "stillwatch:"
KEPT_DELTAS, KEPT_REPORTS = 10_000, 100_000
_MOST_ENTRIES = 64
_SCAN = 500


def publish(
    client: Any, delta: Mapping[str, Any], state: Iterable[Mapping[str, Any]] | None = None,
    known: tuple[bytes, str] | None = None, *, rules: tuple[bytes, str] | None = None, prefix: str = PREFIX,
) -> None:  # fmt: skip
    """The service's side: make one delta (the wire's JSON object, as a mapping) visible to all gateways, at once.

    `state`: all decisions that hold after it; to be given when the service starts and with every reset, else None.
    `known`: account numbers and their tag, where they changed; `rules`: the list as JSON and its tag, where it changed.
    A delta without a change is a heartbeat: send one at least once a minute, or gateways take their cache for stale.
    Only one service may publish. Raises what the client raises.
    """
    pipe = client.pipeline(transaction=True)
    before = client.get(f"{prefix}cursor")
    now = [float(delta.get("now") or time.time()), _joined_time(client.time())]
    if state is not None:
        pipe.delete(f"{prefix}decisions")
        for one in state:
            pipe.hset(f"{prefix}decisions", one["decision_id"], json.dumps(one))
    else:
        for one in delta.get("upsert", ()):
            pipe.hset(f"{prefix}decisions", one["decision_id"], json.dumps(one))
        for one in delta.get("delete", ()):
            pipe.hdel(f"{prefix}decisions", one)
    if state is not None or delta.get("reset") or delta.get("upsert") or delta.get("delete"):
        # A reset says only that readers must read everything; it may be too long for an entry.
        reset = state is not None or bool(delta.get("reset"))
        told = {**delta, "reset": reset, **({"upsert": [], "delete": []} if reset else {})}
        entry = {"before": "" if before is None or reset else before, "delta": json.dumps(told)}
        pipe.xadd(f"{prefix}deltas", entry, maxlen=KEPT_DELTAS, approximate=True)
    pipe.set(f"{prefix}cursor", int(delta["cursor"]))
    pipe.set(f"{prefix}now", json.dumps(now))
    if known is not None:
        pipe.set(f"{prefix}known", known[0])
        pipe.set(f"{prefix}known_tag", known[1])
    if rules is not None:
        pipe.set(f"{prefix}rules", rules[0])
        pipe.set(f"{prefix}rules_tag", rules[1])
    pipe.execute()


def handed_in(client: Any, kind: str, *, most: int = 1000, prefix: str = PREFIX) -> dict[str, dict[str, Any] | None]:
    """The service's side: the oldest `usage` or `sightings` that gateways handed in, by the id of their entry.

    None: an entry that cannot be read. They stay until they are `acknowledged`: record them first, with their ids, and
    pass over those ids when a crash between the two has left them.
    """
    out: dict[str, dict[str, Any] | None] = {}
    for one, fields in client.xrange(f"{prefix}{kind}", count=most):
        try:
            item = json.loads(fields[b"item"] if b"item" in fields else fields["item"])
        except (ValueError, KeyError, RecursionError):
            item = None
        out[one.decode() if isinstance(one, bytes) else one] = item if isinstance(item, dict) else None
    return out


def acknowledge(client: Any, kind: str, entries: Collection[str], *, prefix: str = PREFIX) -> None:
    """The service's side: delete entries that are recorded."""
    if entries:
        client.xdel(f"{prefix}{kind}", *entries)


class RedisSource:
    """A gateway's side of the shared cache. SourceError where the `redis` client is not installed."""

    def __init__(self, settings: GatewaySettings, *, client: Any = None, prefix: str = PREFIX) -> None:
        if settings.redis is None and client is None:
            raise SourceError("no address of a Redis")
        try:
            import redis
        except ImportError as error:
            raise SourceError("the redis client is not installed: pip install redis") from error
        self.name = f"redis:{prefix}"
        self._redis: Any = redis
        self._prefix = prefix
        self._client: Any = client or redis.Redis.from_url(
            str(settings.redis), socket_timeout=settings.wait_s + 10, socket_connect_timeout=5, decode_responses=False
        )
        self._entry: bytes | None = None
        self._cursor: int | None = None
        self._now: bytes | None = None
        self._rules_tag: bytes | None = None

    def next_delta(self, cursor: int | None, wait_s: float) -> Delta | None:
        """What changed; a reset where entries are missing. None: no change, and the service did not stir."""
        try:
            if self._entry is None or cursor is None or cursor != self._cursor:
                return self._everything()
            block = max(int(wait_s * 1000), 1)
            # A blocked reader does not see the heartbeat or a Redis that was emptied, so it looks up every few seconds.
            found = self._client.xread({f"{self._prefix}deltas": self._entry}, _MOST_ENTRIES, min(block, 5000))
            if not found:
                return self._heartbeat()
            return self._joined(found[0][1] if isinstance(found, list) else next(iter(found.values()))[0])
        except self._redis.exceptions.AuthenticationError as error:
            raise RefusedError("Redis refuses the password") from error
        except self._redis.exceptions.NoPermissionError as error:
            raise RefusedError("Redis refuses the user") from error
        except (self._redis.exceptions.RedisError, ValueError) as error:
            self._entry = None
            if isinstance(error, WireError):
                raise
            raise SourceError(type(error).__name__) from error

    def known(self, tag: str) -> tuple[bytes, str] | None:
        """The known accounts, where their tag is another."""
        latest = self._get("known_tag", 256)
        if latest is None or latest.decode("utf-8", "replace") == tag:
            return None
        raw = self._get("known", LONGEST_DELTA)
        return None if raw is None else (raw, latest.decode("utf-8", "replace"))

    def rules(self) -> object | None:
        """The rules, where their tag is another than at the last call."""
        latest = self._get("rules_tag", 256)
        if latest is None or latest == self._rules_tag:
            return None
        raw = self._get("rules", LONGEST_RULES)
        try:
            parsed: object = None if raw is None else json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise SourceError("the rules are no JSON") from error
        self._rules_tag = latest
        return parsed

    def post(self, kind: str, items: Sequence[dict[str, Any]]) -> None:
        """Append to the stream that the service collects."""
        try:
            pipe = self._client.pipeline(transaction=True)  # All or none: what failed is handed in again.
            for item in items:
                pipe.xadd(f"{self._prefix}{kind}", {"item": json.dumps(item)}, maxlen=KEPT_REPORTS, approximate=True)
            pipe.execute()
        except self._redis.exceptions.RedisError as error:
            raise SourceError(type(error).__name__) from error

    def _get(self, key: str, longest: int) -> bytes | None:
        try:
            if self._client.strlen(f"{self._prefix}{key}") > longest:
                raise SourceError(f"{key}: too long")
            raw: bytes | None = self._client.get(f"{self._prefix}{key}")
            return raw
        except self._redis.exceptions.RedisError as error:
            raise SourceError(type(error).__name__) from error

    def _everything(self) -> Delta:
        pipe = self._client.pipeline(transaction=True)
        pipe.get(f"{self._prefix}cursor")
        pipe.get(f"{self._prefix}now")
        pipe.xrevrange(f"{self._prefix}deltas", count=1)
        pipe.get(f"{self._prefix}known_tag")
        pipe.time()
        cursor, now, last, tag, at = pipe.execute()
        asked = time.monotonic()
        if cursor is None:
            raise SourceError("nothing was published yet")
        good: list[Decision] = []
        bad: list[str] = []
        # Deltas that come in while this goes on are after `last` and are applied next.
        for field, raw in self._client.hscan_iter(f"{self._prefix}decisions", count=_SCAN):
            decision = self._decision(raw)
            if decision is None:
                bad.append(field.decode("utf-8", "replace"))
            else:
                good.append(decision)
        self._entry = last[0][0] if last else b"0-0"
        self._cursor, self._now = int(cursor), now
        seconds, age = _service_time(now, at)
        if seconds is not None:
            seconds += time.monotonic() - asked  # Reading many decisions takes its time.
        return Delta(
            self._cursor, True, seconds, _text(tag), tuple(good), (), len(bad), tuple(bad), age
        )  # fmt: skip

    def _heartbeat(self) -> Delta | None:
        pipe = self._client.pipeline(transaction=True)
        pipe.get(f"{self._prefix}cursor")
        pipe.get(f"{self._prefix}now")
        pipe.get(f"{self._prefix}known_tag")
        pipe.time()
        cursor, now, tag, at = pipe.execute()
        if cursor is None or int(cursor) != self._cursor:
            # Emptied, or something was published this very moment.
            self._entry = None
            return None
        if now == self._now:
            return None
        self._now = now
        seconds, age = _service_time(now, at)
        return Delta(self._cursor, now=seconds, known=_text(tag), age_s=age)

    def _joined(self, entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> Delta:
        """One delta of several entries that follow each other without a gap."""
        upsert: dict[str, Decision] = {}
        delete: dict[str, None] = {}
        bad, known = 0, None
        bad_ids: list[str] = []
        for one, fields in entries:
            delta = read_delta(fields.get(b"delta", b""))
            if delta.reset or fields.get(b"before") != str(self._cursor).encode():
                return self._everything()
            for decision in delta.upsert:
                upsert[decision.decision_id] = decision
                delete.pop(decision.decision_id, None)
            for gone in delta.delete:
                upsert.pop(gone, None)
                delete[gone] = None
            bad += delta.bad
            bad_ids += delta.bad_ids
            known = delta.known
            self._entry, self._cursor = one, delta.cursor
        # What an entry says of the time was true when it was written, which may be long ago.
        pipe = self._client.pipeline(transaction=True)
        pipe.get(f"{self._prefix}now")
        pipe.time()
        self._now, at = pipe.execute()
        seconds, age = _service_time(self._now, at)
        return Delta(
            self._cursor, False, seconds, known, tuple(upsert.values()), tuple(delete), bad, tuple(bad_ids), age
        )  # fmt: skip

    def _decision(self, raw: bytes) -> Decision | None:
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return None
        decision = decision_or_bad(found) if isinstance(found, dict) else None
        return decision if isinstance(decision, Decision) else None


def _service_time(said: bytes | None, at: tuple[int, int]) -> tuple[float | None, float]:
    """The service's time now and how long ago it was heard, from what it said then; None where that is nonsense."""
    try:
        then, on_redis = json.loads(said or b"")
        age = max(_joined_time(at) - float(on_redis), 0.0)
        seconds = float(then) + age
    except (ValueError, TypeError, RecursionError):
        return None, 0.0
    return (seconds, age) if abs(seconds) < 1e12 else (None, 0.0)


def _joined_time(parts: Sequence[int]) -> float:
    return parts[0] + parts[1] / 1e6


def _text(raw: bytes | None) -> str | None:
    return raw.decode("utf-8", "replace") if raw else None

"""The evaluator of tokens: a small server of a neutral body; keyed, rate-limited, in batches. And asking it."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from stillwatch.decide.record import Who
from stillwatch.errors import OutsideError, UsageError
from stillwatch.match import oprf
from stillwatch.match.book import DAY_S, Book
from stillwatch.match.door import SMALL_BODY, Call, Desk, open_door
from stillwatch.match.wire import Line
from stillwatch.records.token import SUITE, Token

KEY_NAME = "evaluator.key"


@dataclass(frozen=True)
class Rates:
    """`inputs_a_day`: values that one member may ask in a day: what bounds trying all of a small domain.
    `epoch_days`: how long a key is used."""

    inputs_a_day: int = 10_000
    epoch_days: int = 30

    def epoch(self, now: float) -> int:
        """The number of the epoch at a time (seconds since 1970)."""
        return int(now // (self.epoch_days * DAY_S))

    def ends_at(self, epoch: int) -> float:
        """When an epoch's key ends (seconds since 1970)."""
        return (epoch + 1) * self.epoch_days * DAY_S


@dataclass(frozen=True)
class Key:
    """What an evaluator says of the key that it uses now: its own id, suite, epoch, the key's id, and when it ends
    (seconds since 1970)."""

    evaluator: str
    suite: str
    epoch: int
    key_id: str
    ends_at: float


class Evaluating:
    """The evaluator over a home. It sees how many values a member asks, and none of them."""

    def __init__(self, book: Book, rates: Rates, *, clock: Callable[[], float] = time.time) -> None:
        self.book, self.rates, self.clock = book, rates, clock
        self._chain = _Chain(book.home)
        number = rates.epoch(clock())
        #: Names the evaluator over its epochs; what binds a token is its key, not this name.
        self.id, seed = self._chain.seed(number)
        self._epoch = oprf.Epoch(seed, number)

    def app(self) -> Starlette:
        """The routes."""
        body = oprf.MOST_AT_ONCE * 48 + 1024
        desks: list[Desk] = [
            ("POST", "/v1/tokens/evaluate", "evaluate", body, self.evaluate),
            ("GET", "/v1/tokens/key", "evaluate", SMALL_BODY, self.key),
        ]
        return open_door(self.book, desks, self.clock)

    def key(self, call: Call) -> dict[str, Any]:
        """The key that is used now, and when it ends. Costs the member nothing of its rate."""
        return self._says(self._now(self.clock()))

    def evaluate(self, call: Call) -> dict[str, Any]:
        """{blinded: [base64]} to the evaluated batch, its key and epoch. Refused over the member's rate."""
        said = call.json().get("blinded")
        if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
            raise UsageError("blinded", "is no list of base64", "send what RFC 9497 blinds")
        try:
            blinded = [base64.b64decode(one, validate=True) for one in said]
        except (binascii.Error, ValueError) as error:
            raise UsageError("blinded", "is no list of base64", "send what RFC 9497 blinds") from error
        now = self.clock()
        epoch = self._now(now)
        self.book.use(call.peer.name, now, DAY_S, {"inputs": (len(blinded), self.rates.inputs_a_day)})
        made = epoch.evaluate(blinded)
        self.book.audit(Who(call.peer.name, "peer"), "tokens evaluated", epoch.key_id, now, inputs=len(blinded),
                        epoch=epoch.number)  # fmt: skip
        return {**self._says(epoch), "evaluated": base64.b64encode(made).decode()}

    def _now(self, now: float) -> oprf.Epoch:
        number = self.rates.epoch(now)
        if self._epoch.number != number:
            self._epoch = oprf.Epoch(self._chain.seed(number)[1], number)
        return self._epoch

    def _says(self, epoch: oprf.Epoch) -> dict[str, Any]:
        return {
            "evaluator": self.id, "suite": SUITE, "epoch": epoch.number, "key_id": epoch.key_id,
            "ends_at": self.rates.ends_at(epoch.number), "public_key": base64.b64encode(epoch.public_key).decode(),
        }  # fmt: skip


def key_of(line: Line) -> Key:
    """The key that an evaluator uses now. UsageError where it makes tokens by another function than ours."""
    said = line.words("GET", "/v1/tokens/key")
    try:
        key = Key(str(said["evaluator"])[:80], str(said["suite"])[:80], int(said["epoch"]), str(said["key_id"]),
                  float(said["ends_at"]))  # fmt: skip
        told = oprf.key_id_of(base64.b64decode(str(said["public_key"]), validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise OutsideError(line.url, "says nothing of its key", "ask who runs it") from error
    if key.suite != SUITE or key.key_id != told:
        raise UsageError("evaluator", "makes tokens by another function than ours", f"it must be {SUITE}")
    return key


def make_tokens(
    line: Line, values: Sequence[tuple[str, str]], *, key_id: str = "", calling_code: str = ""
) -> list[Token]:
    """Tokens of (kind, value), in order, `MOST_AT_ONCE` a request. `key_id` pins the evaluator's key; UsageError where
    it uses another, or changes it between two batches, or a value is none of its kind."""
    inputs = [oprf.input_of(kind, value, calling_code) for kind, value in values]
    made: list[Token] = []
    for first in range(0, len(inputs), oprf.MOST_AT_ONCE):
        part = inputs[first : first + oprf.MOST_AT_ONCE]
        kept, sent = oprf.blind(part)
        said = line.words("POST", "/v1/tokens/evaluate", {"blinded": [base64.b64encode(one).decode() for one in sent]})
        try:
            public = base64.b64decode(str(said["public_key"]), validate=True)
            evaluated, epoch = base64.b64decode(str(said["evaluated"]), validate=True), int(said["epoch"])
        except (KeyError, TypeError, ValueError) as error:
            raise OutsideError(line.url, "answered what is no evaluation", "ask who runs it") from error
        kinds = [kind for kind, _ in values[first : first + oprf.MOST_AT_ONCE]]
        tokens = oprf.finish(kept, evaluated, public, epoch, kinds)
        pinned = key_id or (made[0].key_id if made else tokens[0].key_id)
        if tokens[0].key_id != pinned:
            raise UsageError("evaluator", f"uses the key {tokens[0].key_id}, not {pinned}",
                             "ask the others which key they see: a key of your own would mark your tokens")  # fmt: skip
        made += tokens
    return made


class _Chain:
    """DIR/evaluator.key (mode 0600): the evaluator's name and the present epoch's seed, each made from the last one.

    When an epoch ends its seed is overwritten by the next: nobody can make or try its tokens any more, not even who
    takes the file.
    """

    def __init__(self, home: Path) -> None:
        self.path = Path(home) / KEY_NAME

    def seed(self, epoch: int) -> tuple[str, bytes]:
        """(the evaluator's name, the seed of an epoch). UsageError where that epoch is over, or the file is no key."""
        if not self.path.exists():
            return self._write("ev-" + secrets.token_hex(8), epoch, secrets.token_bytes(32))
        try:
            held = json.loads(self.path.read_bytes())
            name, at, seed = str(held["evaluator"]), int(held["epoch"]), bytes.fromhex(held["seed"])
            if len(seed) != 32:
                raise ValueError(len(seed))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                str(self.path), "is no evaluator's key", "restore it from a backup; a new one makes new tokens"
            ) from error
        if epoch < at:
            raise UsageError(str(self.path), f"is of epoch {at}, after {epoch}: the older key was destroyed",
                             "set the clock, or --epoch-days as it was")  # fmt: skip
        if epoch == at:
            return name, seed
        for _ in range(epoch - at):
            seed = hmac.digest(seed, b"stillwatch evaluator next epoch", "sha256")
        return self._write(name, epoch, seed)

    def _write(self, name: str, epoch: int, seed: bytes) -> tuple[str, bytes]:
        fresh = self.path.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"evaluator": name, "epoch": epoch, "seed": seed.hex()}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        return name, seed

"""A set, committed to before anything is exchanged, and opened before an arbiter where the sides fall out.

The commitment binds the set and its nonce hides it. The opening also holds the run's key, so an arbiter can make the
message of that run again and see that it was made of the committed set, all of it with one key, and of nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.errors import UsageError

NONCE_BYTES = 32


def commit(tokens: Sequence[str], nonce: bytes) -> str:
    """Hex SHA-256 over a nonce and the sorted distinct tokens."""
    digest = hashlib.sha256(b"stillwatch match commitment 1\0" + nonce + len(tokens).to_bytes(8, "big"))
    for first in range(0, len(tokens), 100_000):
        digest.update("\n".join((*tokens[first : first + 100_000], "")).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Opening:
    """What a side shows an arbiter. `side`: `asks` or `answers`; `message`: SHA-256 of what it sent made of its set;
    `most`: the largest set that the answering side's message was made for."""

    run_id: str
    side: str
    nonce: str
    key: str
    tokens: tuple[str, ...]
    message: str
    most: int

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return {**self.__dict__, "tokens": list(self.tokens)}


def read_opening(document: Any) -> Opening:
    """An opening from JSON; UsageError where it is none."""
    try:
        opening = Opening(**{**document, "tokens": tuple(document["tokens"])})
        texts = (opening.run_id, opening.side, opening.nonce, opening.key, opening.message, *opening.tokens)
        good = all(isinstance(text, str) for text in texts) and isinstance(opening.most, int)
        hexes = (opening.nonce, opening.key, *opening.tokens)
        good = good and opening.side in ("asks", "answers") and all(re.fullmatch("[0-9a-f]+", h) for h in hexes)
        if good and len(opening.nonce) == len(opening.key) == 64:
            return opening
    except (TypeError, KeyError):
        pass
    raise UsageError("opening", "is no opening of a run", "stillwatch match open RUN writes one")


def faults(opening: Opening, commitment: str, message: str) -> list[str]:
    """What is wrong with an opening, given the commitment and the message's SHA-256 of the other side's transcript."""
    from stillwatch.match import crossing

    found = []
    tokens = list(opening.tokens)
    if tokens != sorted(set(tokens)):
        found.append("its tokens are not distinct and sorted")
    if not hmac.compare_digest(commit(tokens, bytes.fromhex(opening.nonce)), commitment):
        found.append("the set is not the one that was committed to")
    key = bytes.fromhex(opening.key)
    if opening.side == "asks":
        made = crossing.request_of(tokens, key)
    else:
        made = crossing.prepare(tokens, opening.most, key)[1]
    if not hmac.compare_digest(hashlib.sha256(made).hexdigest(), message):
        found.append("the message of the run was not made of this set with one key")
    return found

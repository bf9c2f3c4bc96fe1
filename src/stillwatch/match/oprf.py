"""Tokens for indicators in feeds: a verifiable oblivious PRF (RFC 9497, VOPRF, ristretto255-SHA512).

The evaluator holds the key and never sees a value; who asks learns one token for each value and cannot make another
without asking. A token names the key and the epoch that it was made under: ``swt1.KEYID.EPOCH.KIND.SECRET``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from stillwatch.errors import UsageError
from stillwatch.match.spelling import KINDS, spelled
from stillwatch.records.token import Token, digest_named, token_of_text

MOST_AT_ONCE = 1000
_INFO = b"stillwatch match tokens 1"


def library() -> Any:
    """The library; UsageError with the install command where it is missing."""
    try:
        from voprf import ristretto
    except ImportError as error:
        raise UsageError("match", "the extra `match` is not installed", "pip install 'stillwatch[match]'") from error
    return ristretto


def read_token(text: str) -> Token:
    """A token from its text; UsageError with the reason where it is none, such as a bare hash."""
    read = token_of_text(text)
    if isinstance(read, Token):
        return read
    raise UsageError("token", read, "docs/matching.md says what a token is")


def input_of(kind: str, value: str, calling_code: str = "") -> bytes:
    """What is blinded for a value; UsageError, quoting nothing, where it is none of its kind or is hashed already."""
    if kind not in KINDS:
        raise UsageError("kind", "is none of ours", f"of {', '.join(KINDS)}")
    if kind in ("email", "phone", "network") and digest_named(value) is not None:
        raise UsageError(
            kind, f"is a bare {digest_named(value)}", "give the value itself: others have that, not its hash"
        )
    spelling, why = spelled(kind, value, calling_code)
    if spelling is None:
        raise UsageError(kind, why, "docs/matching.md says how each kind is spelled")
    return f"stillwatch token 1\0{kind}\0{spelling}".encode()


class Epoch:
    """The evaluator's key of one epoch, drawn from that epoch's seed; another epoch's tokens say nothing of it."""

    def __init__(self, seed: bytes, number: int) -> None:
        drawn = hmac.digest(seed, b"stillwatch evaluator epoch %d" % number, "sha256")
        self._evaluator = library().Evaluator.from_seed(drawn, _INFO)
        self.number = number
        self.public_key: bytes = self._evaluator.public_key.serialize()
        self.key_id = key_id_of(self.public_key)

    def evaluate(self, blinded: Sequence[bytes]) -> bytes:
        """The evaluated batch with the proof that it was made with this key; UsageError where one is no element."""
        ristretto = library()
        if not 1 <= len(blinded) <= MOST_AT_ONCE:
            raise UsageError("blinded", f"takes 1 to {MOST_AT_ONCE} elements at once", "send them in parts")
        try:
            elements = [ristretto.BlindedInput.deserialize(element) for element in blinded]
        except ValueError as error:
            raise UsageError("blinded", "holds what is no element of ristretto255", "blind with RFC 9497") from error
        made: bytes = self._evaluator.evaluate_batch(elements).serialize()
        return made


def blind(inputs: Sequence[bytes]) -> tuple[list[Any], list[bytes]]:
    """(what is kept to unblind, what is sent)."""
    pairs = [library().Client.blind(one) for one in inputs]
    return [kept for kept, _ in pairs], [sent.serialize() for _, sent in pairs]


def finish(kept: Sequence[Any], evaluated: bytes, public_key: bytes, epoch: int, kinds: Sequence[str]) -> list[Token]:
    """The tokens; UsageError where the proof does not hold: the evaluator used another key than it says."""
    ristretto = library()
    try:
        output = ristretto.VerifiableBatchOutput.deserialize(evaluated)
        made = ristretto.Client.finalize_batch(list(kept), output, ristretto.PublicKey.deserialize(public_key))
    except BaseException as error:
        # the library panics, which is no Exception, where a batch's proof does not hold
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise
        raise UsageError(
            "evaluator", "gave an answer whose proof does not hold", "do not use it; ask who runs it"
        ) from error
    id = key_id_of(public_key)
    return [Token(id, epoch, kind, _text(secret)) for kind, secret in zip(kinds, made, strict=True)]


def key_id_of(public_key: bytes) -> str:
    """16 hexadecimal digits that name a key."""
    return hashlib.sha256(b"stillwatch token key 1\0" + public_key).hexdigest()[:16]


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret[:32]).decode().rstrip("=")

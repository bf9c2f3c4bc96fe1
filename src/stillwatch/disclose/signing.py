"""Signatures: canonical JSON, an in-toto Statement in a DSSE envelope, and the home's Ed25519 key.

Sources: RFC 8785 (canonical JSON); DSSE 1.0.2 (pre-authentication encoding); in-toto Statement v1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATES = "https://stillwatch.invalid/"
_KEY, _PUBLIC = "release.key", "release.pub"


def canonical(value: Any) -> bytes:
    """JSON as RFC 8785 writes it, so that equal content has one hash."""
    return bytes(_rfc8785().dumps(value))


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """What DSSE signs: `DSSEv1`, and length and bytes of type and payload."""
    kind = payload_type.encode()
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


def statement(subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """An in-toto Statement: file names to their SHA-256, and what is said of them."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": n, "digest": {"sha256": h}} for n, h in sorted(subjects.items())],
        "predicateType": PREDICATES + predicate_type,
        "predicate": dict(predicate),
    }


def sign(home: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """A DSSE envelope around a statement, signed with the home's key, which is made on first use."""
    key = _private_key(home)
    payload = canonical(content)
    signature = key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    public = _raw(key.public_key())
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id(public), "sig": base64.b64encode(signature).decode()}],
    }


def opened(envelope: Mapping[str, Any], public_key: bytes) -> dict[str, Any]:
    """The statement in an envelope that this raw Ed25519 key signed. UsageError where it did not."""
    from_where = "signature"
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        message = pre_authentication_encoding(envelope["payloadType"], payload)
        for entry in envelope["signatures"]:
            if entry.get("keyid") == key_id(public_key):
                _verify(public_key, base64.b64decode(entry["sig"], validate=True), message)
                content = json.loads(payload)
                if envelope["payloadType"] != PAYLOAD_TYPE or content.get("_type") != STATEMENT:
                    raise UsageError(from_where, "is around something else than an in-toto statement", "sign it again")
                return dict(content)
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise UsageError(from_where, "is no DSSE envelope", "sign it again") from error
    raise UsageError(from_where, "is by another key than the publisher's", "ask the publisher for its public key")


def key_id(public_key: bytes) -> str:
    """A short name of a key: the first half of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def public_key_of(home: Path) -> bytes | None:
    """The raw public key of a home, or None where it never signed."""
    path = home / _PUBLIC
    return bytes.fromhex(path.read_text("ascii").strip()) if path.is_file() else None


def _private_key(home: Path) -> Any:
    ed25519 = _ed25519()
    path = home / _KEY
    if path.is_file():
        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text("ascii").strip()))
    key = ed25519.Ed25519PrivateKey.generate()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.private_bytes_raw().hex() + "\n")
    (home / _PUBLIC).write_text(_raw(key.public_key()).hex() + "\n", "ascii")
    return key


def _raw(public: Any) -> bytes:
    return bytes(public.public_bytes_raw())


def _verify(public_key: bytes, signature: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature

    try:
        _ed25519().Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature as error:
        raise UsageError("signature", "does not hold: the content was changed", "take the original file") from error


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise missing("signing") from error
    return ed25519


def _rfc8785() -> Any:
    try:
        import rfc8785
    except ImportError as error:
        raise missing("signing") from error
    return rfc8785


def missing(what: str) -> UsageError:
    """The error for a part that an extra brings."""
    return UsageError(what, "takes an extra that is not installed", "pip install 'stillwatch[disclose]'")

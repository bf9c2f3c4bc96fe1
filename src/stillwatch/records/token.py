"""A token: what stands for an identifier in a feed; and what is none (bare hashes, raw identifiers), with the reason.

All IPv4 addresses are hashed by one core in minutes, and mails, phones and cards are as few: a plain hash of one *is*
that one, to whoever tries. A token's strength is the evaluator's key, so only what names a key and an epoch counts.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass

SCHEME = "swt1"
#: The function that makes a token's secret. Source: RFC 9497.
SUITE = "RFC 9497 VOPRF ristretto255-SHA512"
#: What a token can stand for.
TOKEN_KINDS = ("payment", "email", "phone", "device", "network", "template")
_HEX = {32: "MD5", 40: "SHA-1", 56: "SHA-224", 64: "SHA-256", 96: "SHA-384", 128: "SHA-512"}
_RAW = {16: "MD5", 20: "SHA-1", 28: "SHA-224", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}
_PREFIX = re.compile(r"(?i)^(?:\{?(?:md5|s?sha[-_]?\d*)\}?[:=$]?|0x)")
_TOKEN = re.compile(r"swt1\.[0-9a-f]{16}\.[0-9]{1,9}\.[a-z]{1,20}\.[A-Za-z0-9_-]{43}")
_ENUMERABLE = "whoever holds it can try all addresses, mails, phones or cards"
LEAST_CHARACTERS = 16
LEAST_DISTINCT = 8


@dataclass(frozen=True)
class Token:
    """A token taken apart. Two compare only where key and epoch are the same."""

    key_id: str
    epoch: int
    kind: str
    secret: str

    def __str__(self) -> str:
        return f"{SCHEME}.{self.key_id}.{self.epoch}.{self.kind}.{self.secret}"


def token_of_text(text: str) -> Token | str:
    """A token from its text; where it is none, the reason in words that quote nothing of it."""
    why = why_no_token(text)
    if why is None:
        _, key_id, epoch, kind, secret = text.split(".")
        if kind in TOKEN_KINDS:
            return Token(key_id, int(epoch), kind, secret)
        why = "is of no kind that we know"
    return why


def digest_named(text: str) -> str | None:
    """The name of the plain hash that a text looks like (hexadecimal or base64, with or without a prefix), or None."""
    bare = _PREFIX.sub("", text.strip(), count=1)
    for shown in (text.strip(), bare, re.sub(r"[\s:-]", "", bare)):
        if len(shown) in _HEX and re.fullmatch(r"[0-9a-fA-F]+", shown):
            return _HEX[len(shown)]
    for shown in (text.strip(), bare):
        raw = _base64(shown)
        # words are base64 too: a digest mixes capitals, small letters and digits
        if raw is not None and len(raw) in _RAW and all(re.search(p, shown) for p in ("[A-Z]", "[a-z]", "[0-9]")):
            return _RAW[len(raw)]
    return None


def why_no_token(text: str) -> str | None:
    """Why a text may not be taken for a token, in words that quote nothing of it; None where it may."""
    if _TOKEN.fullmatch(text):
        secret = text.rsplit(".", 1)[1]
        return None if len(set(secret)) >= LEAST_DISTINCT else "its secret part holds too little to be one"
    name = digest_named(text)
    if name is not None:
        return f"is a bare {name}: {_ENUMERABLE}; make a token of the value with `stillwatch match tokens make`"
    raw = _raw_identifier(text.strip())
    if raw is not None:
        return f"is {raw} as it stands; make a token of it with `stillwatch match tokens make`"
    if len(text) < LEAST_CHARACTERS or len(set(text)) < LEAST_DISTINCT:
        return f"is too short or too even to be a secret: {_ENUMERABLE}"
    return "is no token of ours: it names neither key nor epoch"


def _raw_identifier(text: str) -> str | None:
    try:
        ipaddress.ip_network(text, strict=False)
        return "an address"
    except ValueError:
        pass
    if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        return "a mail address"
    digits = re.sub(r"[\s().+/-]", "", text)
    if digits.isascii() and digits.isdigit():
        if not text.startswith("+") and 13 <= len(digits) <= 19 and _luhn(digits):
            return "a card number"
        if 7 <= len(digits) <= 15:
            return "a phone number"
    return None


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit) * (1 + place % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def _base64(text: str) -> bytes | None:
    if not re.fullmatch(r"[A-Za-z0-9+/_-]{20,}={0,2}", text):
        return None
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None

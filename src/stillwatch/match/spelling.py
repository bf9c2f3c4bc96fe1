"""One spelling for each kind of identifier, so that two providers' records of one thing become one token.

What is no value at all ("unknown", "none", zeros), and what everybody has (private networks), is left out: it would
match everyone. A mail or a phone that is already hashed is left out too: a hash meets only the same hash.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import unicodedata

from stillwatch.records.token import digest_named

#: Kind to what it is made of: a column of the accounts file, or the logs.
KINDS: dict[str, str] = {
    "payment": "payment_fingerprint", "email": "email_hash", "phone": "phone_hash", "device": "device_fingerprint",
    "network": "signup_ip", "template": "logs",
}  # fmt: skip

_NOTHING = frozenset(("unknown", "none", "null", "nil", "n/a", "na", "nan", "undefined", "test", "redacted", "-"))
_MAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}\.[^@\s\x00-\x1f.]{2,63}")
_LONGEST = 512
_EVERYBODYS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3", "::/32", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip


def spelled(kind: str, value: str, calling_code: str = "") -> tuple[str | None, str]:
    """(the one spelling or None, why it is left out). `calling_code`: of phones written without one, such as "49"."""
    text = unicodedata.normalize("NFKC", value).strip()
    bare = re.sub(r"[\W_]", "", text)
    if not bare or text.lower() in _NOTHING or len(set(bare.lower())) == 1 or len(text) > _LONGEST:
        return None, "is no value"
    if kind in ("email", "phone") and digest_named(text) is not None:
        return None, "is hashed already"
    if kind == "email":
        return _email(text)
    if kind == "phone":
        return _phone(text, calling_code)
    if kind == "network":
        return _network(text)
    return text, ""


def token_of(kind: str, spelling: str) -> str:
    """128 bits of SHA-256 of the spelling, apart for each kind: what goes into the crossing, and never out of it."""
    return hashlib.sha256(f"stillwatch match 1\0{kind}\0{spelling}".encode("utf-8", "replace")).hexdigest()[:32]


def _email(text: str) -> tuple[str | None, str]:
    if not _MAIL.fullmatch(text):
        return None, "is no mail address"
    local, _, domain = text.lower().rpartition("@")
    local = local.partition("+")[0] or local
    return f"{local}@{domain.rstrip('.')}", ""


def _phone(text: str, calling_code: str) -> tuple[str | None, str]:
    """E.164: a plus and up to fifteen digits (ITU-T E.164). A trunk zero in brackets goes."""
    if re.search(r"[^\d\s()+./\-]", text):
        return None, "is no phone number"
    digits = re.sub(r"\D", "", re.sub(r"\(0\)", "", text))
    if text.startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    elif calling_code:
        number = calling_code + digits.removeprefix("0")
    else:
        return None, "lacks its country"
    return (f"+{number}", "") if 8 <= len(number) <= 15 and number[0] != "0" else (None, "is no phone number")


def _network(text: str) -> tuple[str | None, str]:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None, "is no address"
    widest = 24 if network.version == 4 else 48
    if network.prefixlen < widest:
        return None, "is wider than a /24 or /48"
    network = network.supernet(new_prefix=widest) if network.prefixlen > widest else network
    private = any(n.version == network.version and network.subnet_of(n) for n in _EVERYBODYS)  # type: ignore[arg-type]
    return (None, "is a private network") if private else (str(network), "")

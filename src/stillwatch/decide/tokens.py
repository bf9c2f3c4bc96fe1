"""Tokens of the decision service: 256 random bits, kept as SHA-256 only, with a name and a role."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any

from stillwatch.decide.record import Record, Who
from stillwatch.errors import UsageError

ROLES: tuple[str, ...] = ("gateway", "reader", "analyst", "approver")
_NAME = re.compile(r"[\w .@-]{1,80}")


def make_token(record: Record, who: Who, name: str, role: str, now: float) -> str:
    """A new token, shown this once; UsageError where the role is none or the name is no name."""
    if role not in ROLES:
        raise UsageError("role", f"one of {', '.join(ROLES)}")
    if not _NAME.fullmatch(name):
        raise UsageError("name", "1 to 80 letters, digits, spaces or . @ _ -")
    token = f"sw_{role}_{secrets.token_urlsafe(32)}"
    with record.act() as db:
        if record.rows("SELECT 1 FROM tokens WHERE name=? AND revoked_at IS NULL", (name,)):
            raise UsageError(name, "is a token's name already", "two people, two names: approvals go by them")
        db.execute(
            "INSERT INTO tokens VALUES(?, ?, ?, ?, ?, NULL)",
            (f"T-{secrets.token_hex(5)}", name, role, hashlib.sha256(token.encode()).hexdigest(), now),
        )
        record.audit(who, "token made", name, now, role=role)
    return token


def revoke_token(record: Record, who: Who, token_id: str, now: float) -> None:
    """Ends a token, at once."""
    with record.act() as db:
        done = db.execute(
            "UPDATE tokens SET revoked_at=? WHERE token_id=? AND revoked_at IS NULL", (now, token_id)
        ).rowcount
        if not done:
            raise UsageError(token_id[:60], "is no token that holds", "stillwatch tokens lists them")
        record.audit(who, "token revoked", token_id, now)


def tokens(record: Record) -> list[dict[str, Any]]:
    """All tokens without their secrets."""
    return record.rows("SELECT token_id, name, role, created_at, revoked_at FROM tokens ORDER BY created_at")


def who_has(record: Record, token: str) -> Who | None:
    """Who a token stands for; None where it is none of ours or was revoked."""
    return who_holds(record, digest_of(token))


def digest_of(token: str) -> str:
    """What is kept of a token: the hex SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def who_holds(record: Record, digest: str) -> Who | None:
    """The same by what is kept of the token, for whoever has shown it before."""
    found = record.rows("SELECT name, role FROM tokens WHERE sha256=? AND revoked_at IS NULL", (digest,))
    return Who(found[0]["name"], found[0]["role"]) if found else None

"""Starts the service: on loopback unless told otherwise, and elsewhere only with tokens made on purpose."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from stillwatch.decide.record import SYSTEM, Record
from stillwatch.decide.tokens import make_token, tokens
from stillwatch.errors import UsageError
from stillwatch.listening import is_loopback, listen
from stillwatch.settings import Settings


def serve(home: Path, settings: Settings, *, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serves until it is interrupted. The first start makes a token for the person at this machine."""
    from stillwatch.service.app import create_app

    record = Record(home)
    local = is_loopback(host)
    if not any(t["revoked_at"] is None for t in tokens(record)):
        if not local:
            raise UsageError(
                f"--host {host}", "is not loopback, and no token was made", "stillwatch token NAME ROLE first"
            )
        first_token(record, home)
    record.close()
    listen(create_app(home, settings), host, port)


def first_token(record: Record, home: Path) -> Path:
    """A token with the role approver in DIR/service-token, readable by its owner only."""
    path = home / "service-token"
    token = make_token(record, SYSTEM, "local", "approver", time.time())
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, token.encode() + b"\n")
    finally:
        os.close(handle)
    print(f"A token for this machine lies in {path} (role approver).", file=sys.stderr)
    return path

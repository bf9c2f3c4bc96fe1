"""Starts the service: on loopback unless told otherwise, and elsewhere only with tokens made on purpose."""

from __future__ import annotations

import ipaddress
import os
import sys
import time
from pathlib import Path

from stillwatch.decide.record import SYSTEM, Record
from stillwatch.decide.tokens import make_token, tokens
from stillwatch.errors import OutsideError, UsageError
from stillwatch.settings import Settings


def serve(home: Path, settings: Settings, *, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serves until it is interrupted. The first start makes a token for the person at this machine."""
    import uvicorn

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
    app = create_app(home, settings)
    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)
    except SystemExit as error:
        if error.code:
            raise OutsideError(f"{host}:{port}", "cannot be listened on", "name another --port") from error


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


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

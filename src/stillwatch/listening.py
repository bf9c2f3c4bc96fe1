"""Where our servers listen: whether an address is this machine's own, and serving until somebody interrupts."""

from __future__ import annotations

import ipaddress
from typing import Any

from stillwatch.errors import OutsideError


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(app: Any, host: str, port: int) -> None:
    """Serves an ASGI application until it is interrupted. OutsideError where the port is taken."""
    import uvicorn

    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)
    except SystemExit as error:
        if error.code:
            raise OutsideError(f"{host}:{port}", "cannot be listened on", "name another --port") from error

"""Runs an application of this room until it is interrupted: on loopback unless told otherwise."""

from __future__ import annotations

import ipaddress

from starlette.applications import Starlette

from stillwatch.errors import OutsideError, UsageError


def run(app: Starlette, host: str, port: int, *, behind_tls: bool = False) -> None:
    """Serves. UsageError off loopback unless TLS is said to be in front; OutsideError if the port is taken."""
    import uvicorn

    if not _is_loopback(host) and not behind_tls:
        hint = "put a reverse proxy with TLS in front of 127.0.0.1; --behind-tls where it is elsewhere"
        raise UsageError(f"--host {host}", "is not loopback, and this server speaks no TLS", hint)
    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)
    except SystemExit as error:
        if error.code:
            raise OutsideError(f"{host}:{port}", "cannot be listened on", "name another --port") from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

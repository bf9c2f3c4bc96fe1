"""Runs an application of this room until it is interrupted: on loopback unless told otherwise."""

from __future__ import annotations

from starlette.applications import Starlette

from stillwatch.errors import UsageError
from stillwatch.listening import is_loopback, listen


def run(app: Starlette, host: str, port: int, *, behind_tls: bool = False) -> None:
    """Serves. UsageError off loopback unless TLS is said to be in front; OutsideError if the port is taken."""
    if not is_loopback(host) and not behind_tls:
        hint = "put a reverse proxy with TLS in front of 127.0.0.1; --behind-tls where it is elsewhere"
        raise UsageError(f"--host {host}", "is not loopback, and this server speaks no TLS", hint)
    listen(app, host, port)

"""Starts the console: on loopback unless told otherwise, with a link that logs the person at this machine in, once."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

from stillwatch.console.app import LOOPBACK_NAMES, create_console
from stillwatch.decide.record import Record
from stillwatch.decide.tokens import tokens
from stillwatch.errors import UsageError
from stillwatch.listening import is_loopback, listen
from stillwatch.settings import Settings


def serve_console(
    home: Path, settings: Settings, *, host: str = "127.0.0.1", port: int = 8766, browser: bool = True,
    tell: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Serves until it is interrupted; `tell` is given the link. Beyond loopback only tokens log in."""
    local = is_loopback(host)
    record = Record(home)
    if not local and not any(t["revoked_at"] is None for t in tokens(record)):
        raise UsageError(f"--host {host}", "is not loopback, and no token was made", "stillwatch token NAME ROLE first")
    record.close()
    shown = f"[{host}]" if ":" in host else host
    app = create_console(home, settings, hosts=(*LOOPBACK_NAMES, shown.lower()) if local else ())
    link = f"http://{shown}:{port}/"
    if local:
        link = f"http://{shown}:{port}/login?code={app.state.place.sessions.new_code()}"
        if browser:
            threading.Timer(1.0, webbrowser.open, (link,)).start()
    tell(link)
    threading.Thread(target=app.state.place.shelves.watch, daemon=True).start()
    listen(app, host, port)

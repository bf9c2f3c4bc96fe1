"""The decision service as a process's thread on loopback, over a home with one campaign decided."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decide.place import ANN
from on_loopback import served
from stillwatch.decide.record import Record
from stillwatch.decide.tokens import make_token
from stillwatch.service.app import create_app
from stillwatch.settings import DecideSettings, Settings
from stillwatch.store import open_store


def home_in(folder: Path) -> Path:
    """A home with an empty store."""
    open_store(folder, create=True).close()
    return folder


def token_for(home: Path, role: str) -> str:
    record = Record(home)
    try:
        return make_token(record, ANN, f"a {role}", role, time.time())
    finally:
        record.close()


@contextmanager
def service(home: Path, **decide: str) -> Iterator[str]:
    """A real server; its address."""
    app = create_app(home, Settings(decide=DecideSettings(**decide)))
    with served(app) as url:
        yield url


def ask(url: str, token: str = "", body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    """(status, body, headers) of a request; JSON bodies parsed."""
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    own = {"Content-Type": "application/json", **(headers or {})}
    if token:
        own["Authorization"] = f"Bearer {token}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, own), timeout=40) as answer:
            status, raw, got = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, raw, got = error.code, error.read(), error.headers
    kind = got.get("content-type", "")
    return status, json.loads(raw) if kind.startswith("application/json") and raw else raw, got

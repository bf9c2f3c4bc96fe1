"""Reads what others sent, as if it were hostile: bounded size, depth and number, nothing followed, nothing run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.errors import OutsideError, UsageError

MOST_BYTES = 64 << 20
MOST_DEPTH = 32
MOST_FILES = 2_000
_EVENT_FILE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Wrong(ValueError):
    """What was read breaks a rule; its text is the reason, in our words only."""


@dataclass
class Received:
    """What a source held: STIX `objects`, MISP `events`, and what could not be read, by reason."""

    objects: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_source(where: str) -> Received:
    """A bundle or event in a file, a folder of them or of a MISP feed, or one of these behind an http(s) URL.

    A bad file in a folder is a fault, told in `faults`. UsageError where nothing is there, OutsideError from the
    network.
    """
    received = Received()
    if re.match(r"https?://", where):
        _from_url(where, received)
        return received
    path = Path(where)
    if path.is_dir():
        if (path / "manifest.json").is_file():
            _feed(lambda name: _bytes_of(path / name), received)
        else:
            files = sorted(p for p in path.iterdir() if p.suffix == ".json" and p.is_file())
            for file in files[:MOST_FILES]:
                take(_bytes_of(file), received)
            if len(files) > MOST_FILES:
                received.faults.append(f"more than {MOST_FILES:,} files")
    elif path.is_file():
        take(_bytes_of(path), received)
    else:
        raise UsageError(where[:200], "no such file or folder", "give a bundle, a folder, or an http(s) URL")
    return received


def take(raw: bytes | None, received: Received) -> None:
    """Adds one document: a STIX bundle or TAXII envelope, or a MISP event."""
    document, fault = parsed(raw)
    if fault:
        received.faults.append(fault)
    elif isinstance(document, dict) and isinstance(document.get("Event"), dict):
        received.events.append(document["Event"])
    elif isinstance(document, dict) and isinstance(document.get("objects"), list):
        received.objects += document["objects"]
    elif isinstance(document, dict) and document.get("type") == "bundle":
        received.faults += [] if "objects" not in document else ["wrong type: objects is no list"]
    else:
        received.faults.append("neither a STIX bundle nor a MISP event")


def parsed(raw: bytes | None) -> tuple[Any, str]:
    """(JSON value, what is wrong with it or nothing)."""
    if raw is None or len(raw) > MOST_BYTES:
        return None, f"larger than {MOST_BYTES >> 20} MiB"
    try:
        document = json.loads(raw, parse_constant=_no_constant)
    except RecursionError:
        return None, "nested too deep"
    except ValueError:
        return None, "not JSON"
    return (None, "nested too deep") if _too_deep(document) else (document, "")


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(MOST_DEPTH):
        level = [v for d in level if isinstance(d, (dict, list)) for v in (d.values() if isinstance(d, dict) else d)]
        if not level:
            return False
    return True


def _feed(fetch: Callable[[str], bytes | None], received: Received) -> None:
    manifest, fault = parsed(fetch("manifest.json"))
    if fault or not isinstance(manifest, dict):
        received.faults.append(fault or "wrong type: the manifest is no object")
        return
    # A name in a manifest is somebody else's text: only what looks like an event's file is ever opened.
    names = [name for name in manifest if _EVENT_FILE.fullmatch(name)]
    received.faults += ["a manifest's name is no event's"] * (len(manifest) - len(names))
    if len(names) > MOST_FILES:
        received.faults.append(f"more than {MOST_FILES:,} files")
    for name in names[:MOST_FILES]:
        try:
            take(fetch(f"{name}.json"), received)
        except (OutsideError, OSError):
            received.faults.append("an event's file is missing")


def _bytes_of(path: Path) -> bytes | None:
    """A file's bytes; None where it is too large."""
    return path.read_bytes() if path.stat().st_size <= MOST_BYTES else None


def _from_url(url: str, received: Received) -> None:
    with _client() as client:
        base = url.removesuffix("manifest.json")
        if base.endswith("/"):
            _feed(lambda name: _get(client, base + name), received)
        else:
            take(_get(client, url), received)


def _client() -> Any:
    from stillwatch.share.taxii_client import http_client

    return http_client()


def _get(client: Any, url: str) -> bytes | None:
    from stillwatch.share.taxii_client import body_of

    return body_of(client, "GET", url, most=MOST_BYTES)


def strings_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields included."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            stack += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            stack += one

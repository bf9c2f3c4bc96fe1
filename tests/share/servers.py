"""Real TAXII servers on loopback: ours, and medallion as somebody else's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from on_loopback import free_port, served
from stillwatch.service.taxii import create_app
from stillwatch.settings import Settings


@contextmanager
def ours(home: Path, settings: Settings, clock: Any = time.time) -> Iterator[str]:
    """Our server in a thread; its address."""
    with served(create_app(home, settings, clock=clock)) as url:
        yield url


@contextmanager
def medallion(folder: Path, collection: str) -> Iterator[str]:
    """OASIS' own server as a process, with an empty collection that user `ann` (password `pw`) reads and writes."""
    port = free_port()
    api = {
        "information": {"title": "theirs", "versions": ["application/taxii+json;version=2.1"],
                        "max_content_length": 9_765_625},
        "status": [],
        "collections": [{
            "id": collection, "title": "theirs", "can_read": True, "can_write": True,
            "media_types": ["application/stix+json;version=2.1"], "objects": [], "manifest": [],
        }],
    }  # fmt: skip
    data = {"/discovery": {"title": "theirs", "default": f"http://127.0.0.1:{port}/api1/",
                           "api_roots": [f"http://127.0.0.1:{port}/api1/"]}, "api1": api}  # fmt: skip
    (folder / "data.json").write_text(json.dumps(data), "utf-8")
    config = {
        "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
                    "filename": str(folder / "data.json")},
        "users": {"ann": "pw"}, "taxii": {"max_page_size": 7},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    program = Path(sys.executable).with_name("medallion")
    with (folder / "log").open("w") as log:
        started = subprocess.Popen(
            [str(program), "--host", "127.0.0.1", "--port", str(port), str(folder / "config.json")],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/taxii2/", timeout=2)
            except urllib.error.HTTPError:
                break
            except OSError:
                assert time.monotonic() < until and started.poll() is None, (folder / "log").read_text("utf-8")
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/api1/"
    finally:
        started.terminate()
        started.wait(timeout=20)

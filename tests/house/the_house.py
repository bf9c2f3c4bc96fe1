"""The repository as the tests of the house see it: its files, its documents, their links."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def files() -> list[Path]:
    """Every file that is, or is about to be, part of the project; without git, what its ignore list leaves."""
    try:
        told = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        names = [name for name in told.stdout.decode().split("\0") if name]
        found = [ROOT / name for name in names]
    except (OSError, subprocess.CalledProcessError):
        found = [
            path
            for place in ("src", "tests", "bench", "docs", "scripts", ".ci")
            for path in (ROOT / place).rglob("*")
            if "__pycache__" not in path.parts
        ] + list(ROOT.glob("*.*"))
    return sorted({path for path in found if path.is_file()})


def texts() -> dict[Path, str]:
    """The same files' text, those that are text."""
    read: dict[Path, str] = {}
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            read[path] = data.decode("utf-8", "replace")
    return read


def documents() -> dict[Path, str]:
    """The Markdown documents."""
    return {path: text for path, text in texts().items() if path.suffix == ".md"}


def without_code(text: str) -> str:
    """A document without its code blocks and spans."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def code_of(text: str) -> list[str]:
    """The lines of a document's code blocks, and its code spans."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", rest)


def anchors_of(text: str) -> set[str]:
    """What `#...` may name in a document: its headings as GitHub writes them."""
    titles = re.findall(r"^#{1,6}\s+(.+?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.M), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

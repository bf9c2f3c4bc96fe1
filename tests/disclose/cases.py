"""Builds the packages of tests/cases/disclosures: a base, changes to it, approvals, a release."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from stillwatch.decide.record import Record, Who
from stillwatch.decide.tokens import make_token
from stillwatch.disclose.package import Outside, Package, read_package
from stillwatch.disclose.release import Approver, approver_of, publish, write_approval
from stillwatch.disclose.shape import shape_sha256
from stillwatch.disclose.signing import public_key_of

CASES = Path(__file__).parents[1] / "cases" / "disclosures"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def home_in(folder: Path) -> Record:
    """A home with a key, and nothing else that releasing needs."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "secret.key").exists():
        (home / "secret.key").write_bytes(b"k" * 32)
    return Record(home)


def approver(record: Record, name: str, role: str = "approver") -> Any:
    """An approver with a token of their own."""
    for row in record.rows("SELECT token_id FROM tokens WHERE name=? AND revoked_at IS NULL", (name,)):
        return Approver(Who(name, role), row["token_id"])
    return approver_of(record, make_token(record, Who("root", "approver"), name, role, NOW.timestamp()))


def base(name: str, folder: Path) -> Path:
    """A copy of a base case, with the hashes that stand for themselves filled in."""
    package = folder / "package"
    shutil.copytree(CASES / name, package)
    fill(package)
    return package


def fill(package: Path) -> None:
    """Writes the snapshot's and the field list's hashes where the case leaves them open."""
    file = package / "disclosure.json"
    snapshot = hashlib.sha256((package / "evidence" / "snapshot.json").read_bytes()).hexdigest()
    text = file.read_text("utf-8").replace("@snapshot", snapshot).replace("@shape", shape_sha256())
    file.write_text(text, "utf-8")


def case(path: Path) -> dict[str, Any]:
    """A case's file."""
    return dict(yaml.safe_load(path.read_text("utf-8")))


def change(package: Path, changes: dict[str, Any]) -> None:
    """Applies `set` (paths in JSON files), `replace` (text in files) and `add` (new files)."""
    for name, values in changes.get("set", {}).items():
        file = package / name
        content = json.loads(file.read_text("utf-8"))
        for path, value in values.items():
            put(content, path.split("/"), value)
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
    for pattern, old, new in changes.get("replace", ()):
        done = 0
        for file in sorted(p for p in package.rglob("*") if p.is_file()):
            if fnmatch.fnmatch(file.relative_to(package).as_posix(), pattern):
                text = file.read_text("utf-8")
                done += text.count(old)
                file.write_text(text.replace(old, new), "utf-8")
        assert done, f"{old!r} is not in {pattern}"
    for name, text in changes.get("add", {}).items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, "utf-8")


def put(content: Any, path: list[str], value: Any) -> None:
    """Sets a value; an entry of a list is named by its id or number, `+` appends, `-` as value deletes."""
    *way, last = path
    for step in way:
        content = content[_index(content, step)] if isinstance(content, list) else content[step]
    if isinstance(content, list):
        if last == "+":
            content.append(value)
        elif value == "-":
            del content[_index(content, last)]
        else:
            content[_index(content, last)] = value
    elif value == "-":
        del content[last]
    else:
        content[last] = value


def released(package: Path, folder: Path, names: tuple[str, ...] = ("Approver One", "Approver Two")) -> Outside:
    """Approves and publishes whatever the content says, as a careless house would; what a check then needs to know."""
    record = home_in(folder)
    outside = Outside(NOW)
    for name in names:
        write_approval(read_package(package, outside), record, approver(record, name), "looked at it")
    return replace(outside, public_key=public_key_of(record.home))


def published(package: Path, folder: Path) -> Outside:
    """Approves and publishes a sound package."""
    outside = released(package, folder)
    record = home_in(folder)
    publish(package, record, approver(record, "Publisher"), outside)
    return outside


def opened(package: Path, outside: Outside) -> Package:
    """The package as the gate reads it."""
    return read_package(package, outside)


def _index(content: list[Any], step: str) -> int:
    if step.isdigit():
        return int(step)
    return next(i for i, entry in enumerate(content) if isinstance(entry, dict) and entry.get("id") == step)

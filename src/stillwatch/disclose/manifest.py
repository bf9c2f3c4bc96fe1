"""The manifest: every file of a package by name, size and hash, under one hash that people approve and keys sign."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from stillwatch.disclose import merkle
from stillwatch.disclose.package import RELEASE, WITHHELD, Package

NAME = "manifest.json"


def manifest_of(package: Package) -> dict[str, Any]:
    """The manifest as the files are now: without itself and what the release adds. Withheld files are in it by hash."""
    names = [n for n in sorted(package.files) if n != NAME and not n.startswith(RELEASE)]
    files = [
        {"name": n, "bytes": len(package.files[n]), "sha256": package.sha256(n), "withheld": n in WITHHELD}
        for n in names
    ]
    leaves = [merkle.leaf_hash(f"{f['name']}\0{f['sha256']}".encode()) for f in files]
    return {
        "format": "1", "disclosure": package.disclosure["id"], "tlp": package.disclosure["marking"]["tlp"],
        "files": files, "tree": merkle.root(leaves).hex(),
    }  # fmt: skip


def manifest_bytes(package: Package) -> bytes:
    """The same as it is written: sorted, indented, one way only."""
    return (json.dumps(manifest_of(package), indent=1, sort_keys=True) + "\n").encode()


def manifest_sha256(package: Package) -> str:
    """What approvals are bound to."""
    return hashlib.sha256(manifest_bytes(package)).hexdigest()

"""What machines read of a package: a draft until it is released; releasing, and nothing else, has it served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.disclose.package import DISCLOSURE, Outside, Package, read_package
from stillwatch.disclose.signing import public_key_of
from stillwatch.errors import UsageError
from stillwatch.share.collections import INDICATORS, Collections

DRAFT = "draft"
#: What is for named persons is not for whoever has a peer's token.
_NOT_SERVED = "TLP:RED"
#: What says who reports and of what, and stays when a campaign's objects are revoked.
_STAYS = frozenset({"identity", "extension-definition", "attack-pattern"})
_TOLD_FREELY = frozenset({"sighting", "identity", "marking-definition", "extension-definition"})


def place_in(out: Path) -> Path:
    """Where files for machines are written: into a package that waits for the gate, elsewhere below `draft/`.

    UsageError where the package was published: what was signed is not written over.
    """
    if not (out / DISCLOSURE).is_file():
        return out / DRAFT
    if (out / "release" / "statement.dsse.json").exists():
        raise UsageError(str(out), "was published already", "stillwatch report CAMPAIGN --out a new PACKAGE")
    return out


def for_peers(package: Package) -> list[dict[str, Any]]:
    """The STIX objects that a peer with a token may read once the package is released: of TLP:RED none."""
    if package.disclosure["marking"]["tlp"] == _NOT_SERVED:
        return []
    return package.stix_objects


def revoked(things: Iterable[Mapping[str, Any]], now: str, *, living: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The same objects, revoked at a time (RFC 3339), but for those whose ids live on in a corrected release."""
    kept = frozenset(living)
    return [
        {**thing, "revoked": True, "modified": now} for thing in things
        if "modified" in thing and thing["type"] not in _STAYS and thing["id"] not in kept
    ]  # fmt: skip


def serve(home: Path, objects: list[dict[str, Any]], at: float) -> None:
    """Puts objects of a released package where `stillwatch taxii serve` reads."""
    shelf = Collections(home)
    try:
        shelf.add(INDICATORS, objects, "us", at)
    finally:
        shelf.close()


def check_pushed(file: Path, objects: Iterable[Any], home: Path) -> None:
    """UsageError where a file that would be handed to a peer is neither sightings alone nor of a released package."""
    if all(isinstance(o, Mapping) and o.get("type") in _TOLD_FREELY for o in objects):
        return
    from stillwatch.disclose.release import verify_received

    key, where = public_key_of(home), file.resolve()
    folder = next((f for f in where.parents if (f / DISCLOSURE).is_file()), None)
    if folder is None or key is None:
        raise UsageError(str(file), "was not released", "stillwatch release publish PACKAGE, and hand in its bundle")
    state = verify_received(folder, key)["state"]
    package = read_package(folder, Outside(datetime.now(UTC), public_key=key))
    if state != "published" or where.relative_to(folder).as_posix() not in package.stix:
        what = f"was {state}" if state != "published" else "does not hold it as a bundle"
        raise UsageError(str(file), f"is of a package that {what}", "hand in a bundle that was released, and still is")
    if not for_peers(package):
        raise UsageError(str(file), f"is {_NOT_SERVED}: for named persons only", "give it to them yourself")

"""A backup put back: into a new home only, every file held against its SHA-256 before anything stands in its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from stillwatch.errors import OutsideError, UsageError
from stillwatch.store.backup import MANIFEST, Progress, copy_hashed, read_manifest
from stillwatch.store.key_check import check_of
from stillwatch.store.parts import sync_folder

_LARGEST_MANIFEST = 1 << 30


@dataclass(frozen=True)
class Restored:
    """What was verified and, unless it was only checked, put into a home."""

    source: str
    home: str | None
    files: int
    bytes: int
    made_at: str
    version: str
    with_key: bool


def restore(source: Path, home: Path | None, *, key: Path | None = None, progress: Progress = None) -> Restored:
    """Puts a backup into `home`, which must not be there yet or be empty; without a home it is only verified.

    UsageError where `source` is no backup, the home holds something, or a key is needed and not given or the wrong
    one; OutsideError where a file is missing or not what was backed up, or a disk fails. Then no home is left.
    """
    if home is not None and home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(str(home), "is there already, and nothing is written over it", "name a new --home")
    try:
        with _opened(source) as backup:
            if home is None:
                _check_key(backup, key, source, needed=False)
                return _told(backup, None, _copy(backup, None, progress))
            given = _check_key(backup, key, source, needed=True)
            stage = home.absolute().with_name(f".{home.absolute().name}.restoring")
            shutil.rmtree(stage, ignore_errors=True)  # of one that was killed
            stage.mkdir(parents=True, mode=0o700)
            try:
                total = _copy(backup, stage, progress)
                if given is not None:
                    _write(stage / "secret.key", given)
                _check_databases(stage)
                if home.is_dir():
                    home.rmdir()
                stage.rename(home.absolute())
                sync_folder(home.absolute().parent)
            finally:
                shutil.rmtree(stage, ignore_errors=True)
            return _told(backup, home, total)
    except OSError as error:
        where = str(error.filename or home or source)
        raise OutsideError(where, f"cannot be restored ({error.strerror or error})", "check disk and rights") from error


@dataclass(frozen=True)
class _Backup:
    source: Path
    manifest: dict[str, Any]
    tar: tarfile.TarFile | None
    members: dict[str, tarfile.TarInfo]

    def open(self, entry: dict[str, Any]) -> IO[bytes]:
        """A file of the backup, to read."""
        if self.tar is None:
            file = self.source / "files" / str(entry["sha256"])
            if file.is_file():
                return file.open("rb")
        elif (member := self.members.get(entry["path"])) is not None and member.isreg():
            return cast(IO[bytes], self.tar.extractfile(member))
        raise OutsideError(
            f"{self.source}: {entry['path']}", "is missing from the backup", "restore another one; this is not whole"
        )


@contextmanager
def _opened(source: Path) -> Iterator[_Backup]:
    if source.is_dir():
        file = source / MANIFEST
        if not file.is_file():
            raise UsageError(str(source), "is no backup", "name what `stillwatch backup --to` wrote")
        yield _Backup(source, _checked(read_manifest(file.read_bytes(), str(file))), None, {})
        return
    if not source.is_file():
        raise UsageError(str(source), "there is no backup here", "name what `stillwatch backup --to` wrote")
    try:
        with tarfile.open(source, "r:") as tar:
            members = {member.name: member for member in tar}
            last = members.get(MANIFEST)
            held = tar.extractfile(last) if last is not None and last.size <= _LARGEST_MANIFEST else None
            if held is None:
                raise UsageError(str(source), "has no manifest: it is no backup, or cut off", "take another backup")
            yield _Backup(source, _checked(read_manifest(held.read(), str(source))), tar, members)
    except tarfile.TarError as error:
        raise UsageError(str(source), "is no backup, or is cut off", "take another backup") from error


def _checked(manifest: dict[str, Any]) -> dict[str, Any]:
    for entry in manifest["files"]:
        digest = entry["sha256"]
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise UsageError(MANIFEST, "holds something that is no SHA-256", "this is no backup that stillwatch made")
    return manifest


def _check_key(backup: _Backup, key: Path | None, source: Path, *, needed: bool) -> bytes | None:
    if key is None:
        if needed and not backup.manifest["key_in_it"]:
            raise UsageError(str(source), "was made without the secret key", "give it with --key FILE")
        return None
    if backup.manifest["key_in_it"]:
        raise UsageError("--key", "the key is in this backup already", "leave the option away")
    given = key.read_bytes()
    if check_of(given) != backup.manifest["key_check"]:
        raise UsageError(str(key), "is not the key that belongs to this backup", "give the secret.key of that home")
    return given


def _copy(backup: _Backup, stage: Path | None, progress: Progress) -> int:
    total = 0
    entries = backup.manifest["files"]
    for number, entry in enumerate(entries, 1):
        with backup.open(entry) as held:
            if stage is None:
                digest, size = copy_hashed(held, None)
            else:
                target = stage / entry["path"]
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    digest, size = copy_hashed(held, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.utime(target, ns=(entry["mtime_ns"], entry["mtime_ns"]))
        if (digest, size) != (entry["sha256"], entry["bytes"]):
            raise OutsideError(
                f"{backup.source}: {entry['path']}", "is not what was backed up (its SHA-256 differs)",
                "restore another backup; this one is damaged",
            )  # fmt: skip
        total += size
        if progress is not None:
            progress({"step": "checking" if stage is None else "restoring", "files": number, "of": len(entries)})
    return total


def _check_databases(stage: Path) -> None:
    """Every database whole, every part that the ledger names in its place."""
    if not (stage / "ledger.sqlite").is_file():
        raise OutsideError("ledger.sqlite", "is not in the backup", "restore another backup")
    for file in sorted(stage.glob("*.sqlite")):
        with closing(sqlite3.connect(file)) as db:
            fault = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise OutsideError(file.name, f"is damaged in the backup ({fault[:80]})", "restore another backup")
            if file.name == "ledger.sqlite":
                for kind, name, size in db.execute("SELECT kind, name, bytes FROM parts"):
                    part = stage / kind / name
                    if not part.is_file() or part.stat().st_size != size:
                        what = "is in the ledger and not in the backup"
                        raise OutsideError(f"{kind}/{name}", what, "restore another backup")


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _told(backup: _Backup, home: Path | None, total: int) -> Restored:
    told = backup.manifest
    return Restored(
        str(backup.source), None if home is None else str(home), len(told["files"]), total, str(told.get("made_at")),
        str(told.get("stillwatch")), bool(told["key_in_it"]),
    )  # fmt: skip

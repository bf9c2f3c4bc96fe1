"""A backup of a home while it is in use, whole in itself: a folder that grows by what is new, or one tar file.

Every SQLite file is copied by SQLite's own backup, all under the findings lock, which a sweep takes only while it
writes its findings. The ledger's copy says which parts belong to it; parts never change, so they are copied afterwards
without any lock. Where one was replaced meanwhile (joined with others, or a customer was forgotten), it begins again.
A folder holds `manifest.json` and files named by their SHA-256: the manifest is replaced last, so a backup that was cut
off leaves the one before it.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from stillwatch import __version__
from stillwatch.errors import OutsideError, UsageError
from stillwatch.store.formats import for_reading, format_of
from stillwatch.store.key_check import check_of
from stillwatch.store.locks import FINDINGS_LOCK, FINDINGS_WAIT, LOCK, locked
from stillwatch.store.parts import sync_folder

Progress = Callable[[dict[str, Any]], None] | None

BACKUP_FORMAT = 1
MANIFEST = "manifest.json"
_TRIES = 20
_STAGING = ".stillwatch-backup-"
_NOT_KEPT = frozenset({LOCK, FINDINGS_LOCK, "scratch"})
_PASSING = ("-wal", "-shm", "-journal", ".new", ".writing")
#: Without these a backup tells less to whoever reads it: the key, a signing key, a token for this machine's service.
_SECRET = ("secret.key", "release.key", "service-token")


@dataclass(frozen=True)
class BackedUp:
    """What a backup did: files and bytes in it, bytes that had to be copied, and whether the secret key is in it."""

    to: str
    files: int
    bytes: int
    copied_files: int
    copied_bytes: int
    with_key: bool
    formats: dict[str, str | None] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


class _Moved(Exception):
    """A part was replaced while it was copied."""


def back_up(home: Path, to: Path, *, with_key: bool = True, progress: Progress = None) -> BackedUp:
    """Copies a home into `to`: a tar file where the name ends in `.tar`, else a folder that is brought up to date.

    UsageError where there is no store, `to` is something else or lies in the home; OutsideError where a disk fails or
    a part is not what the ledger says.
    """
    if not (home / "ledger.sqlite").is_file():
        raise UsageError(str(home), "there is no store here", "sweep some logs first: stillwatch sweep LOGS --home DIR")
    if not (home / "secret.key").is_file():
        raise UsageError(str(home / "secret.key"), "the secret key is gone", "restore it; stillwatch doctor says more")
    inside, place = home.resolve(), to.absolute().parent.resolve() / to.name
    if place == inside or inside in place.parents:
        raise UsageError(str(to), "lies in the home that is backed up", "name a place on another disk")
    old_mask = os.umask(0o077)
    try:
        if to.suffix == ".tar":
            return _to_file(home, to, with_key, progress)
        return _to_folder(home, to, with_key, progress)
    except OSError as error:
        where = str(error.filename or to)
        raise OutsideError(where, f"cannot be copied ({error.strerror})", "check disk and rights") from error
    finally:
        os.umask(old_mask)


def read_manifest(text: str | bytes, where: str) -> dict[str, Any]:
    """A backup's manifest. UsageError where it is none, or a newer one's."""
    try:
        read = json.loads(text)
        known = int(read["stillwatch_backup"])
        files = [(str(f["path"]), int(f["bytes"]), str(f["sha256"]), int(f["mtime_ns"])) for f in read["files"]]
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(where, "is no manifest of a backup", "name what `stillwatch backup --to` wrote") from error
    if known > BACKUP_FORMAT:
        raise UsageError(where, f"is a newer version's (format {known})", "restore it with the version that wrote it")
    names = [path for path, *_ in files]
    bad = [
        p for p in names if p.startswith("/") or "\0" in p or not set(Path(p).parts).isdisjoint({"..", "."}) or not p
    ]
    if bad or len(set(names)) < len(names):
        raise UsageError(where, "names files outside of a home, or twice", "this is no backup that stillwatch made")
    return dict(read)


def copy_hashed(source: IO[bytes], target: IO[bytes] | None) -> tuple[str, int]:
    """(hex SHA-256, bytes) of a stream, copied on the way where there is a target."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(1 << 20):
        digest.update(piece)
        size += len(piece)
        if target is not None:
            target.write(piece)
    return digest.hexdigest(), size


@dataclass(frozen=True)
class _Snapshot:
    """A home at a moment: copies of what changes, and the names of what does not."""

    copies: list[tuple[str, Path, int]]
    parts: list[tuple[str, int]]
    formats: dict[str, str | None]
    rows: dict[str, int]
    key: bytes | None


def _snapshot(home: Path, staging: Path) -> _Snapshot:
    copies: list[tuple[str, Path, int]] = []
    formats: dict[str, str | None] = {}
    # Where nobody can write, nobody needs to be kept out.
    alone: Any = locked(home, FINDINGS_LOCK, FINDINGS_WAIT) if os.access(home, os.W_OK) else nullcontext()
    with alone:
        for source in sorted(home.glob("*.sqlite")):
            target = staging / source.name
            formats[source.name] = _copy_database(source, target)
            copies.append((source.name, target, source.stat().st_mtime_ns))
        with closing(sqlite3.connect(staging / "ledger.sqlite")) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name='parts'").fetchone():
                raise UsageError(str(home), "holds nothing yet", "back it up after its first sweep")
            parts = [(f"{kind}/{name}", size) for kind, name, size in db.execute("SELECT kind, name, bytes FROM parts")]
            rows = dict(db.execute("SELECT kind, sum(rows) FROM parts GROUP BY kind").fetchall())
            kinds = {kind for (kind,) in db.execute("SELECT DISTINCT kind FROM parts")} | {
                "exchanges", "fingerprints", "turns", "text",
            }  # fmt: skip
        for file in _others(home, kinds):
            name = file.relative_to(home).as_posix()
            target = staging / f"other-{len(copies)}"
            before = file.stat()
            shutil.copyfile(file, target)
            copies.append((name, target, before.st_mtime_ns))
    key = next((target.read_bytes() for name, target, _ in copies if name == "secret.key"), None)
    if key is None or (home / "secret.key").read_bytes() != key:
        raise _Moved
    return _Snapshot(copies, sorted(parts), formats, rows, key)


def _copy_database(source: Path, target: Path) -> str | None:
    with (
        closing(for_reading(source)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        try:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
            fault = new.execute("PRAGMA quick_check(1)").fetchone()[0]
            if fault != "ok":
                raise sqlite3.DatabaseError(fault)
            return format_of(new)
        except sqlite3.DatabaseError as error:
            what = f"cannot be copied whole ({str(error).splitlines()[0][:120]})"
            raise OutsideError(str(source), what, "stillwatch doctor says more; an earlier backup is kept") from error


def _others(home: Path, kinds: set[str]) -> Iterator[Path]:
    """Every file of a home that is neither a part, a database, a lock nor half written."""
    for folder, folders, names in os.walk(home):
        at = Path(folder)
        if at == home:
            folders[:] = [name for name in folders if name not in kinds and name not in _NOT_KEPT]
        for name in sorted(names):
            file = at / name
            passing = name in _NOT_KEPT or name.endswith(_PASSING) or (at == home and name.endswith(".sqlite"))
            if not passing and file.is_file() and not file.is_symlink():
                yield file


def _files(home: Path, snap: _Snapshot, with_key: bool) -> Iterator[tuple[str, Path, int, int | None]]:
    """(name, where it is now, its time, the bytes that the ledger says) of each file that belongs to a backup."""
    for name, file, mtime in snap.copies:
        if with_key or name not in _SECRET:
            yield name, file, mtime, None
    for name, size in snap.parts:
        file = home / name
        try:
            stat = file.stat()
        except FileNotFoundError:
            raise _Moved from None
        if stat.st_size != size:
            raise _Moved
        yield name, file, stat.st_mtime_ns, size


def _manifest(snap: _Snapshot, files: list[dict[str, Any]], with_key: bool) -> dict[str, Any]:
    made = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "stillwatch_backup": BACKUP_FORMAT, "stillwatch": __version__, "made_at": made, "formats": snap.formats,
        "rows": snap.rows, "key_in_it": with_key, "key_check": check_of(snap.key or b""), "files": files,
    }  # fmt: skip


def _told(to: Path, manifest: dict[str, Any], copied: list[int]) -> BackedUp:
    sizes = [entry["bytes"] for entry in manifest["files"]]
    return BackedUp(
        str(to), len(sizes), sum(sizes), len(copied), sum(copied), manifest["key_in_it"], manifest["formats"],
        manifest["rows"],
    )  # fmt: skip


def _again(home: Path, once: Callable[[Path], BackedUp], beside: Path, prefix: str = _STAGING) -> BackedUp:
    """Once, and again with a new snapshot as long as a part is replaced under it."""
    for _ in range(_TRIES):
        with tempfile.TemporaryDirectory(dir=beside, prefix=prefix) as staging:
            try:
                return once(Path(staging))
            except _Moved:
                time.sleep(0.05)
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        rows = db.execute("SELECT kind, name, bytes FROM parts ORDER BY kind, name").fetchall()
    for kind, name, size in rows:
        file = home / kind / name
        if not file.is_file() or file.stat().st_size != size:
            what = "is gone" if not file.is_file() else "is not the file that the ledger knows"
            raise OutsideError(str(file), what, "stillwatch doctor says what is lost; an earlier backup is kept")
    raise OutsideError(str(home), "changes faster than it can be copied", "try again when less is written here")


def _to_folder(home: Path, to: Path, with_key: bool, progress: Progress) -> BackedUp:
    if to.exists() and not to.is_dir():
        raise UsageError(str(to), "is a file", "name a folder, or a file that ends in .tar")
    if to.is_dir() and not (to / MANIFEST).is_file() and any(n.name not in (LOCK, "files") for n in to.iterdir()):
        raise UsageError(str(to), "holds something else", "name a new folder, or one that a backup made")
    (to / "files").mkdir(parents=True, exist_ok=True, mode=0o700)
    to.chmod(0o700)
    with locked(to):
        for left in (*to.glob(f"{_STAGING}*"), *(to / "files").glob("*.new")):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        before = _before(to)

        def once(staging: Path) -> BackedUp:
            snap = _snapshot(home, staging)
            entries: list[dict[str, Any]] = []
            copied: list[int] = []
            for name, file, mtime, size in _files(home, snap, with_key):
                old = before.get(name)
                if old and size is not None and (old["bytes"], old["mtime_ns"]) == (size, mtime):
                    entries.append(old)
                    continue
                digest, length = _keep(file, to / "files")
                if size is not None and length != size:
                    raise _Moved
                entries.append({"path": name, "bytes": length, "sha256": digest, "mtime_ns": mtime})
                if not old or old["sha256"] != digest:
                    copied.append(length)
                before[name] = entries[-1]
                if progress is not None:
                    progress({"step": "copying", "files": len(entries), "of": len(snap.copies) + len(snap.parts)})
            manifest = _manifest(snap, entries, with_key)
            sync_folder(to / "files")
            _write_whole(to / MANIFEST, json.dumps(manifest, indent=1).encode())
            used = {entry["sha256"] for entry in entries}
            for file in (to / "files").iterdir():
                if file.name not in used:
                    file.unlink()
            return _told(to, manifest, copied)

        return _again(home, once, to)


def _before(to: Path) -> dict[str, dict[str, Any]]:
    """What the backup there holds already, by name; only what is really there."""
    if not (to / MANIFEST).is_file():
        return {}
    read = read_manifest((to / MANIFEST).read_bytes(), str(to / MANIFEST))
    held = {file.name: file.stat().st_size for file in (to / "files").iterdir()}
    return {entry["path"]: entry for entry in read["files"] if held.get(entry["sha256"]) == entry["bytes"]}


def _keep(source: Path, folder: Path) -> tuple[str, int]:
    fresh = folder / f"{secrets.token_hex(8)}.new"
    try:
        with source.open("rb") as old, fresh.open("xb") as new:
            digest, size = copy_hashed(old, new)
            new.flush()
            os.fsync(new.fileno())
    except FileNotFoundError:
        fresh.unlink(missing_ok=True)
        raise _Moved from None
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    fresh.replace(folder / digest)
    return digest, size


def _write_whole(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def _to_file(home: Path, to: Path, with_key: bool, progress: Progress) -> BackedUp:
    if to.exists():
        raise UsageError(str(to), "is there already", "name a new file; or a folder, which is brought up to date")
    to.parent.mkdir(parents=True, exist_ok=True)
    fresh, prefix = to.with_name(f".{to.name}.new"), f".{to.name}.parts-"
    for left in to.parent.glob(f"{glob.escape(prefix)}*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)

    def once(staging: Path) -> BackedUp:
        snap = _snapshot(home, staging)
        entries: list[dict[str, Any]] = []
        with fresh.open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
            for name, file, mtime, size in _files(home, snap, with_key):
                try:
                    source = file.open("rb")
                except FileNotFoundError:
                    raise _Moved from None
                with source:
                    digest, length = copy_hashed(source, None)
                    if size is not None and length != size:
                        raise _Moved
                    source.seek(0)
                    tar.addfile(_member(name, length, mtime), source)
                entries.append({"path": name, "bytes": length, "sha256": digest, "mtime_ns": mtime})
                if progress is not None:
                    progress({"step": "copying", "files": len(entries), "of": len(snap.copies) + len(snap.parts)})
            manifest = _manifest(snap, entries, with_key)
            text = json.dumps(manifest, indent=1).encode()
            with tempfile.TemporaryFile(dir=staging) as last:
                last.write(text)
                last.seek(0)
                tar.addfile(_member(MANIFEST, len(text), 0), last)
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(to)
        sync_folder(to.parent)
        return _told(to, manifest, [entry["bytes"] for entry in entries])

    try:
        return _again(home, once, to.parent, prefix)
    finally:
        fresh.unlink(missing_ok=True)


def _member(name: str, size: int, mtime_ns: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, mtime_ns // 1_000_000_000
    return member

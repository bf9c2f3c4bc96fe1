"""Is the secret key there, the right one, and is everything its owner's alone?"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.store.key_check import check_of, known_checks

_SHOWN = 3


def look(patient: Patient) -> Iterator[Ailment]:
    """The key against the ledger's mark of it; modes and owners of all files in the home."""
    key = patient.home / "secret.key"
    if not key.is_file():
        yield Ailment("broken", "secret.key", "the secret key is gone: old and new hashes would never meet",
                      "put it back, from a backup or from where you keep it")  # fmt: skip
    else:
        yield from _key(patient, key)
    yield from _rights(patient)


def mend(patient: Patient) -> Iterator[str]:
    """Takes away what others may do."""
    wide = too_wide(patient.home)
    for path in wide:
        try:
            path.chmod(path.stat().st_mode & 0o700)
        except OSError:
            continue
    left = set(too_wide(patient.home))
    if done := [path for path in wide if path not in left]:
        yield f"rights: {len(done):,} files and folders are their owner's alone now"


def too_wide(home: Path) -> list[Path]:
    """The home and what is in it that others may read, write or enter."""
    paths = [home, *(Path(at) / name for at, folders, names in os.walk(home) for name in (*folders, *names))]
    return [path for path in paths if not path.is_symlink() and path.exists() and path.stat().st_mode & 0o077]


def _key(patient: Patient, key: Path) -> Iterator[Ailment]:
    try:
        held = key.read_bytes()
    except OSError as error:
        yield Ailment("broken", "secret.key", f"cannot be read ({error.strerror})", "check who owns it")
        return
    if len(held) != 32:
        yield Ailment("broken", "secret.key", "is no key of 32 bytes", "put it back from a backup")
        return
    try:
        known = known_checks(patient.ledger) if patient.ledger is not None else ()
    except sqlite3.Error:
        return
    if known and check_of(held) not in known:
        yield Ailment("broken", "secret.key", "is another key than this store was hashed with",
                      "put the right one back, from a backup")  # fmt: skip


def _rights(patient: Patient) -> Iterator[Ailment]:
    wide = too_wide(patient.home)
    if wide:
        key = any(path.name in ("secret.key", "release.key", "service-token") for path in wide)
        names = ", ".join(path.relative_to(patient.home).as_posix() for path in wide[:_SHOWN])
        what = (
            f"{len(wide):,} files or folders can be read or changed by others ({names}{', …' if wide[_SHOWN:] else ''})"
        )
        if key:
            what += "; a secret is among them: whoever read it can tell whose hashes are whose"
        yield Ailment("broken" if key else "warning", "rights", what,
                      f"stillwatch doctor --mend{patient.option()}", True)  # fmt: skip
    own = os.geteuid()
    foreign = [file for file in patient.home.iterdir() if file.stat().st_uid != own]
    if foreign and own != 0:
        what = f"{len(foreign)} files belong to another user ({foreign[0].name}, …)"
        yield Ailment("warning", "rights", what, "run stillwatch as the user who made the home, or chown it")
    if not os.access(patient.home, os.W_OK):
        yield Ailment("broken", "rights", "the home cannot be written", "check the folder's rights and its disk")

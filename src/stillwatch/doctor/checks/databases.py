"""Are the SQLite files whole, of a format that this version knows, and is the audit log's chain unbroken?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from stillwatch.decide import record
from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.store import indicators, ledger
from stillwatch.store.formats import format_of

FORMATS = {"ledger.sqlite": ledger.FORMAT, record.FILE_NAME: record.FORMAT, indicators.FILE_NAME: indicators.FORMAT}
_FREE_SHARE, _FREE_BYTES = 0.3, 32 << 20


def look(patient: Patient) -> Iterator[Ailment]:
    """Every file by PRAGMA integrity_check, its format, and its free space; the audit log by its own chain."""
    if not (patient.home / "ledger.sqlite").is_file():
        lost = "the ledger is gone: no stored row can be told from a leftover"
        yield Ailment("broken", "ledger.sqlite", lost, "stillwatch restore --from BACKUP --home NEW")
    for file in sorted(patient.home.glob("*.sqlite")):
        db = patient.databases.get(file.name)
        if db is None:
            yield Ailment("broken", file.name, "cannot be opened as a database", "restore it from a backup")
            continue
        try:
            faults = [row[0] for row in db.execute("PRAGMA integrity_check(5)")]
            faults += [
                f"a row of {row[0]} points to nothing" for row in db.execute("PRAGMA foreign_key_check").fetchmany(5)
            ]
            known = format_of(db)
            free = db.execute("SELECT f.freelist_count, p.page_count, s.page_size FROM pragma_freelist_count f, "
                              "pragma_page_count p, pragma_page_size s").fetchone()  # fmt: skip
        except sqlite3.DatabaseError as error:
            faults, known, free = [str(error)], FORMATS.get(file.name), (0, 1, 0)
        if faults != ["ok"]:
            yield Ailment("broken", file.name, f"is damaged: {'; '.join(faults)[:300]}", "restore it from a backup")
            continue
        yield from _format(patient, file.name, known)
        if free[0] > _FREE_SHARE * free[1] and free[0] * free[2] > _FREE_BYTES:
            what = f"holds {free[0] * free[2] >> 20:,} MiB of free pages"
            yield Ailment("note", file.name, what, f"stillwatch doctor --mend{patient.option()}", True)
    yield from _audit(patient)


def mend(patient: Patient) -> Iterator[str]:
    """Gives free pages back."""
    for name, db in patient.databases.items():
        try:
            count, total = (
                db.execute("PRAGMA freelist_count").fetchone()[0],
                db.execute("PRAGMA page_count").fetchone()[0],
            )
            if count > _FREE_SHARE * total:
                own = sqlite3.connect(patient.home / name, timeout=10.0)
                own.execute("VACUUM")
                own.close()
                yield f"{name}: gave {count:,} free pages back"
        except sqlite3.DatabaseError:
            continue  # in use, or damaged: looking says which


def _format(patient: Patient, name: str, known: str | None) -> Iterator[Ailment]:
    current = FORMATS.get(name)
    if current is None or known == current:
        return
    if known is None:
        yield Ailment("note", name, "holds no format yet", "the next command that opens it writes one")
    elif known.isdecimal() and int(known) < int(current):
        what = f"is of format {known}; the next command that opens it brings it to {current}"
        yield Ailment("note", name, what, f"before that: stillwatch backup --to PLACE{patient.option()}")
    else:
        what = f"was written by a newer version (format {known[:10]}, this version knows up to {current})"
        yield Ailment("broken", name, what, "use the version that wrote it, or restore a backup made by this one")


def _audit(patient: Patient) -> Iterator[Ailment]:
    db = patient.databases.get(record.FILE_NAME)
    if db is None:
        return
    try:
        if format_of(db) != record.FORMAT:
            return
        lines, fault = record.verify_chain(db)
    except sqlite3.Error as error:
        yield Ailment("broken", "audit log", f"cannot be read ({error})", "restore decisions.sqlite from a backup")
        return
    if fault:
        what = f"holds for {lines} lines, then: {fault}"
        yield Ailment("broken", "audit log", what, "compare with a backup; ask who can write here")

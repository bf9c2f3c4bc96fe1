"""Is every part that the ledger knows there, readable, with as many rows as it says; and is anything left over?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.errors import StillwatchError
from stillwatch.store import locked, open_store
from stillwatch.store.locks import holder
from stillwatch.store.parts import KINDS
from stillwatch.store.writing import sweep_up

_LOST = "restore a backup; without one read the logs again into a new --home"
_FINDINGS = ("findings", "history", "history/latest")


def look(patient: Patient) -> Iterator[Ailment]:
    """Each registered part's footer against the ledger (whole files with `deep`), and files that nobody registered."""
    if patient.ledger is None:
        return
    for kind, name, rows, size, _, _ in patient.parts:
        if (fault := _fault(patient, patient.home / kind / name, rows, size)) is not None:
            yield Ailment("broken", f"{kind}/{name}", f"{fault}; {rows:,} rows are lost to every sweep", _LOST)
    writes = holder(patient.home)
    left = leftovers(patient)
    if left and writes is None:
        size = sum(file.stat().st_size for file in left if file.exists())
        what = f"{len(left):,} files that no run made count ({size >> 10:,} KiB), left by one that was cut off"
        yield Ailment("note", "leftovers", what, f"stillwatch doctor --mend{patient.option()}", True)
    for number, state, _ in patient.runs:
        if state == "open" and writes is None:
            what = f"an ingest was cut off (run {number}); what it committed counts"
            yield Ailment("warning", "runs", what, "the same `stillwatch sweep` again goes on where it stopped")
        elif state == "open":
            yield Ailment("note", "runs", f"run {number} is under way (process {writes})", "wait until it is done")


def mend(patient: Patient) -> Iterator[str]:
    """Removes what no transaction made count, as the next ingest would; not while somebody writes."""
    left = leftovers(patient)
    if not left:
        return
    try:
        store = open_store(patient.home)
        try:
            with locked(patient.home):
                sweep_up(store)
        finally:
            store.close()
    except StillwatchError:
        return  # somebody writes, or the store does not open: looking says which
    gone = [file for file in left if not file.exists()]
    if gone:
        yield f"leftovers: removed {len(gone):,} files that no run made count"


def leftovers(patient: Patient) -> list[Path]:
    """Part files that are not registered, and findings half written."""
    registered = {f"{kind}/{name}" for kind, name, *_ in patient.parts}
    left: list[Path] = []
    for kind in (*KINDS, "text"):
        for file in (patient.home / kind).glob("*"):
            if file.name.endswith((".parquet", ".writing")) and f"{kind}/{file.name}" not in registered:
                left.append(file)
    for folder in _FINDINGS:
        left += [f for f in (patient.home / folder).glob("*") if f.name.endswith((".new", ".writing"))]
    return left


def _fault(patient: Patient, file: Path, rows: int, size: int) -> str | None:
    try:
        if file.stat().st_size != size:
            return f"has {file.stat().st_size:,} bytes where the ledger says {size:,}"
        with pq.ParquetFile(file) as part:
            if part.metadata.num_rows != rows:
                return f"has {part.metadata.num_rows:,} rows where the ledger says {rows:,}"
            if patient.deep:
                for _ in part.iter_batches(1 << 17, use_threads=False):
                    pass
    except FileNotFoundError:
        return "is gone"
    except (OSError, pa.ArrowException):
        return "cannot be read"
    return None

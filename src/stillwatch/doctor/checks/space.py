"""How long the disk lasts, and what lies on it that nobody needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from stillwatch.doctor.patient import Ailment, Patient

_DAY_US = 86_400e6
_LEAST = 1 << 30
_DAYS = 30.0
_OLD_S = 86_400.0


def look(patient: Patient) -> Iterator[Ailment]:
    """Free space against what a day of traffic has taken so far, and scratch files of processes that were killed."""
    free = shutil.disk_usage(patient.home).free
    largest = max((size for _, _, _, size, _, _ in patient.parts), default=0)
    if free < max(_LEAST, 3 * largest):
        what = f"{free >> 20:,} MiB are free; a sweep may need more to join parts and to hunt"
        yield Ailment("warning", "disk", what, "free some space, or move the home to a larger disk")
    times = [(low, high) for kind, _, _, _, low, high in patient.parts if kind == "exchanges" and low and high]
    if times:
        days = max(1.0, (max(high for _, high in times) - min(low for low, _ in times)) / _DAY_US)
        daily = sum(size for _, _, _, size, _, _ in patient.parts) / days
        if daily and free / daily < _DAYS:
            takes, left = f"{daily / (1 << 20):,.1f} MiB", f"{free / daily:,.0f} days"
            what = f"a day of traffic takes {takes}, so the {free >> 20:,} MiB that are free last {left}"
            yield Ailment("warning", "disk", what, "free some space, or keep fewer days: [store] retention_days")
    if old := _scratch(patient):
        size = sum(file.stat().st_size for file in old) >> 20
        yield Ailment("note", "scratch", f"{size:,} MiB of scratch files lie there for more than a day",
                      f"stillwatch doctor --mend{patient.option()}", True)  # fmt: skip


def mend(patient: Patient) -> Iterator[str]:
    """Removes scratch files that are older than a day: no hunt runs that long."""
    old = _scratch(patient)
    for file in old:
        file.unlink(missing_ok=True)
    if old:
        yield f"scratch: removed {len(old):,} old files"


def _scratch(patient: Patient) -> list[Path]:
    files = (file for file in (patient.home / "scratch").rglob("*") if file.is_file())
    return [file for file in files if patient.now - file.stat().st_mtime > _OLD_S]

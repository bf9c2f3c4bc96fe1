"""Which libraries run here, against those that the latest findings were made with."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from stillwatch import __version__
from stillwatch.doctor.patient import Ailment, Patient


def look(patient: Patient) -> Iterator[Ailment]:
    """A missing library is broken; another version than the findings' is worth knowing where figures differ."""
    then = patient.run.get("versions")
    changed: list[str] = []
    for name, before in (then if isinstance(then, dict) else {}).items():
        try:
            now = metadata.version(str(name))
        except metadata.PackageNotFoundError:
            yield Ailment("broken", "libraries", f"{name} is not installed", "pip install stillwatch again")
            continue
        if now != before:
            changed.append(f"{name} {before} then, {now} now")
    wrote = patient.run.get("stillwatch")
    if wrote is not None and wrote != __version__:
        changed.insert(0, f"stillwatch {wrote} then, {__version__} now")
    if changed:
        yield Ailment("note", "libraries", f"the findings are of other versions: {'; '.join(changed)}",
                      f"stillwatch hunt{patient.option()} makes them anew")  # fmt: skip

"""Does anybody hold a lock of this home, and is that somebody alive?"""

from __future__ import annotations

import os
from collections.abc import Iterator

from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.store.locks import FINDINGS_LOCK, LOCK, holder


def look(patient: Patient) -> Iterator[Ailment]:
    """A lock ends with the process that took it; one that a dead process seems to hold is held by a child of it."""
    for name in (LOCK, FINDINGS_LOCK):
        held = holder(patient.home, name)
        if held is None:
            continue
        if held.isdecimal() and alive(int(held)):
            yield Ailment("note", name, f"process {held} is writing here", "wait until it is done")
        else:
            what = f"is held, but process {held} that took it is gone: a process that it started holds it"
            yield Ailment("warning", name, what, f"end that process: fuser {patient.home / name} names it")


def alive(process: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True

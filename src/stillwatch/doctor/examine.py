"""Asks every check (a file of `checks/`) about a home, and mends what can be mended without losing anything."""

from __future__ import annotations

import importlib
import os
import pkgutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType

from stillwatch.doctor import checks
from stillwatch.doctor.patient import SEVERITIES, Ailment, Patient
from stillwatch.errors import UsageError

_A_HOME = ("ledger.sqlite", "secret.key", "exchanges", "findings", "decisions.sqlite")


@dataclass(frozen=True)
class Examined:
    """What was asked (names of checks), what is wrong after mending, and what was mended, in words."""

    checks: tuple[str, ...]
    ailments: tuple[tuple[str, Ailment], ...]
    mended: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Nothing is broken and nothing to be warned of."""
        return all(ailment.severity == "note" for _, ailment in self.ailments)


@cache
def all_checks() -> Mapping[str, ModuleType]:
    """Every module of `checks/` by name. Each has `look(patient)`, and `mend(patient)` where it can mend."""
    names = sorted(info.name for info in pkgutil.iter_modules(checks.__path__))
    return {name: importlib.import_module(f"{checks.__name__}.{name}") for name in names}


def examine(
    home: Path, *, now: float | None = None, settings_file: Path | None = None, deep: bool = False, mend: bool = False,
    environ: Mapping[str, str] = os.environ, tell: Callable[[str], None] | None = None,
) -> Examined:  # fmt: skip
    """Looks a home over, worst first. UsageError where there is no home at all."""
    if not home.is_dir() or not any((home / name).exists() for name in _A_HOME):
        raise UsageError(str(home), "there is no store here", "sweep some logs first: stillwatch sweep LOGS --home DIR")
    patient = Patient(home, time.time() if now is None else now, settings_file, environ, deep)
    mended: list[str] = []
    if mend:
        for module in all_checks().values():
            if hasattr(module, "mend"):
                mended += module.mend(patient)
        patient.close()
        patient = replace(patient)
    found: list[tuple[str, Ailment]] = []
    for name, module in all_checks().items():
        if tell is not None:
            tell(name.replace("_", " "))
        found += [(name, ailment) for ailment in module.look(patient)]
    patient.close()
    found.sort(key=lambda pair: SEVERITIES.index(pair[1].severity))
    return Examined(tuple(all_checks()), tuple(found), tuple(mended))

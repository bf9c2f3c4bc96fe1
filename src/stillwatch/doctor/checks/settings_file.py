"""Would a sweep take these settings: known names, values in bounds, and every file that they name?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stillwatch.decide.policy import read_policy
from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.errors import StillwatchError
from stillwatch.patterns import load_rules
from stillwatch.settings import load_settings


def look(patient: Patient) -> Iterator[Ailment]:
    """Settings as a command in this folder would read them; then the rule packs and the policy that they name."""
    from stillwatch.report.catalogue import signs

    try:
        settings = load_settings(patient.settings_file, home=patient.home, environ=patient.environ)
        known = {n: {k: type(v) for k, v in sign.settings.items()} for n, sign in signs().items()}
        settings.check_signals(known)
    except StillwatchError as error:
        yield Ailment("broken", error.where, error.what, error.hint or "stillwatch settings")
        return
    try:
        load_rules([Path(pack) for pack in settings.patterns.packs])
    except (StillwatchError, OSError) as error:
        yield _fault("[patterns] packs", error)
    if settings.decide.policy:
        try:
            read_policy(Path(settings.decide.policy))
        except (StillwatchError, OSError) as error:
            yield _fault("[decide] policy", error)


def _fault(where: str, error: Exception) -> Ailment:
    if isinstance(error, StillwatchError):
        return Ailment("broken", where, str(error), error.hint or "stillwatch settings")
    assert isinstance(error, OSError)
    return Ailment("broken", where, f"{error.filename}: {error.strerror}", "check the path")

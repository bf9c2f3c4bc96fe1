"""Where the executors write: the home itself, or a folder that they share and the home's folders lead to."""

from __future__ import annotations

from pathlib import Path

from stillwatch.errors import OutsideError, UsageError
from stillwatch.store.parts import KINDS

_OWNER = "home.txt"
_FOLDERS = (*KINDS, "quarantine")


def settle(home: Path, place: str) -> Path:
    """The folder below which the parts lie, by the path that every machine knows; makes the home's folders lead there.

    `place` empty: the home itself. UsageError where the place is another home's, or the home holds parts already.
    """
    home = home.resolve()
    if not place:
        lead = home / "exchanges"
        return lead.resolve().parent if lead.is_symlink() else home
    target = Path(place).resolve()
    if target == home:
        return home
    try:
        target.mkdir(parents=True, exist_ok=True)
        owner = target / _OWNER
        if owner.exists() and owner.read_text("utf-8").strip() != str(home):
            raise UsageError(str(target), "is another home's place", "give each home a place of its own")
        owner.write_text(f"{home}\n", "utf-8")
        for name in _FOLDERS:
            (target / name).mkdir(exist_ok=True, mode=0o700)
            _lead(home / name, target / name)
    except OSError as error:
        raise OutsideError(str(target), f"cannot be used ({error.strerror})", "check disk and rights") from error
    return target


def _lead(here: Path, there: Path) -> None:
    if here.is_symlink() and here.resolve() == there.resolve():
        return
    if here.is_symlink() or any(here.iterdir()):
        raise UsageError(str(here), "holds parts already", "use a new --home with this [spark] place")
    here.rmdir()
    here.symlink_to(there, target_is_directory=True)

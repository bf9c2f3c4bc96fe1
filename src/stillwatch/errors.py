"""One family of errors: where it happened, what is wrong, what to try, and the exit status."""

from __future__ import annotations


class StillwatchError(Exception):
    """Something a person can act on. Printed as ``where: what`` and then ``try: hint``."""

    exit_code = 2

    def __init__(self, where: str, what: str, hint: str = "") -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
        self.hint = hint

    def lines(self) -> list[str]:
        """The lines for standard error: ``where: what`` and, where there is one, ``try: hint``."""
        first = f"{self.where}: {self.what}"
        return [first, f"try: {self.hint}"] if self.hint else [first]


class UsageError(StillwatchError):
    """The caller can mend it: a bad option, setting, or an unreadable or mostly malformed input (exit 2)."""

    exit_code = 2


class UnknownAccount(UsageError):
    """Nothing in a home names this account."""


class OutsideError(StillwatchError):
    """Something outside failed: disk, database, network (exit 3)."""

    exit_code = 3

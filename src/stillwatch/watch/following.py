"""One source under care: that it is away is said once, and it is asked again after longer and longer pauses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stillwatch.errors import OutsideError, StillwatchError
from stillwatch.ingest import Dialect, Input, Taken
from stillwatch.ingest.inputs import Position
from stillwatch.ingest.streams import Follower
from stillwatch.watch.telling import Teller

LONGEST_PAUSE_S = 60.0


class Pause:
    """Trouble that comes and goes: said when it begins and when it ends; pauses of 1 s, 2 s, ... up to a minute."""

    def __init__(self, tell: Teller, event: str, name: str) -> None:
        self._tell, self._event, self._name = tell, event, name
        self.failures = 0
        self._until = self._since = 0.0

    @property
    def over(self) -> bool:
        """Whether it is time to try (again)."""
        return time.monotonic() >= self._until

    def failed(self, error: BaseException) -> None:
        """Counts a failure and sets the next pause."""
        now = time.monotonic()
        if not self.failures:
            self._since = now
            what = error.what if isinstance(error, StillwatchError) else getattr(error, "strerror", None)
            hint = error.hint if isinstance(error, StillwatchError) else ""
            where = error.where if isinstance(error, StillwatchError) else self._name
            self._tell(self._event, where=where, what=what or type(error).__name__, hint=hint)
        self._until = now + min(2.0**self.failures, LONGEST_PAUSE_S)
        self.failures = min(self.failures + 1, 30)

    def went_well(self) -> None:
        """Says so where there was trouble before."""
        if self.failures:
            self._tell("back", where=self._name, seconds=time.monotonic() - self._since)
        self.failures, self._until = 0, 0.0


class Following:
    """A source, asked when it is not pausing."""

    def __init__(self, follower: Follower, tell: Teller) -> None:
        self._follower, self._tell = follower, tell
        self.name = follower.name
        self.pause = Pause(tell, "away", self.name)
        self._overlooked: dict[str, str] = {}

    def ready(self, places: Mapping[str, Position]) -> Sequence[Input]:
        """Inputs with something new; none while the source is away."""
        if not self.pause.over:
            return []
        try:
            found = self._follower.ready(places)
        except OutsideError as error:
            self.pause.failed(error)
            return []
        self.pause.went_well()
        self.overlook(self._follower.overlooked())
        return [_Watched(one, self.name) for one in found]

    def overlook(self, passed: Mapping[str, str]) -> None:
        """Says once of each thing that is not read why."""
        for path, why in passed.items():
            if self._overlooked.get(path) != why:
                self._overlooked[path] = why
                self._tell("passed over", where=path, what=why)

    def stored(self, places: Mapping[str, Position]) -> None:
        """After a commit."""
        self._follower.stored(places)

    def behind(self, places: Mapping[str, Position]) -> int | None:
        """Rows that wait there."""
        return self._follower.behind(places)

    def close(self) -> None:
        """Lets go of it."""
        self._follower.close()


class SourceFault(OutsideError):
    """Reading a source failed in the middle of a batch: the source's trouble, not the store's."""


class _Watched:
    """An input whose faults say that they are the source's."""

    def __init__(self, inner: Input, source: str) -> None:
        self._inner, self._source = inner, source
        self.label, self.passed, self.remembered = inner.label, inner.passed, inner.remembered

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """As the input."""
        try:
            return self._inner.start(before)
        except (OSError, StillwatchError) as error:
            raise self._fault(error) from error

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """As the input."""
        try:
            yield from self._inner.read(start, dialect)
        except (OSError, StillwatchError) as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError | StillwatchError) -> SourceFault:
        what = error.what if isinstance(error, StillwatchError) else error.strerror or type(error).__name__
        return SourceFault(self._source, f"cannot be read ({what})", "check the disk and the rights")

"""The console's place: one home with its shelf, its record, its sessions and what runs in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.requests import Request

from stillwatch.console.jobs import Jobs
from stillwatch.console.sessions import Session, Sessions
from stillwatch.console.shelf import Shelf, Shelves
from stillwatch.decide.people import RANK
from stillwatch.decide.record import Record, Who
from stillwatch.errors import StillwatchError
from stillwatch.patterns import load_rules
from stillwatch.records.rules import Rule
from stillwatch.settings import Settings


class Place:
    """What all requests share. A record for each thread."""

    def __init__(self, home: Path, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.settings = settings
        self.clock = clock
        self.shelves = Shelves(home)
        self.sessions = Sessions(clock)
        self.jobs = Jobs(clock)
        self._local = threading.local()

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the packs that are set, which give pattern codes their names; none where a pack is at fault."""
        with suppress(StillwatchError):
            return tuple(load_rules([Path(pack) for pack in self.settings.patterns.packs]))
        return ()

    @property
    def record(self) -> Record:
        """This thread's own connection."""
        found: Record | None = getattr(self._local, "record", None)
        if found is None:
            found = self._local.record = Record(self.home)
        return found


@dataclass(frozen=True)
class Ask:
    """One request of somebody who is logged in: who, with what, and what lies on the shelf."""

    place: Place
    request: Request
    session: Session
    form: Mapping[str, str]

    @property
    def who(self) -> Who:
        """Who asks."""
        return self.session.who

    @property
    def record(self) -> Record:
        """The record, this thread's own."""
        return self.place.record

    @property
    def shelf(self) -> Shelf:
        """The findings as they are now."""
        return self.place.shelves.now()

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self.place.clock()

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters of the URL, in order, each bounded."""
        return [(k[:60], v[:500]) for k, v in self.request.query_params.multi_items()[:60]]

    @property
    def path(self) -> str:
        """The path as it was asked for, still encoded."""
        raw = self.request.scope.get("raw_path") or self.request.url.path.encode()
        return str(raw.decode("ascii", "replace"))

    def named(self, name: str = "id") -> str:
        """The id that the path names."""
        return self.shelf.id_of(str(self.request.path_params.get(name, "")))

    def may(self, role: str) -> bool:
        """Whether who asks has this role or one above it."""
        return RANK.get(self.who.role, -1) >= RANK[role]

    def given(self, name: str, longest: int = 4000) -> str:
        """A field of the form, bounded; empty where there is none."""
        return self.form.get(name, "")[:longest]

    def subject(self, name: str) -> str:
        """A field of the form that names an account or a campaign, whole."""
        return self.shelf.id_of(self.given(name))


def local_path(wanted: Any) -> str:
    """A path on this server that a form or link named; `/` where it names anything else."""
    text = str(wanted or "")
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isascii() and text.isprintable()
    return text if plain and len(text) <= 2000 and "\\" not in text else "/"

"""The parts of one process put together: settings, cache, judge, and the thread that follows decisions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from stillwatch_gateway.cache import Cache
from stillwatch_gateway.follow import Follower
from stillwatch_gateway.judge import Judge
from stillwatch_gateway.quiet import LOGGER, Faults
from stillwatch_gateway.settings import GatewaySettings, SettingsError


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a door needs: it asks `judge` and counts its own faults in `faults`. No `follower`: nothing is followed."""

    settings: GatewaySettings
    judge: Judge
    faults: Faults
    follower: Follower | None = None


_LOCK = threading.Lock()
_MADE: list[Assembly] = []


def assembled(environment: Mapping[str, str] | None = None) -> Assembly:
    """This process's assembly, made at the first call and followed from then on.

    Settings that cannot be read do not stop the host: they are told at once as an error, and nothing is judged.
    """
    with _LOCK:
        if not _MADE:
            _MADE.append(_assemble(environment))
        return _MADE[0]


def _assemble(environment: Mapping[str, str] | None) -> Assembly:
    try:
        settings = GatewaySettings.from_environment(environment)
    except SettingsError as error:
        settings = GatewaySettings()
        for line in str(error).splitlines():
            LOGGER.log(logging.ERROR, "%s", line)
        LOGGER.log(logging.ERROR, "settings are wrong, so no request is judged; try: mend them and start again")
    faults = Faults()
    cache = Cache()
    judge = Judge(cache, settings=settings, faults=faults)
    follower: Follower | None = None
    if settings.url or settings.redis:
        try:
            follower = Follower(cache, judge, settings=settings)
            follower.start()
        except Exception as error:
            faults.note("follower", error, hint="mend the settings and start again; until then no request is judged")
    return Assembly(settings, judge, faults, follower)

"""Worlds: simulated traffic of published campaigns and their look-alikes, with the truth beside it."""

from __future__ import annotations

from stillwatch.simulate.evasion import Evasion, evade
from stillwatch.simulate.splice import synthetic_campaign
from stillwatch.simulate.world import profiles, simulate

__all__ = ["Evasion", "evade", "profiles", "simulate", "synthetic_campaign"]

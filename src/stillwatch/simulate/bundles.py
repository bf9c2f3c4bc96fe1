"""Casts of several profiles: each with its own scale, in one world."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import replace

from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.stage import Stage

CAMPAIGNS = (
    "letter",
    "february_deepseek",
    "february_moonshot",
    "february_minimax",
    "hydra",
    "september_pools",
    "relay_moonshot",
    "relay_harness",
    "replay_xiaomi",
    "cleaner_zhipu",
    "bypass_search",
    "non_english",
    "quiet_ring",
    "ring_of_30",
)
LOOK_ALIKES = (
    "eval_harness",
    "judge_pipeline",
    "agreed_synthetic_data",
    "ci_bots",
    "coding_fleet",
    "framework_template",
    "enterprise_gateway",
    "router",
    "fallback_router",
    "migration_backfill",
    "audit_capture",
    "classroom",
    "hackathon",
    "corporate_seats",
    "campus_nat",
    "vpn_users",
    "cgnat",
    "privacy_cards",
    "red_team",
    "native_language",
    "moderation_vendor",
    "support_bot",
    "researchers",
    "power_user",
)
PUBLISHED_ACCOUNTS = {
    "letter": 25_000,
    "february_deepseek": 150,
    "february_moonshot": 600,
    "february_minimax": 8_000,
    "hydra": 20_000,
    "september_pools": 8_500,
    "relay_moonshot": 5_380,
    "relay_harness": 4_000,
    "replay_xiaomi": 1_500,
    "cleaner_zhipu": 273,
    "bypass_search": 60,
    "non_english": 400,
    "quiet_ring": 120,
    "ring_of_30": 30,
}


def together(stage: Stage, parts: Iterable[tuple[str, float]]) -> list[Cohort]:
    """The cohorts of several profiles, each built at its own share of the stage's scale."""
    cohorts: list[Cohort] = []
    scale = stage.scale
    for name, share in parts:
        stage.scale = scale * share
        cohorts += importlib.import_module(f"stillwatch.simulate.profiles.{name}").build(stage)
    stage.scale = scale
    return cohorts


def thinned(cohorts: list[Cohort], most: float, days: float) -> list[Cohort]:
    """The same cohorts; a legitimate one that would send more than `most` exchanges over the window is slowed."""
    made = []
    for c in cohorts:
        total = c.accounts * c.per_day * min(days, c.days)
        made.append(
            replace(c, per_day=c.per_day * (min(1.0, most / max(total, 1.0)) if c.role == "legitimate" else 1.0))
        )
    return made

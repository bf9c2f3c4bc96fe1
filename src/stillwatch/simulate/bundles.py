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
    "drift_monitor",
    "rag_backfill",
    "team_key",
    "reseller_seats",
)
#: Each look-alike's published campaign that it is as strong as: accounts times exchanges a day, at the same scale.
RESEMBLES = {
    "eval_harness": "february_deepseek",
    "judge_pipeline": "february_deepseek",
    "agreed_synthetic_data": "cleaner_zhipu",
    "ci_bots": "relay_moonshot",
    "coding_fleet": "letter",
    "framework_template": "february_minimax",
    "enterprise_gateway": "relay_moonshot",
    "router": "relay_moonshot",
    "fallback_router": "relay_moonshot",
    "migration_backfill": "cleaner_zhipu",
    "audit_capture": "non_english",
    "classroom": "replay_xiaomi",
    "hackathon": "february_deepseek",
    "corporate_seats": "hydra",
    "campus_nat": "relay_moonshot",
    "vpn_users": "relay_moonshot",
    "cgnat": "relay_moonshot",
    "privacy_cards": "february_deepseek",
    "red_team": "bypass_search",
    "native_language": "non_english",
    "moderation_vendor": "february_deepseek",
    "support_bot": "quiet_ring",
    "researchers": "february_deepseek",
    "power_user": "cleaner_zhipu",
    "drift_monitor": "quiet_ring",
    "rag_backfill": "february_moonshot",
    "team_key": "cleaner_zhipu",
    "reseller_seats": "hydra",
}
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

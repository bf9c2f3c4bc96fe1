"""Evaluation harnesses: one organisation and several unrelated labs run the same public benchmark, again on

release day.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Size of the benchmark and of the runs.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import lessons

DESCRIPTION = (
    "Evaluation harnesses: one organisation and several unrelated labs run the same public "
    "benchmark, again on release day."
)
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    items = max(200, round(stage.knob(900, 400, 2500)))
    runs = [
        Traffic(
            lessons.working("maths"),
            0.7,
            items="walk",
            item_count=items,
            queue="public-benchmark",
            templates=2,
            template_by="account",
            temperature=(0.0,),
            n=1,
        ),
        Traffic(
            lessons.bare("program"),
            0.3,
            items="walk",
            item_count=items,
            queue="public-benchmark-p",
            templates=2,
            temperature=(0.0,),
        ),
    ]
    one = Signup(
        kinds={"business": 1.0},
        email={"own": 1.0},
        shared={"payment": (1.0, 50), "email_domain": (1.0, 50), "signup_ip": (0.6, 10)},
        age_days=(2, 400),
    )
    labs = Signup(kinds={"research": 0.4, "business": 0.6}, email={"own": 1.0}, age_days=(2, 400))
    return [
        Cohort(
            "eval_harness",
            stage.size(800, 8),
            runs,
            stage.knob(60, 20, 120),
            0.4,
            signup=one,
            line=Line("server", 1, pooled=0.9, pool_size=3, client="sdk"),
            rhythm="nightly",
            bursty=0.3,
            adopt=(0.9, 5.0),
            adopt_together=True,
            models="best",
            orgs=1,
        ),
        Cohort(
            "eval_harness",
            stage.size(800, 8),
            runs,
            stage.knob(60, 20, 120),
            0.6,
            signup=labs,
            line=Line("server", 2, client="sdk"),
            rhythm="flat",
            bursty=0.5,
            adopt=(0.9, 8.0),
            models="best",
        ),
    ]

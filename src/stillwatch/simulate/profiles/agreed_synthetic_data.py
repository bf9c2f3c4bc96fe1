"""Synthetic data made with the provider's agreement; beside it a verified business with a batch job and no such note.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging, lessons

DESCRIPTION = (
    "Synthetic data made with the provider's agreement; beside it a verified business with a batch "
    "job and no such note."
)
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    sure = {"business": 1.0}
    agreed = Signup(
        kinds={"business": 1.0},
        verification=sure,
        email={"own": 1.0},
        shared={"payment": (1.0, 20), "email_domain": (1.0, 20)},
        allow="agreed synthetic data",
        age_days=(60, 600),
    )
    batch = Signup(
        kinds={"business": 1.0},
        verification=sure,
        email={"own": 1.0},
        payment={"invoice": 0.6, "card": 0.4},
        age_days=(30, 600),
    )
    return [
        Cohort(
            "agreed_synthetic_data",
            stage.size(600, 6),
            [
                Traffic(
                    judging.inventing(), 0.6, items="queue", queue="agreed", templates=4, template_by="row", loose=0.1
                ),
                Traffic(
                    lessons.working("maths"),
                    0.4,
                    items="queue",
                    queue="agreed-w",
                    templates=3,
                    template_by="row",
                    loose=0.1,
                ),
            ],
            stage.knob(120, 40, 250),
            0.3,
            signup=agreed,
            line=Line("server", 1, pooled=0.8, pool_size=4, client="sdk"),
            rhythm="flat",
            bursty=0.1,
            models="best",
            orgs=1,
        ),
        Cohort(
            "agreed_synthetic_data",
            stage.size(800, 8),
            [Traffic(everyday.table_rows(), temperature=(0.0,))],
            stage.knob(150, 40, 300),
            0.6,
            signup=batch,
            line=Line("server", 1, client="sdk"),
            rhythm="flat",
            bursty=0.2,
        ),
    ]

"""People who ask, in their own language, for answers and steps in that language.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Sizes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, lessons

DESCRIPTION = "People who ask, in their own language, for answers and steps in that language."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "native_language",
            stage.size(5000, 40),
            [
                Traffic(lessons.native(forced=True), 0.3, loose=0.7),
                Traffic(everyday.chat({"zh": 0.3, "ja": 0.2, "ko": 0.2, "ru": 0.15, "ar": 0.15}), 0.7, turns=2.5),
            ],
            stage.knob(5, 2.5, 10),
            1.0,
            signup=Signup(countries={"JP": 0.3, "KR": 0.25, "SG": 0.2, "DE": 0.1, "US": 0.15}),
            line=Line("home", 2),
            rhythm="human",
            bursty=0.7,
        )
    ]

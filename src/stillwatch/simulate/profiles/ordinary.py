"""Ordinary customers: chats, code, apps over passages and agents, heavy-tailed, bursty, in many time zones.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Arrivals: spread between firms, uneven days and hours as fitted on ServeGen's clients (`simulate/arrivals.py`).
Assumed: All levels, the spread between people, the weekend; a few families share a card or an address.
"""

from __future__ import annotations

from stillwatch.simulate.arrivals import CLIENT_SPREAD
from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = (
    "Ordinary customers: chats, code, apps over passages and agents, heavy-tailed, bursty, in many time zones."
)
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    size = stage.size(100_000, 60)
    home = Signup(
        shared={"payment": (0.06, 3), "signup_ip": (0.08, 3), "device": (0.02, 2)},
        email={"public": 0.95, "rented": 0.05},
        kinds={"individual": 1.0},
    )
    firm = Signup(
        kinds={"business": 0.7, "startup": 0.2, "enterprise": 0.1},
        email={"own": 0.9, "public": 0.1},
        verification={"business": 0.4, "email": 0.6},
        payment={"card": 0.6, "invoice": 0.4},
    )

    def share(part: float) -> int:
        return max(6, round(size * part))

    return [
        Cohort(
            "ordinary",
            share(0.62),
            [Traffic(everyday.chat(everyday.EVERYDAY_LANGUAGES), turns=3, gap_s=90)],
            4.0,
            1.3,
            signup=home,
            line=Line("home", 3),
            fitted=True,
        ),
        Cohort(
            "ordinary",
            share(0.2),
            [Traffic(everyday.coding(), 0.8, turns=3, gap_s=120), Traffic(everyday.chat(), 0.2, turns=2)],
            8.0,
            1.2,
            signup=home,
            line=Line("home", 2, client="browser"),
            fitted=True,
        ),
        Cohort(
            "ordinary",
            share(0.1),
            [Traffic(everyday.passages(), turns=1.4, session_ids=0.5)],
            19.0,
            CLIENT_SPREAD,
            signup=firm,
            line=Line("server", 2, client="sdk", end_users=40, keys=2),
            rhythm="office",
            fitted=True,
        ),
        Cohort(
            "ordinary",
            share(0.05),
            [Traffic(everyday.agent(), turns=4, gap_s=10, tools=judging.TOOLSETS["desk"], parts=True)],
            22.0,
            CLIENT_SPREAD,
            signup=firm,
            line=Line("server", 2, client="sdk", end_users=20),
            rhythm="human",
            fitted=True,
        ),
        Cohort(
            "ordinary",
            share(0.03),
            [Traffic(everyday.table_rows(), temperature=(0.0, 0.2))],
            27.0,
            CLIENT_SPREAD,
            signup=firm,
            line=Line("server", 1, client="sdk"),
            rhythm="pulses",
            fitted=True,
        ),
    ]

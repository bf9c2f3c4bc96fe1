"""A home that holds decisions but no traffic, and facts made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.decide.facts import Facts, Finding
from stillwatch.decide.policy import Policy, policy_from
from stillwatch.decide.record import Record, Who

NOW = 1_795_000_000.0
HOUR = 3600.0
ANN, BOB, CAT = Who("ann", "approver"), Who("bob", "approver"), Who("cat", "analyst")


def record_in(tmp_path: Path) -> Record:
    """An empty record in a fresh home."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "secret.key").write_bytes(bytes(range(32)))
    return Record(tmp_path)


def finding(campaign_id: str = "C-1", accounts: int = 10, **more: Any) -> Finding:
    """A campaign that the default policy would suspend."""
    values: dict[str, Any] = {
        "campaign_id": campaign_id, "kind": "distillation", "title": "Harvest", "score": 99.0, "conduct": 99.0,
        "coordination": 99.0, "false_alarm_rate": 0.001, "families": frozenset({"content", "identity", "timing"}),
        "members": tuple(f"{campaign_id}-{i}" for i in range(accounts)), "exchanges": 1000,
    }  # fmt: skip
    return Finding(**{**values, **more})


def facts(*findings: Finding, kinds: dict[str, str] | None = None, agreed: dict[str, Any] | None = None) -> Facts:
    """Facts on these findings; every account in them scores 99."""
    scores = {a: 99.0 for f in findings for a in f.members}
    return Facts(tuple(findings), kinds or {}, scores, agreed or {})


def policy(mode: str = "enforce", action: str = "suspend", more: str = "", regrow: float = 0.25) -> Policy:
    """One row for campaigns, with conduct and coordination asked for."""
    return policy_from(
        f"""
[defaults]
mode = "{mode}"
regrow = {regrow}
[[rule]]
name = "row"
scope = "campaign"
kinds = ["distillation"]
score_from = 80
conduct_from = 60
coordination_from = 60
action = "{action}"
newcomers = "step_up"
reason = "harvest"
tell = "We are looking at this account."
{more}
""",
        "test",
    )

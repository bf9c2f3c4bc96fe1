"""Policy and facts to proposals: a pure function, the same for deciding and for asking what if."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from stillwatch.decide.facts import Facts, Finding
from stillwatch.decide.policy import NEEDS_APPROVAL, Gentler, Policy, Row
from stillwatch.records.score import score_text
from stillwatch_gateway.wire import Limits

_WHOM = " Whom: "


@dataclass(frozen=True)
class Proposal:
    """What a row wants done. `variant` tells apart the decisions of one campaign: main, gentler, an account's own."""

    row: Row
    variant: str
    action: str
    scope: str
    value: str
    campaign_id: str
    members: tuple[str, ...]
    tell: str
    limits: Limits
    newcomers: str
    why: str
    score: float

    @property
    def waits(self) -> bool:
        """Whether a person must approve first; what a row does more gently need not wait with the rest of it."""
        return self.row.approval and (self.action in NEEDS_APPROVAL or self.row.action not in NEEDS_APPROVAL)

    @property
    def key(self) -> str:
        """One live decision at a time has this key. A row that comes to ask for another action, or to enforce, makes
        another decision: what was approved before was something else."""
        return f"{self.campaign_id}:{self.row.name}:{self.variant}:{self.action}:{self.row.mode}"


def propose(
    policy: Policy, facts: Facts, *, exempt: Set[str] = frozenset(), wrong: Set[str] = frozenset()
) -> list[Proposal]:
    """Proposals for every finding whose first fitting row asks for something; none for the campaigns in `wrong`.

    `exempt` are accounts that are allowed, or that a person has found to be accused wrongly.
    """
    out: list[Proposal] = []
    for finding in facts.findings:
        if finding.campaign_id in wrong:
            continue
        row = fitting(policy, finding)
        if row is None:
            continue
        members = tuple(account for account in finding.members if account not in exempt)
        if members:  # who came to a group of allowed accounts has come to nothing
            out.extend(_proposals(row, finding, members, facts.kinds, facts.scores))
    return out


def asked_of(why: str | None) -> str:
    """Out of a decision's `why`: what its row asked for, and what was found."""
    return (why or "").partition(_WHOM)[0]


def whom_of(why: str | None) -> str:
    """Out of a decision's `why`: for what reason it meets these accounts and not the campaign's others; empty where
    one action meets them all."""
    return (why or "").partition(_WHOM)[2]


def fitting(policy: Policy, finding: Finding) -> Row | None:
    """The first row that fits a finding."""
    return next((row for row in policy.rows if not _misses(row, finding)), None)


def _misses(row: Row, finding: Finding) -> bool:
    return (
        finding.kind not in row.kinds
        or finding.score < row.score_from
        or finding.conduct < row.conduct_from
        or finding.coordination < row.coordination_from
        or len(finding.families) < row.families_from
        or finding.false_alarm_rate > row.false_alarm_at_most
        or len(finding.members) < row.accounts_from
    )


def _proposals(
    row: Row, finding: Finding, members: tuple[str, ...], kinds: Mapping[str, str], scores: Mapping[str, float]
) -> list[Proposal]:
    why = (
        f"score {score_text(finding.score)} (asked {row.score_from:g}), conduct {score_text(finding.conduct)} "
        f"({row.conduct_from:g}), coordination {score_text(finding.coordination)} ({row.coordination_from:g}), "
        f"{len(finding.families)} kinds of evidence ({row.families_from}), {100 * finding.false_alarm_rate:.2g} % of "
        f"legitimate groups score as high (at most {100 * row.false_alarm_at_most:g} %)"
    )
    soft = row.gentler
    gentle = {a for a in members if soft is not None and kinds.get(a) in soft.account_kinds}
    hard = tuple(a for a in members if a not in gentle)
    same = {"row": row, "campaign_id": finding.campaign_id, "score": finding.score}
    if row.scope == "account":
        chosen = [a for a in hard if scores.get(a, 0.0) >= row.account_score_from]
        return [
            Proposal(variant=f"account {a}", action=row.action, scope="account", value=a, members=(), tell=row.tell,
                     limits=row.limits, newcomers="watch", why=why, **same)  # type: ignore[arg-type]
            for a in chosen
        ]  # fmt: skip
    out = []
    apart = _apart(row, soft, [kinds[a] for a in gentle]) if gentle and soft is not None else ""
    n = len(gentle)
    if hard or not gentle:
        others = "the other account of the campaign is" if n == 1 else f"the other {n:,} accounts of the campaign are"
        out.append(
            Proposal(variant="main", action=row.action, scope="campaign", value=finding.campaign_id, members=hard,
                     tell=row.tell, limits=row.limits, newcomers=row.newcomers,
                     why=f"{why}.{_WHOM}{others} {apart}" if apart else why, **same)  # type: ignore[arg-type]
        )  # fmt: skip
    if gentle and soft is not None:
        these = "this account is" if n == 1 else f"these {n:,} accounts are"
        out.append(
            Proposal(variant="gentler", action=soft.action, scope="campaign", value=finding.campaign_id,
                     members=tuple(a for a in members if a in gentle), tell=soft.tell, limits=soft.limits,
                     newcomers=row.newcomers if not hard else "watch",
                     why=f"{why}.{_WHOM}{these} {apart}", **same)  # type: ignore[arg-type]
        )  # fmt: skip
    return out


def _apart(row: Row, soft: Gentler, kinds: Sequence[str]) -> str:
    """`business customers (4) and research customers (2), whom the policy's row X meets more gently: A, not B.`"""
    counts = sorted(Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0]))
    told = [f"{kind} customers" + (f" ({n:,})" if len(counts) > 1 else "") for kind, n in counts]
    who = " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
    if len(kinds) == 1:
        who = f"{'an' if kinds[0][0] in 'aeiou' else 'a'} {kinds[0]} customer"
    less, more = (action.replace("_", " ") for action in (soft.action, row.action))
    return f"{who}, whom the policy's row {row.name} meets more gently: {less}, not {more}."

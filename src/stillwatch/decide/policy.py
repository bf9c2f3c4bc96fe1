"""A policy: rows of TOML that say what is done about a finding; every fault is told at once."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError
from stillwatch_gateway.wire import ACTIONS, LONGEST_SENTENCE, REASONING, Limits

MODES = ("simulate", "enforce")
ROLES = ("analyst", "approver")
KINDS = ("distillation", "relay", "replay", "account_network")
ACCOUNT_KINDS = ("individual", "business", "enterprise", "education", "research", "startup", "reseller")
RULE_SCOPES = ("campaign", "account")
STRONG = frozenset(ACTIONS) - {"allow", "watch"}
"""Actions that change something for a customer: a row that asks for one must ask for conduct and coordination."""
NEEDS_APPROVAL = frozenset({"suspend", "block_new_keys"})
_LARGEST = 1 << 20
_LONGEST_HOURS = 24 * 90


@dataclass(frozen=True)
class Gentler:
    """What a row does instead to accounts of these customer kinds (contract, section 2)."""

    account_kinds: tuple[str, ...]
    action: str
    tell: str
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Row:
    """One row. Scores are percent, `families_from` counts kinds of evidence of a bit or more against the actor.

    `scope` campaign: one decision for the group and for accounts that join it; account: one for each of its accounts
    that scores `account_score_from`. Organisations and keys are stored hashed: people decide on those, by their id.
    """

    name: str
    scope: str
    action: str
    kinds: tuple[str, ...] = KINDS
    score_from: float = 55.0
    conduct_from: float = 0.0
    coordination_from: float = 0.0
    families_from: int = 0
    false_alarm_at_most: float = 1.0
    accounts_from: int = 1
    account_score_from: float = 0.0
    mode: str = "simulate"
    approval: bool = False
    newcomers: str = "watch"
    reason: str = ""
    tell: str = ""
    expires_hours: float = 48.0
    lift: str = "approver"
    limits: Limits = field(default_factory=Limits)
    gentler: Gentler | None = None


@dataclass(frozen=True)
class Policy:
    """Rows in order, what they leave out filled in; `sha256` is that of the meaning, not of the file's bytes."""

    rows: tuple[Row, ...]
    regrow: float = 0.25
    appeal_while_open: str = "step_up"
    origin: str = "default"

    @property
    def sha256(self) -> str:
        """Hex SHA-256; equal policies, equal hash, wherever they were written."""
        plain = {"rows": [asdict(row) for row in self.rows], "regrow": self.regrow, "open": self.appeal_while_open}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def default_policy() -> Policy:
    """The policy that ships with the package: everything simulated."""
    return policy_from(files("stillwatch.decide").joinpath("default_policy.toml").read_text("utf-8"), "default")


def read_policy(path: Path | None) -> Policy:
    """The policy in a file, or the default one. UsageError names every fault of the file at once."""
    if path is None:
        return default_policy()
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(str(path), "larger than 1 MiB", "a policy is a page of text; is this the right file?")
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(str(path), "no such policy file", "stillwatch decide --show-policy > policy.toml") from error
    except UnicodeDecodeError as error:
        raise UsageError(str(path), "is not UTF-8 text", "stillwatch decide --show-policy > policy.toml") from error
    return policy_from(text, str(path))


def policy_from(text: str, origin: str) -> Policy:
    """A policy from TOML text."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            origin, f"not valid TOML: {str(error)[:200]}", "see `stillwatch decide --show-policy`"
        ) from error
    reader = _Reader()
    top = reader.table("", raw, {"version", "defaults", "appeals", "rule"})
    if top.get("version", 1) != 1:
        reader.fault("version", "must be 1")
    defaults = reader.table("[defaults]", top.get("defaults", {}), {"mode", "expires_hours", "lift", "regrow"})
    appeals = reader.table("[appeals]", top.get("appeals", {}), {"while_open"})
    regrow = reader.number("[defaults] regrow", defaults.get("regrow", 0.25), 0, 100)
    open_ = reader.one_of("[appeals] while_open", appeals.get("while_open", "step_up"), ("step_up", "keep"))
    base = {
        "mode": reader.one_of("[defaults] mode", defaults.get("mode", "simulate"), MODES),
        "expires_hours": reader.number(
            "[defaults] expires_hours", defaults.get("expires_hours", 48), 0.01, _LONGEST_HOURS
        ),
        "lift": reader.one_of("[defaults] lift", defaults.get("lift", "approver"), ROLES),
    }
    raw_rows = top.get("rule", [])
    rows: list[Row] = []
    if not isinstance(raw_rows, list):
        reader.fault("rule", "write each row as [[rule]]")
    else:
        rows = [reader.row(i, row, base) for i, row in enumerate(raw_rows)]
    for name in sorted({r.name for r in rows if [q.name for q in rows].count(r.name) > 1}):
        reader.fault(f"[[rule]] {name}", "two rows have this name")
    reader.finish(origin)
    return Policy(tuple(rows), regrow, open_, origin)


class _Reader:
    def __init__(self) -> None:
        self.faults: list[str] = []

    def fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")

    def finish(self, origin: str) -> None:
        if self.faults:
            many = "".join(f"\n  - {fault}" for fault in self.faults)
            what = self.faults[0] if len(self.faults) == 1 else f"{len(self.faults)} faults:{many}"
            raise UsageError(origin, what, "`stillwatch decide --show-policy` prints one that is sound")

    def table(self, where: str, raw: Any, known: set[str]) -> Mapping[str, Any]:
        if not isinstance(raw, Mapping):
            self.fault(where or "policy", "must be a table")
            return {}
        for key in raw:
            if key not in known:
                close = difflib.get_close_matches(str(key)[:60], known, 1, 0.5)
                self.fault(
                    f"{where} {str(key)[:60]}".strip(),
                    "no such key" + (f"; did you mean {close[0]!r}?" if close else ""),
                )
        return raw

    def number(self, where: str, raw: Any, least: float, most: float) -> float:
        if (
            isinstance(raw, bool)
            or not isinstance(raw, (int, float))
            or not math.isfinite(raw)
            or not least <= raw <= most
        ):
            self.fault(where, f"a number from {least:g} to {most:g}")
            return least
        return float(raw)

    def whole(self, where: str, raw: Any, least: int, most: int) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
            self.fault(where, f"a whole number from {least} to {most}")
            return least
        return raw

    def one_of(self, where: str, raw: Any, known: tuple[str, ...]) -> str:
        if raw not in known:
            self.fault(where, f"one of {', '.join(known)}")
            return known[0]
        return str(raw)

    def some_of(self, where: str, raw: Any, known: tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(raw, list) or not raw or not all(item in known for item in raw):
            self.fault(where, f"a list out of {', '.join(known)}")
            return ()
        return tuple(dict.fromkeys(raw))

    def text(self, where: str, raw: Any, longest: int) -> str:
        if not isinstance(raw, str) or len(raw) > longest or any(not c.isprintable() for c in raw):
            self.fault(where, f"one line of text, at most {longest} characters")
            return ""
        return raw

    def limits(self, where: str, raw: Any) -> Limits:
        table = self.table(where, raw, {"per_minute", "retry_after_s", "logprobs", "max_tokens", "reasoning"})
        out: dict[str, Any] = {}
        if "per_minute" in table:
            out["per_minute"] = self.number(f"{where} per_minute", table["per_minute"], 0, 1e6)
        if "retry_after_s" in table:
            out["retry_after_s"] = self.whole(f"{where} retry_after_s", table["retry_after_s"], 0, 86_400)
        if "max_tokens" in table:
            out["max_tokens"] = self.whole(f"{where} max_tokens", table["max_tokens"], 1, 10_000_000)
        if "logprobs" in table:
            if not isinstance(table["logprobs"], bool):
                self.fault(f"{where} logprobs", "true or false")
            out["logprobs"] = bool(table["logprobs"])
        if "reasoning" in table:
            out["reasoning"] = self.one_of(f"{where} reasoning", table["reasoning"], REASONING)
        return Limits(**out)

    def row(self, index: int, raw: Any, base: Mapping[str, Any]) -> Row:
        name = raw.get("name") if isinstance(raw, Mapping) else None
        where = f"[[rule]] {name[:60]}" if isinstance(name, str) and name else f"[[rule]] number {index + 1}"
        t = self.table(where, raw, set(Row.__dataclass_fields__))
        for needed in ("name", "scope", "action"):
            if needed not in t:
                self.fault(where, f"lacks {needed}")
        action = self.one_of(f"{where} action", t.get("action", "watch"), ACTIONS)
        row = Row(
            name=self.text(f"{where} name", t.get("name", ""), 80),
            scope=self.one_of(f"{where} scope", t.get("scope", "campaign"), RULE_SCOPES),
            action=action,
            kinds=self.some_of(f"{where} kinds", t.get("kinds", list(KINDS)), KINDS),
            score_from=self.number(f"{where} score_from", t.get("score_from", 55), 0, 100),
            conduct_from=self.number(f"{where} conduct_from", t.get("conduct_from", 0), 0, 100),
            coordination_from=self.number(f"{where} coordination_from", t.get("coordination_from", 0), 0, 100),
            families_from=self.whole(f"{where} families_from", t.get("families_from", 0), 0, 50),
            false_alarm_at_most=self.number(f"{where} false_alarm_at_most", t.get("false_alarm_at_most", 1), 0, 1),
            accounts_from=self.whole(f"{where} accounts_from", t.get("accounts_from", 1), 1, 10**9),
            account_score_from=self.number(f"{where} account_score_from", t.get("account_score_from", 0), 0, 100),
            mode=self.one_of(f"{where} mode", t.get("mode", base["mode"]), MODES),
            approval=self._flag(f"{where} approval", t.get("approval", action in NEEDS_APPROVAL)),
            newcomers=self.one_of(f"{where} newcomers", t.get("newcomers", "watch"), ACTIONS),
            reason=self.text(f"{where} reason", t.get("reason", ""), 80),
            tell=self.text(f"{where} tell", t.get("tell", ""), LONGEST_SENTENCE),
            expires_hours=self.number(
                f"{where} expires_hours", t.get("expires_hours", base["expires_hours"]), 0.01, _LONGEST_HOURS
            ),
            lift=self.one_of(f"{where} lift", t.get("lift", base["lift"]), ROLES),
            limits=self.limits(f"{where} limits", t.get("limits", {})),
            gentler=self._gentler(where, t["gentler"]) if "gentler" in t else None,
        )
        self._sound(where, row)
        return row

    def _flag(self, where: str, raw: Any) -> bool:
        if not isinstance(raw, bool):
            self.fault(where, "true or false")
        return bool(raw)

    def _gentler(self, where: str, raw: Any) -> Gentler:
        where = f"{where} gentler"
        t = self.table(where, raw, {"account_kinds", "action", "tell", "limits"})
        return Gentler(
            self.some_of(f"{where} account_kinds", t.get("account_kinds"), ACCOUNT_KINDS),
            self.one_of(f"{where} action", t.get("action"), ACTIONS),
            self.text(f"{where} tell", t.get("tell", ""), LONGEST_SENTENCE),
            self.limits(f"{where} limits", t.get("limits", {})),
        )

    def _sound(self, where: str, row: Row) -> None:
        """What a row may not do, whoever writes it."""
        gentler = row.gentler
        if row.action == "allow" or row.newcomers == "allow" or (gentler and gentler.action == "allow"):
            self.fault(where, "a policy does not allow; people do, with `stillwatch allow`")
        strong = [a for a in (row.action, gentler.action if gentler else "watch") if a in STRONG]
        if strong or row.newcomers in STRONG:
            if row.conduct_from < 50 or row.coordination_from < 50:
                self.fault(
                    where, "acts on customers, so it must ask for conduct_from and coordination_from of 50 or more"
                )
            if not row.reason:
                self.fault(where, "acts on customers, so it needs a reason code")
            if "account_network" in row.kinds:
                self.fault(where, "acts on customers, so not on account_network: its customers harvest nothing")
        if row.action in STRONG and not row.tell:
            self.fault(where, "acts on customers, so it needs the sentence they are told")
        if gentler and gentler.action in STRONG and not gentler.tell:
            self.fault(f"{where} gentler", "acts on customers, so it needs the sentence they are told")
        for action, of in ((row.action, "action"), (gentler.action if gentler else "watch", "gentler")):
            if action == "suspend" and row.scope == "campaign" and not row.approval:
                self.fault(where, f"{of} suspends a group, so a person must approve: approval = true")
        if row.newcomers in ("suspend", "block_new_keys"):
            self.fault(where, "newcomers are known by one sign only: at most trim")
        if row.action == "trim" and row.limits == Limits():
            self.fault(where, "trim without limits withholds nothing: set logprobs, reasoning or max_tokens")
        if row.action == "throttle" and row.limits.per_minute is None and row.limits.retry_after_s == 0:
            self.fault(where, "throttle needs limits.per_minute or limits.retry_after_s")

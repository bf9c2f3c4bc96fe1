"""What holds for one request: looked up in memory, in microseconds, and never an exception.

`allow` beats all. Otherwise the strongest of the decisions that hold for the exchange, key, account, organisation or
campaign wins. An account that the provider does not know and that sends several of a campaign's marks joins it here,
from that request on, and gets what the campaign's decision has for newcomers; a known account with a mark is flagged.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from stillwatch_gateway.bounded import FIRST_REQUESTS, Buckets, Gathered, Joined, Met, Tally
from stillwatch_gateway.cache import Cache, Snapshot, steady_time
from stillwatch_gateway.kernel import ends_among, shingles_of, warm
from stillwatch_gateway.quiet import Faults
from stillwatch_gateway.rules import RuleScan
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.shingles import ShingleSearch
from stillwatch_gateway.wire import ACTIONS, LONGEST_ID, Decision, Limits

Holding = tuple[int, float, str, Decision, str]
"""Rank of the action, `created_at`, id, decision, and the action that it has for this caller."""

_RANKS = {action: rank for rank, action in enumerate(ACTIONS)}
_ALLOW = _RANKS["allow"]
INLINE_OTHER_SCRIPTS = 1000
"""Characters of a newcomer's first texts that are searched for shingles at once where they are not plain ASCII, which
is read some four times as fast; the rest is searched after the request."""
LEAST_MARKS = 3
AMONG_REQUESTS = 60
"""Different marks of a campaign, among so many of a newcomer's latest requests, from which it is one of its accounts: a
few words in a row are anybody's, and who sends thousands of prompts sends some of anybody's."""

NOT_JUDGED = Decision(
    decision_id="not-judged", action="suspend", scope="exchange", value="*", created_at=0.0, expires_at=4102444800.0,
    enforced=True, reason="not_judged", tell="The request could not be checked and was not served. Please try again.",
    limits=Limits(retry_after_s=30),
)  # fmt: skip
"""What holds where the settings say `closed` and a request could not be judged."""


class Caller(NamedTuple):
    """Who asks: ids as the logs name them; None where unknown. An id of another type than text counts as unknown."""

    account: str | None
    key: str | None = None
    organisation: str | None = None
    exchange: str | None = None


class Verdict(NamedTuple):
    """What holds for a request.

    `action`: to be acted on: one of `wire.ACTIONS`, of an enforced decision; "" means that nothing holds, or that a
    throttled account is still below its rate. Act on this and not on `decision.action`, which differs for newcomers.
    `decision`: where the action comes from. `simulated`: the strongest simulated decision that would have held.
    `campaign_id`: of the decision, else of the simulated one. `newcomer`: the provider's list of known accounts lacks
    the account (False without a list). `flags`: `mark:CAMPAIGN` (it sent a campaign's mark), `joined:CAMPAIGN` (and
    joined it with this request), `rule:ID`. `truncated`: the text is longer than what was read.
    """

    action: str
    decision: Decision | None
    simulated: Decision | None
    campaign_id: str | None
    newcomer: bool
    flags: tuple[str, ...]
    truncated: bool


NOTHING = Verdict("", None, None, None, False, (), False)
REFUSED = Verdict("suspend", NOT_JUDGED, None, None, False, (), False)


class Judge:
    """Judges requests from a cache. Any thread may call `judge`."""

    def __init__(
        self, cache: Cache, *, settings: GatewaySettings, clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_time, faults: Faults | None = None,
    ) -> None:  # fmt: skip
        self.cache = cache
        self.settings = settings
        self.faults = Faults() if faults is None else faults
        self.rules = RuleScan(self.faults)
        self._clock = clock
        self._joined = Joined()
        self._buckets = Buckets(steady)
        self._usage = Tally(("decision_id", "campaign_id", "action", "outcome"), clock)
        self._sightings = Tally(("account", "campaign_id", "decision_id", "mark", "kind", "newcomer", "joined"), clock)
        self._met = Met()
        self._gathered = Gathered(LEAST_MARKS, AMONG_REQUESTS)
        self._shingles = ShingleSearch(self.saw_marks, self.faults, limit=settings.text_limit)
        self._on_fault = REFUSED if settings.fail == "closed" else NOTHING
        self.judged = 0
        self.reports_dropped = 0
        warm()
        _renew_after_fork(self)

    def judge(self, caller: Caller, text: str | None) -> Verdict:
        """What holds for this request; `text` is its last user message. Never raises: a fault is counted and the
        request passes, or is suspended where the settings say so."""
        try:
            return self._judge(caller, text)
        except Exception as error:
            self.faults.note("judge", error)
            return self._on_fault

    def may_make_key(self, caller: Caller) -> Decision | None:
        """The enforced decision that keeps a caller from making keys (`block_new_keys`, `suspend`); None: it may."""
        try:
            age = self.cache.age_s()
            if (age is None or age > self.settings.stale_after_s) and self.settings.stale != "keep":
                return NOT_JUDGED if self.settings.stale == "closed" else None
            holding, _ = self._holding(self.cache.snapshot, self.cache.now(), caller)
            enforced = [one[3] for one in holding if one[3].enforced]
            if any(one.action == "allow" for one in enforced):
                return None
            return next((one for one in enforced if one.action in ("block_new_keys", "suspend")), None)
        except Exception as error:
            self.faults.note("judge", error)
            return NOT_JUDGED if self.settings.fail == "closed" else None

    def take_usage(self) -> list[dict[str, Any]]:
        """What decisions did since the last call: `decision_id`, `campaign_id`, `action`, `outcome` (`acted`, `passed`:
        throttled but below its rate, `would`: simulated), `count`, `first_at`, `last_at` (epoch seconds)."""
        return self._usage.take()

    def take_sightings(self) -> list[dict[str, Any]]:
        """Marks of campaigns that were seen since the last call: `account`, `campaign_id`, `decision_id`, `mark` (16
        hex digits), `kind` (`opening`, `closing`, `shingle`), `newcomer`, `joined` (with marks enough), `count`,
        `first_at`, `last_at`."""
        return self._sightings.take()

    def stats(self) -> dict[str, Any]:
        """Numbers for the host's own monitoring."""
        cache = self.cache
        return {
            "judged": self.judged,
            "decisions": len(cache.snapshot.decisions),
            "known_accounts": None if cache.snapshot.known is None else len(cache.snapshot.known),
            "age_s": cache.age_s(),
            "bad_decisions": cache.bad_decisions,
            "joined": len(self._joined),
            "shingle_searches_dropped": self._shingles.dropped,
            "reports_dropped": self.reports_dropped + self._usage.dropped + self._sightings.dropped,
            "rules": self.rules.state,
            "faults": self.faults.counts(),
        }

    def saw_marks(self, account: str, marks: list[int], kind: str = "shingle") -> None:
        """Marks that an account sent: those of campaigns are noted, and a newcomer joins. For the background search."""
        snapshot = self.cache.snapshot
        newcomer = snapshot.is_known(account) is False
        for mark in marks:
            self._saw(snapshot, self.cache.now(), account, newcomer, mark, kind)

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until every text that was handed to the background search is done; whether it was in time."""
        return self._shingles.settle(seconds)

    def stop(self) -> None:
        """End the background search."""
        self._shingles.stop()

    def _judge(self, caller: Caller, text: str | None) -> Verdict:
        self.judged += 1
        cache, settings = self.cache, self.settings
        age = cache.age_s()
        if (age is None or age > settings.stale_after_s) and settings.stale != "keep":
            return REFUSED if settings.stale == "closed" else NOTHING
        snapshot, now = cache.snapshot, cache.now()
        holding, account = self._holding(snapshot, now, caller)
        ids = [one[2] for one in holding]
        newcomer = bool(account) and snapshot.is_known(account) is False
        if any(one[0] == _ALLOW and one[3].enforced for one in holding):
            return self._verdict(holding, account, newcomer, (), False)
        flags: tuple[str, ...] = ()
        truncated = False
        if text and isinstance(text, str):
            truncated = len(text) > settings.text_limit
            if newcomer and snapshot.marks:
                self._met.again(account)
            if snapshot.marks:
                flags = self._look_at(snapshot, now, account, newcomer, text)
            if settings.rules == "all" or (newcomer and settings.rules == "newcomers"):
                flags += self.rules.flags(text[: settings.text_limit])
        if account:
            for campaign in self._joined.get(account):
                for one in map(snapshot.decisions.__getitem__, snapshot.campaigns.get(campaign, ())):
                    if one.created_at <= now < one.expires_at and one.decision_id not in ids:
                        holding.append((_RANKS[one.newcomers], one.created_at, one.decision_id, one, one.newcomers))
        return self._verdict(holding, account, newcomer, flags, truncated)

    def _holding(self, snapshot: Snapshot, now: float, caller: Caller) -> tuple[list[Holding], str]:
        """What holds for a caller by its ids, and its account ("": unknown)."""
        account, key, organisation, exchange = (
            one if isinstance(one, str) and len(one) <= LONGEST_ID else "" for one in caller
        )
        ids = [
            *snapshot.account.get(account, ()), *snapshot.members.get(account, ()), *snapshot.key.get(key, ()),
            *snapshot.organisation.get(organisation, ()), *snapshot.exchange.get(exchange, ()),
        ]  # fmt: skip
        holding = [
            (_RANKS[one.action], one.created_at, one.decision_id, one, one.action)
            for one in map(snapshot.decisions.__getitem__, ids)
            if one.created_at <= now < one.expires_at
        ]
        return holding, account

    def _look_at(self, snapshot: Snapshot, now: float, account: str, newcomer: bool, text: str) -> tuple[str, ...]:
        opening, closing = ends_among(text, snapshot.marks, self.settings.text_limit)
        flags: list[str] = []
        if opening is not None:
            flags += self._saw(snapshot, now, account, newcomer, opening, "opening")
        if closing is not None:
            flags += self._saw(snapshot, now, account, newcomer, closing, "closing")
        wanted = self.settings.shingles
        if account and (wanted == "all" or (newcomer and wanted == "newcomers")) and not self._joined.get(account):
            read = 0
            if newcomer and self._met.times(account) <= FIRST_REQUESTS:
                # Who is new is looked at before the first answers, not after; it costs up to a millisecond.
                read = self.settings.text_limit if text.isascii() else INLINE_OTHER_SCRIPTS
                for mark in dict.fromkeys(shingles_of(text, read)):
                    if mark in snapshot.marks:
                        flags += self._saw(snapshot, now, account, newcomer, mark, "shingle")
            if read < min(len(text), self.settings.text_limit):
                self._shingles.ask(account, text, snapshot.marks)
        return tuple(dict.fromkeys(flags))

    def _saw(self, snapshot: Snapshot, now: float, account: str, newcomer: bool, mark: int, kind: str) -> list[str]:
        """Note a mark and let a newcomer join; the flags for it."""
        flags: list[str] = []
        for one in map(snapshot.decisions.__getitem__, snapshot.marks.get(mark, ())):
            if not one.created_at <= now < one.expires_at or one.action == "allow":
                continue
            campaign = one.campaign_id or one.value
            flags.append(f"mark:{campaign}")
            if not account or one.decision_id in snapshot.members.get(account, ()):
                continue
            joins = newcomer and self._gathered.enough(account, campaign, mark, self._met.times(account))
            self._sightings.add((account, campaign, one.decision_id, f"{mark:016x}", kind, newcomer, joins))
            if joins and self._joined.add(account, campaign):
                flags.append(f"joined:{campaign}")
        return flags

    def _verdict(
        self, holding: list[Holding], account: str, newcomer: bool, flags: tuple[str, ...], truncated: bool
    ) -> Verdict:
        if not holding:
            return Verdict("", None, None, None, newcomer, flags, truncated)
        enforced = sorted((one for one in holding if one[3].enforced), key=lambda one: one[:3], reverse=True)
        allowed = [one for one in enforced if one[0] == _ALLOW]
        simulated = None if allowed else _strongest([one for one in holding if not one[3].enforced])
        action: str = ""
        decision: Decision | None = None
        for _, _, _, one, named in allowed or enforced:
            decision = decision or one
            rate = one.limits.per_minute
            # A campaign's rate is each account's own. What passes below it is still subject to what is weaker.
            if named == "throttle" and rate and self._buckets.take((one.decision_id, account), rate):
                self._usage.add((one.decision_id, _campaign(one), named, "passed"))
                continue
            self._usage.add((one.decision_id, _campaign(one), named, "acted"))
            action, decision = named, one
            break
        if simulated is not None:
            self._usage.add((simulated[3].decision_id, _campaign(simulated[3]), simulated[4], "would"))
        shown = decision if decision is not None else simulated and simulated[3]
        campaign = None if shown is None else _campaign(shown)
        return Verdict(action, decision, simulated and simulated[3], campaign, newcomer, flags, truncated)


def _strongest(holding: list[Holding]) -> Holding | None:
    """`allow` where one says so, else the highest rank, and of equals the newest."""
    if not holding:
        return None
    return next((one for one in holding if one[0] == _ALLOW), None) or max(holding, key=lambda one: one[:3])


def _campaign(decision: Decision) -> str | None:
    return decision.campaign_id or (decision.value if decision.scope == "campaign" else None)


def _renew_after_fork(judge: Judge) -> None:
    """A forked child has none of its parent's threads, and its locks may be held by one of them for ever."""
    if not hasattr(os, "register_at_fork"):
        return
    ref = weakref.ref(judge)

    def renew() -> None:
        one = ref()
        if one is not None:
            remembered = (one._joined, one._met, one._gathered, one._buckets, one._usage, one._sightings)
            for part in (one.cache, one.faults, *remembered):
                part.renew_lock()
            one._shingles.renew()

    os.register_at_fork(after_in_child=renew)

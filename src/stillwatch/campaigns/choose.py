"""Which of many overlapping candidates to report: best first, each account in one harvest at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stillwatch.actors.allowed import allowed_accounts
from stillwatch.actors.book import Book
from stillwatch.actors.view import View
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.content import Core, core_of
from stillwatch.campaigns.weigh import Weighed, weigh
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.candidates import OF_AN_APP
from stillwatch.signals import all_signals, measure

Array = np.ndarray[Any, Any]
KINDS = ("distillation", "relay", "replay")


@dataclass(frozen=True)
class Chosen:
    """A group to report, its core, and its place in a `Weighed` of one."""

    candidate: Candidate
    kind: str
    p: float
    core: Core
    weighed: Weighed
    row: int = 0


def _of_one_piece(weighed: Weighed) -> float:
    """Bits that say that a group's accounts are interchangeable; two campaigns taken as one lose them."""
    return float(weighed.bits["interchangeable_accounts"][0]) if "interchangeable_accounts" in weighed.bits else 0.0


@dataclass
class Chooser:
    """Holds what every choice needs: the book, the calibration, the prior, the least score to report (0..1)."""

    book: Book
    calibration: Calibration
    prior: float
    least: float
    settings: Mapping[str, Mapping[str, Any]]
    min_accounts: int = 3
    most_explained: float = -0.4
    """Bits of explanation from which an operator is known: a class, an event, an organisation, a declared reseller."""

    least_proven: float = -2.5
    few_enough: int = 40
    network_piece: float = 0.6
    """Share of a network's accounts that rare values of identity and network must hold together."""
    least_served: float = 2.5
    """Bits of relay from which a group whose prompts ask for nothing in particular is called one."""

    @cached_property
    def own_conduct(self) -> Array:
        """Bits of conduct of each account by itself."""
        opinions = measure(View(self.book), self.settings)
        about = {s.name for s in all_signals() if s.about == "conduct"}
        return np.asarray(np.sum([o.bits for name, o in opinions.items() if name in about], axis=0))

    def harvests(self, candidates: Sequence[Candidate], weighed: Weighed, known: Sequence[Chosen] = ()) -> list[Chosen]:
        """Harvests among the candidates, trimmed to the accounts that fit, none overlapping another or a known one."""
        p = self.calibration.guilt(weighed, self.prior)
        alike = weighed.bits.get("interchangeable_accounts", np.zeros(len(candidates)))
        pool = [
            (self._worth(float(p[i]), c.size, float(alike[i])), i)
            for i, c in enumerate(candidates)
            if p[i] >= 0.6 * self.least
        ]
        pool.sort(key=lambda pair: -pair[0])
        taken = allowed_accounts(self.book).copy()
        for other in known:
            taken[other.candidate.members] = True
        chosen: list[Chosen] = []
        for _, i in pool[:300]:
            candidate = candidates[i]
            free = candidate.members[~taken[candidate.members]]
            if len(free) < max(self.min_accounts, 0.3 * candidate.size):
                continue
            best = self.settle(Candidate(free, candidate.formed_by, candidate.how), taken)
            if best is not None:
                best = self._grown(best, candidates, taken)
                chosen.append(best)
                taken[best.candidate.members] = True
        return self._joined(chosen)

    def _worth(self, p: float, size: int, alike: float = 0.0) -> float:
        """Sure groups first; of these the ones of one piece (bits of interchangeable accounts), and the larger."""
        return float(np.floor(p * 10.0) / 10.0 + 0.02 * np.log2(size + 1.0) + 0.06 * alike)

    def settle(self, candidate: Candidate, taken: Array) -> Chosen | None:
        """Trims to the accounts that fit the group's core, takes in stragglers, weighs again; None if it falls."""
        current = candidate
        core = core_of(self.book, current.members)
        weighed = weigh(self.book, [current], self.settings)
        kind, p = self._kind(weighed)
        for _ in range(2):
            fit = self.fits(core, kind, current.members) & ~taken
            members = np.flatnonzero(fit & (self._near(core, current, kind)))
            if len(members) < self.min_accounts:
                return None
            if len(members) == current.size and np.array_equal(members, current.members):
                break
            trial = Candidate(members, candidate.formed_by, candidate.how)
            trial_weighed = weigh(self.book, [trial], self.settings)
            trial_kind, trial_p = self._kind(trial_weighed)
            if self._unpriced(trial_weighed) < min(self._unpriced(weighed), self.least) - 0.02:
                break
            current, weighed, kind, p = trial, trial_weighed, trial_kind, trial_p
            core = core_of(self.book, members)
        if p < self.least or not self._shared_by_all(current):
            return None
        return Chosen(current, kind, p, core, weighed)

    def _shared_by_all(self, candidate: Candidate) -> bool:
        """Whether a small group is still one without its busiest fifth.

        Exchanges add up, so that one account's conduct and the ties of others can look like one group's.
        """
        if candidate.size > self.few_enough:
            return True
        order = np.argsort(-self.book.n[candidate.members])
        rest = np.sort(candidate.members[order[int(np.ceil(candidate.size / 5)) :]])
        if len(rest) < self.min_accounts:
            return False
        without = weigh(self.book, [Candidate(rest, candidate.formed_by, candidate.how)], self.settings)
        return self._unpriced(without) >= self.least - 0.1

    def _grown(self, chosen: Chosen, candidates: Sequence[Candidate], taken: Array, most_tries: int = 12) -> Chosen:
        """Takes in other groups that are mostly the same accounts, where the whole weighs as much.

        What formed the first group stays what formed the whole: the rest was found through it.
        """
        inside = np.zeros(self.book.accounts, dtype=bool)
        inside[chosen.candidate.members] = True
        near = [c for c in candidates if c.size >= 0.5 * chosen.candidate.size]
        near = [c for c in near if 0.5 * c.size <= inside[c.members].sum() < c.size]
        floor, piece = self._unpriced(chosen.weighed) - 0.2, _of_one_piece(chosen.weighed) - 0.8
        for other in sorted(near, key=lambda c: -c.size)[:most_tries]:
            free = np.setdiff1d(other.members[~taken[other.members]], chosen.candidate.members)
            fitting = free[self.fits(chosen.core, chosen.kind, chosen.candidate.members)[free]]
            if not len(free) or len(fitting) < 0.7 * len(free):
                continue
            members = np.union1d(chosen.candidate.members, fitting)
            trial = Candidate(members, chosen.candidate.formed_by, chosen.candidate.how)
            weighed = weigh(self.book, [trial], self.settings)
            kind, p = self._kind(weighed)
            if p >= self.least and self._unpriced(weighed) >= floor and _of_one_piece(weighed) >= piece:
                chosen = Chosen(trial, kind, p, core_of(self.book, members), weighed)
        return chosen

    def _unpriced(self, weighed: Weighed) -> float:
        """The score without the price of few accounts: to compare a group with a part of itself."""
        return float(self.calibration.guilt(weighed, self.prior, priced=False)[0])

    def _kind(self, weighed: Weighed) -> tuple[str, float]:
        p = self.calibration.harvests(weighed, self.prior)[0]
        best = int(p.argmax())
        if best == 0 and self._serves(weighed):
            best = 1
        stored = self._bits(weighed, "foreign_history")
        if best == 1 and p[2] >= self.least and (weighed.replay[0] > weighed.relay[0] or stored >= 3.0):
            # Both are likely. A relay's conversations go on with answers of ours; stored ones hold hardly any.
            best = 2
        if best == 1 and weighed.replay[0] >= 0.5 and self._bits(weighed, "round_the_clock") >= 1.0:
            # Many people's conversations at hours that no people keep: nobody is waiting for these answers.
            best = 2
        return KINDS[best], float(self.calibration.guilt(weighed, self.prior)[0])

    def _serves(self, weighed: Weighed) -> bool:
        """Whether what looks like a harvest is what the relayed product's own prompts bring: templates, lists, volume.

        A harvest's prompts ask for something that is worth training on; a product's frame says nothing of it.
        """
        asked = sum(self._bits(weighed, s.name) for s in all_signals() if s.family == "patterns")
        relay = float(weighed.relay[0])
        return relay >= self.least_served and relay + 0.25 >= float(weighed.conduct[0]) and asked <= 0.3

    @staticmethod
    def _bits(weighed: Weighed, name: str) -> float:
        return float(weighed.bits[name][0]) if name in weighed.bits else 0.0

    def fits(self, core: Core, kind: str, members: Array | None = None) -> Array:
        """Accounts that do what the group does and are tied as it is, measured against its middle account."""
        inside = members if members is not None else np.arange(self.book.accounts)
        content = core.cover.copy()
        alike = np.nan_to_num(core.direction, nan=0.0)
        middle = float(np.median(content[inside]))
        matter = float(np.median(alike[inside]))
        content = content / middle if middle >= 0.15 else np.zeros(len(content))
        if matter >= 0.5:
            content = np.maximum(content, np.where(alike >= 0.55, alike / matter, 0.0) if middle < 0.5 else 0.0)
        ties = float(np.median(core.ties[inside]))
        tied = np.minimum(core.ties / ties, 1.0) if ties >= 1.0 else np.zeros(len(content))
        most = (1.0 if middle >= 0.15 or matter >= 0.5 else 0.0) + (1.0 if ties >= 1.0 else 0.0)
        if kind == "account_network":
            return np.asarray(tied >= 0.6) if ties >= 1.0 else np.ones(len(content), dtype=bool)
        fits = (np.minimum(content, 1.0) + tied >= 0.6 * most) & (np.minimum(content, 1.0) >= 0.3)
        if middle >= 0.5:
            # Where the group's accounts do nearly nothing else, one that does it besides its own matters is a customer.
            usual = float(np.median(np.abs(content[inside] - 1.0)))
            fits &= content >= 1.0 - max(0.15, 4.0 * usual)
        # Templates that few others send, in the group's measure and on its matter: such an account needs no tie.
        tieless = (core.templates >= max(0.8 * middle, 0.4)) & (alike >= 0.8 * max(matter, 0.5))
        if ties >= 1.0:
            # Where the group's accounts are tied, those who are not and send a little of the same are an app's users.
            tieless &= self.book.n >= 0.15 * float(np.median(self.book.n[inside]))
        fits |= tieless
        late = (core.templates >= max(0.85 * middle, 0.6)) & (alike >= 0.2) & (core.ties >= 1)
        held = core.cover * self.book.n
        fits &= (held >= min(3.0, float(np.median(held[inside])))) | (core.ties >= 2) | (middle < 0.15)
        if matter >= 0.7 and kind != "relay":
            # Where the group points one way, an account with its own matters is no part of it, whatever it shares. A
            # relay's accounts carry many people's matters.
            usual = float(np.median(np.abs(alike[inside] - matter)))
            fits &= (alike >= min(0.5 * matter, matter - 4.0 * usual)) | (np.isnan(core.direction) & (core.ties >= 1))
        if kind == "distillation":
            # One that joined when the harvest had moved on sends the same templates on other matters.
            fits |= late
            # A proxy's other customers are tied like its harvesters and talk like people: theirs is another conduct.
            fits &= (self.own_conduct >= -1.5) | (self.own_conduct >= float(np.median(self.own_conduct[inside])) - 3.0)
        return np.asarray(fits)

    def _near(self, core: Core, candidate: Candidate, kind: str) -> Array:
        """Members, and outsiders who share most of their content with the group and a tie besides."""
        inside = np.zeros(self.book.accounts, dtype=bool)
        inside[candidate.members] = True
        if kind == "distillation":
            straggler = (core.cover >= 0.6) | ((core.cover >= 0.3) & (core.ties >= 1))
            # One exchange that opens like the group's is a coincidence.
            straggler &= core.cover * self.book.n >= 4.0
        else:
            straggler = (core.ties >= 2) & (core.cover >= 0.3)
        return np.asarray(inside | straggler)

    def _joined(self, chosen: list[Chosen]) -> list[Chosen]:
        """Joins harvests of one kind whose accounts share both core content and ties: one operation found twice.

        What serves or replays many people has no content of its own: there the whole must be of one piece, no more.
        """
        joined = list(chosen)
        changed = True
        while changed and len(joined) > 1:
            changed = False
            for a in range(len(joined)):
                for b in range(a + 1, len(joined)):
                    x, y = joined[a], joined[b]
                    if x.kind != y.kind or (x.kind == "distillation" and not self._same(x, y)):
                        continue
                    members = np.union1d(x.candidate.members, y.candidate.members)
                    both = Candidate(members, x.candidate.formed_by & y.candidate.formed_by, x.candidate.how)
                    weighed = weigh(self.book, [both], self.settings)
                    kind, p = self._kind(weighed)
                    whole = _of_one_piece(weighed) >= min(_of_one_piece(x.weighed), _of_one_piece(y.weighed)) - 0.8
                    if whole and p >= self.least and p >= min(x.p, y.p) - 0.05:
                        joined[a] = Chosen(both, kind, p, core_of(self.book, members), weighed)
                        del joined[b]
                        changed = True
                        break
                if changed:
                    break
        return joined

    def _same(self, x: Chosen, y: Chosen) -> bool:
        pairs = ((x.core, y.candidate.members), (y.core, x.candidate.members))
        covered = [float(np.median(core.cover[members])) for core, members in pairs]
        tied = max(float(np.mean(core.ties[members] >= 1)) for core, members in pairs)
        return min(covered) >= 0.5 or (max(covered) >= 0.5 and tied >= 0.3)

    def networks(self, candidates: Sequence[Candidate], weighed: Weighed, harvests: Sequence[Chosen]) -> list[Chosen]:
        """Groups under one operator whose conduct as a whole is no harvest; harvests may lie inside them."""
        p = self.calibration.operated(weighed, self.prior)
        harvested = np.zeros(self.book.accounts)
        for h in harvests:
            harvested[h.candidate.members] = 1.0
        out: list[Chosen] = []
        taken = np.zeros(self.book.accounts, dtype=bool)
        # Who sends the same is perhaps one customer of an operator: first what is tied without regard to content.
        by_app = [bool(c.formed_by & OF_AN_APP) for c in candidates]
        order = sorted(range(len(candidates)), key=lambda i: (by_app[i], -self._worth(float(p[i]), candidates[i].size)))
        for i in order[:400]:
            c = candidates[i]
            if p[i] < self.least or c.size < 12 or weighed.hands[i] < 2:
                continue
            if self._known(weighed, i) < self.most_explained or taken[c.members].mean() > 0.3:
                continue
            if not self._one_hand_behind(c, harvests, harvested):
                continue
            core = core_of(self.book, c.members)
            c = Candidate(c.members[self.fits(core, "account_network", c.members)[c.members]], c.formed_by, c.how)
            one = weigh(self.book, [c], self.settings)
            sure = float(self.calibration.operated(one, self.prior)[0])
            if c.size < 12 or sure < self.least:
                continue
            if one.hands[0] < 2 or self._known(one, 0) < self.most_explained:
                continue
            core = core_of(self.book, c.members)
            if core.tied < self.network_piece:
                continue
            taken[c.members] = True
            out.append(Chosen(c, "account_network", sure, core, one))
        return out

    def _known(self, weighed: Weighed, i: int) -> float:
        """Bits of explanation that say who the operator is. That an unverified name stands on it, says little."""
        named = float(weighed.bits["one_organisation"][i]) if "one_organisation" in weighed.bits else 0.0
        return float(weighed.explanation[i]) - (named if named > self.least_proven else 0.0)

    def _one_hand_behind(self, c: Candidate, harvests: Sequence[Chosen], harvested: Array) -> bool:
        """Whether the operator is a finding apart from the harvests inside.

        Either its other customers are a group by themselves (a harvest and a few strangers are no network), or at
        least two harvests hang together by what is not content.
        """
        rest = c.members[harvested[c.members] == 0]
        if len(rest) >= max(6, 0.2 * c.size):
            alone = weigh(self.book, [Candidate(rest, c.formed_by, c.how)], self.settings)
            return bool(self.calibration.coordinated(alone)[0] >= 0.5 and alone.hands[0] >= 1)
        inside = [h for h in harvests if np.isin(h.candidate.members, c.members).mean() >= 0.5]
        big = [h for h in inside if h.candidate.size >= 0.1 * c.size]
        return len(big) >= 2 and "content" not in c.formed_by

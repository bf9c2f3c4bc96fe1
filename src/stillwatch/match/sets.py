"""A provider's set for one match: tokens made anew from accounts file and logs, in memory; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import UsageError
from stillwatch.ingest import find_sources, read_source
from stillwatch.ingest.records import read_accounts
from stillwatch.match.spelling import KINDS, spelled, token_of
from stillwatch.sketch import compile_rules, sketch_batch
from stillwatch.sketch.identifiers import networks

#: Exchanges that a prompt's fingerprint must be seen in before it counts as a template.
TEMPLATE_USES = 50


@dataclass(frozen=True)
class MatchSet:
    """`tokens`: distinct, sorted. `pairs`: token, account_id, kind; one row each. `sizes`: tokens of each kind.

    `not_matchable`: kind to the reason why there is none of it. `left_out`: kind to reason to values.
    """

    tokens: list[str]
    pairs: pa.Table
    sizes: dict[str, int]
    not_matchable: dict[str, str]
    left_out: dict[str, dict[str, int]]

    def of_kinds(self, kinds: Collection[str]) -> MatchSet:
        """The same with only these kinds."""
        kept = self.pairs.filter(pc.is_in(self.pairs.column("kind"), pa.array(list(kinds), pa.string())))
        return _set(kept, self.not_matchable, self.left_out)

    def known(self, tokens: Collection[str], kinds: Collection[str]) -> set[str]:
        """Those of `tokens` that are ours, of one of these kinds."""
        held = self.holders(tokens)
        return {row["token"] for row in held.select(["token", "kind"]).to_pylist() if row["kind"] in kinds}

    def holders(self, tokens: Collection[str]) -> pa.Table:
        """The rows of `pairs` that hold one of `tokens`."""
        return self.pairs.filter(pc.is_in(self.pairs.column("token"), pa.array(list(tokens), pa.string())))


def make_set(
    accounts: Sequence[Path], logs: Sequence[str], kinds: Sequence[str], *, only: Collection[str] | None = None,
    calling_code: str = "", dialect: str = "auto", template_uses: int = TEMPLATE_USES,
    named: Callable[[str, str], str] = token_of,
) -> MatchSet:  # fmt: skip
    """The set of `kinds`; `only`: of these accounts; `named`: what stands for (kind, spelling). UsageError where a kind
    is unknown or no kind is matchable."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise UsageError("--kinds", f"{', '.join(unknown)[:60] or 'nothing'} is no kind", f"of {', '.join(KINDS)}")
    work = _Making(kinds, only, calling_code, named)
    for path in accounts:
        table = read_accounts(path).table
        ids = table.column("account_id").to_pylist()
        for kind in kinds:
            if kind != "template":
                column = table.column(KINDS[kind]).combine_chunks()
                if kind == "network":
                    column = pc.coalesce(networks(column), column)
                work.take(kind, ids, column.to_pylist())
    if logs and {"network", "template"} & set(kinds):
        _read_logs(work, logs, accounts, dialect, template_uses)
    reasons = {}
    for kind in kinds:
        if not work.sizes[kind]:
            needs = "the logs" if kind == "template" else f"the accounts file with {KINDS[kind]}"
            needs += " or the logs with ip" if kind == "network" else ""
            lost = work.left_out.get(kind)
            what = f"; all values were left out: {', '.join(f'{n} {why}' for why, n in lost.items())}" if lost else ""
            reasons[kind] = f"not matchable: it takes {needs}, read anew{what}"
    if len(reasons) == len(kinds):
        raise UsageError("match", "; ".join(f"{k}: {v}" for k, v in reasons.items()), "--accounts FILE, --logs LOGS")
    table = pa.table(
        {"token": pa.array(work.tokens, pa.string()), "account_id": pa.array(work.accounts, pa.string()),
         "kind": pa.array(work.kinds, pa.string())}
    )  # fmt: skip
    return _set(table, reasons, {kind: dict(lost) for kind, lost in work.left_out.items()})


def _set(pairs: pa.Table, not_matchable: dict[str, str], left_out: dict[str, dict[str, int]]) -> MatchSet:
    tokens = pc.unique(pairs.column("token")).sort().to_pylist()
    distinct = pairs.select(["token", "kind"]).group_by(["token", "kind"]).aggregate([])
    counts = {row["values"]: row["counts"] for row in pc.value_counts(distinct.column("kind")).to_pylist()}
    return MatchSet(tokens, pairs, dict(sorted(counts.items())), not_matchable, left_out)


class _Making:
    """Pairs as they are found, each once."""

    def __init__(
        self, kinds: Sequence[str], only: Collection[str] | None, calling_code: str, named: Callable[[str, str], str]
    ) -> None:
        self.wanted, self.only, self.calling_code, self.named = frozenset(kinds), only, calling_code, named
        self.tokens: list[str] = []
        self.accounts: list[str] = []
        self.kinds: list[str] = []
        self.sizes: Counter[str] = Counter()
        self.left_out: dict[str, Counter[str]] = {}
        self._seen: set[int] = set()

    def take(self, kind: str, accounts: Iterable[str], values: Iterable[str | None]) -> None:
        for account, value in zip(accounts, values, strict=True):
            if value is None or (self.only is not None and account not in self.only):
                continue
            spelling, why = spelled(kind, value, self.calling_code)
            if spelling is None:
                self.left_out.setdefault(kind, Counter())[why] += 1
                continue
            token = self.named(kind, spelling)
            pair = hash((token, account))
            if pair in self._seen:
                continue
            self._seen.add(pair)
            self.tokens.append(token)
            self.accounts.append(account)
            self.kinds.append(kind)
            self.sizes[kind] += 1


def _read_logs(work: _Making, logs: Sequence[str], leave: Sequence[Path], dialect: str, template_uses: int) -> None:
    from stillwatch.ingest.dialects import dialect_named

    numbers: dict[str, int] = {}
    rules = compile_rules(())
    uses: list[pa.Table] = []
    for source in find_sources(logs, leave=leave):
        if source.passed is not None:
            continue
        for taken in read_source(source, dialect_named(dialect)):
            if taken.skipped:
                break
            ids = taken.batch.column("account_id").to_pylist()
            if "network" in work.wanted:
                found = pa.table({"a": ids, "n": networks(taken.batch.column("ip"))}).group_by(["a", "n"]).aggregate([])
                work.take("network", found.column("a").to_pylist(), found.column("n").to_pylist())
            if "template" in work.wanted:
                rows = np.array([numbers.setdefault(id, len(numbers)) for id in ids], dtype=np.int32)
                found = sketch_batch(taken.batch, rows, b"not kept", rules).fingerprints
                uses.append(pa.Table.from_batches([found]).select(["account", "fingerprint", "n"]))
    if not uses:
        return
    summed = pa.concat_tables(uses).group_by(["account", "fingerprint"]).aggregate([("n", "sum")])
    total = summed.group_by("fingerprint").aggregate([("n_sum", "sum")])
    often = total.filter(pc.greater_equal(total.column("n_sum_sum"), template_uses)).column("fingerprint")
    kept = summed.filter(pc.is_in(summed.column("fingerprint"), often.combine_chunks()))
    names = list(numbers)
    work.take(
        "template", [names[i] for i in kept.column("account").to_pylist()],
        [f"{value & (1 << 64) - 1:016x}" for value in kept.column("fingerprint").to_pylist()],
    )  # fmt: skip

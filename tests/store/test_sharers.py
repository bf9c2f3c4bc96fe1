"""Who holds which value: the kernel against a count by hand, the engine's own query, and whatever room it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.traffic import Traffic, mixed
from stillwatch.actors.marks import KINDS, MarkKind
from stillwatch.store.sharers import Shared, shared_values

ACCOUNTS = 12
Row = tuple[int, int, int]
rows_of = st.lists(
    st.tuples(
        st.integers(0, ACCOUNTS - 1),
        st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)),
        st.integers(1, 5),
    ),
    max_size=120,
)


def _shared(rows: list[Row], batch: int, at_once: int) -> Shared:
    def batches() -> Iterator[pa.RecordBatch]:
        for i in range(0, len(rows), batch):
            account, value, n = zip(*rows[i : i + batch], strict=True)
            arrays = [pa.array(account, pa.int32()), pa.array(value, pa.int64()), pa.array(n, pa.int32())]
            yield pa.RecordBatch.from_arrays(arrays, names=["account", "value", "n"])

    return shared_values(batches, len(rows), ACCOUNTS, at_once=at_once)


def _edges(shared: Shared) -> dict[tuple[int, object], int]:
    triples = zip(shared.account.tolist(), shared.column.tolist(), shared.n.tolist(), strict=True)
    edges = [((a, shared.values[c].item()), int(n)) for a, c, n in triples]
    assert len(dict(edges)) == len(edges)
    return dict(edges)


@given(rows_of, st.integers(1, 50), st.sampled_from([1, 7, 40, 1 << 20]))
@settings(max_examples=300, deadline=None)
def test_edges_breadth_and_rows_equal_a_count_by_hand_in_any_room(rows: list[Row], batch: int, at_once: int) -> None:
    shared = _shared(rows, batch, at_once)
    n: Counter[tuple[int, int]] = Counter()
    for account, value, times in rows:
        n[account, value] += times
    holders = Counter(value for _, value in n)
    assert _edges(shared) == {pair: times for pair, times in n.items() if holders[pair[1]] > 1}
    held = Counter(account for account, _ in n)
    assert shared.held.tolist() == [held[a] for a in range(ACCOUNTS)]
    assert shared.rows.tolist() == [sum(t for (who, _), t in n.items() if who == a) for a in range(ACCOUNTS)]
    assert np.all(np.diff(shared.values.astype(object)) > 0)


def test_a_value_that_everybody_sends_again_and_again_needs_no_more_room_than_its_holders() -> None:
    rows = [(i % ACCOUNTS, 7, 1) for i in range(200_000)]
    shared = _shared(rows, 1000, 4096)
    assert _edges(shared) == {(a, 7): 200_000 // ACCOUNTS + (a < 200_000 % ACCOUNTS) for a in range(ACCOUNTS)}


@pytest.fixture(scope="module")
def town() -> Traffic:
    """A town with a harvest, people with settings, sessions, histories, fingerprints and quoted turns."""
    town = Traffic(seed=3)
    town.people(40, each=30)
    ring = town.harvest(12, each=40)
    for account in ring:
        town.mark_fingerprints(account, mixed("shingle", np.arange(30)))
        town.quote(account, mixed("turn", np.arange(account % 5, 9)))
    return town


@pytest.mark.parametrize("kind", [k for k in KINDS if k.source != "account"], ids=lambda k: k.name)
def test_every_kind_of_mark_comes_out_the_same_by_the_kernel_and_by_the_engine(kind: MarkKind, town: Traffic) -> None:
    window = town.window()
    try:
        streamed = window.shared(kind.value, source=kind.source, of=kind.of)
        window.streams = False
        asked = window.shared(kind.value, source=kind.source)
    finally:
        window.close()
    assert _edges(streamed) == _edges(asked)
    assert streamed.held.tolist() == asked.held.tolist()
    assert streamed.rows.tolist() == asked.rows.tolist()

"""A watch that is killed at any moment loses nothing and doubles nothing, whatever it follows."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from growing import Watch, record, stored, totals

KILLS = 5
SENDS = 400
ROWS = 25


@pytest.mark.slow
def test_killed_again_and_again_while_the_source_grows_each_row_is_stored_once(growing: Any, tmp_path: Path) -> None:
    home, chance, ended = tmp_path / "home", random.Random(7), threading.Event()

    def produce() -> None:
        for send in range(SENDS):
            lines = [record(send * ROWS + i) for i in range(ROWS)]
            growing.send([*lines[:3], '{"exchange_id": 1', *lines[3:]] if send % 50 == 7 else lines)
            time.sleep(0.04)
        ended.set()

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    seen: list[int] = []
    for _ in range(KILLS):
        watch = Watch(home, growing.source, "--every", "30d")
        watch.until_started(len(seen) + 1)
        time.sleep(chance.uniform(0.0, 2.5))
        watch.kill()
        seen.append(len(stored(home)))
    watch = Watch(home, growing.source, "--every", "30d")
    watch.until(lambda: ended.is_set() and len(stored(home)) >= SENDS * ROWS)
    assert watch.end() == 0
    thread.join()
    ids = stored(home)
    assert sorted(ids) == sorted(f"e{i}" for i in range(SENDS * ROWS))
    assert len(set(seen)) > 2, "the kills fell into the reading"
    told = totals(home)
    assert (told["kept"], told["quarantined"]) == (SENDS * ROWS, SENDS // 50)
    assert told["duplicates"] == 0, "places and rows are committed together: nothing is even read twice"
    bad = [line for file in (home / "quarantine").iterdir() for line in file.read_text().splitlines()]
    assert len(bad) == SENDS // 50

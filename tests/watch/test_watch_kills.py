"""A watch that is killed at any moment loses nothing and doubles nothing, whatever it follows."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from growing import Watch, record, stored, totals

KILLS = 4
ROWS = 25


class Producer:
    """Sends until it is told to stop; now and then a record that is cut off."""

    def __init__(self, growing: Any) -> None:
        self.rows = self.bad = 0
        self._growing, self._stop = growing, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sends = 0
        while not self._stop.wait(0.1):
            lines = [record(self.rows + i) for i in range(ROWS)]
            if sends % 50 == 7:
                lines.insert(3, '{"exchange_id": 1')
                self.bad += 1
            self._growing.send(lines)
            sends, self.rows = sends + 1, self.rows + ROWS

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.slow
def test_killed_again_and_again_while_the_source_grows_each_row_is_stored_once(growing: Any, tmp_path: Path) -> None:
    home, chance = tmp_path / "home", random.Random(7)
    producer = Producer(growing)
    seen = [0]
    for kill in range(KILLS):
        watch = Watch(home, growing.source, "--every", "30d")
        watch.until_started(kill + 1)
        if kill % 2:
            watch.until_stored(home, seen[-1] + 1)
        time.sleep(chance.uniform(0.0, 1.5))
        watch.kill()
        seen.append(len(stored(home)))
    watch = Watch(home, growing.source, "--every", "30d")
    watch.until_stored(home, seen[-1] + 1)
    producer.stop()
    watch.until_stored(home, producer.rows)
    assert watch.end() == 0
    assert sorted(stored(home)) == sorted(f"e{i}" for i in range(producer.rows))
    assert len(set(seen)) > KILLS // 2, "the kills fell into the reading"
    told = totals(home)
    assert (told["kept"], told["quarantined"]) == (producer.rows, producer.bad)
    assert told["duplicates"] == 0, "places and rows are committed together: nothing is even read twice"
    bad = [line for file in (home / "quarantine").iterdir() for line in file.read_text().splitlines()]
    assert len(bad) == producer.bad

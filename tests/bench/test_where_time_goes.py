"""The profile of an ingest tells every stage, all of its time, and leaves no wrapper behind."""

from __future__ import annotations

from pathlib import Path

from bench.text_pass import write_texts

from bench import where_time_goes


def test_a_profile_tells_all_stages_of_an_ingest_and_no_more_time_than_it_took(tmp_path: Path) -> None:
    write_texts(tmp_path, "long", 64)
    before = [vars(place)[name] for place, name, _ in where_time_goes._STAGES]
    found = where_time_goes.measure("long", tmp_path, [])
    stages = found["stages_cpu_s_per_million"]
    assert {label for _, _, label in where_time_goes._STAGES} | {"read Parquet", "everything else"} <= set(stages)
    assert all(spent >= 0 for spent in stages.values())
    assert sum(stages.values()) <= 1.05 * found["ingest_cpu_s_per_million"]
    assert before == [vars(place)[name] for place, name, _ in where_time_goes._STAGES]

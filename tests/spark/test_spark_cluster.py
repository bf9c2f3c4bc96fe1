"""The command against a standalone master with two workers on loopback: the findings of one machine, byte for byte."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import KEY, new_home, stored, without_spark
from stillwatch import pipeline
from stillwatch.settings import Settings
from stillwatch.simulate import simulate

pytestmark = pytest.mark.slow
TABLES = ("campaigns", "accounts", "evidence")


def started(spark: Path, folder: Path, what: str, *args: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """A daemon of Spark's in the foreground, its words in a file."""
    with (folder / f"{what.lower()}-{len(list(folder.iterdir()))}.log").open("wb") as words:
        command = [str(spark / "bin" / "spark-class"), f"org.apache.spark.deploy.{what.lower()}.{what}", *args]
        return subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, env=environ)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[tuple[str, dict[str, str], Path]]:
    """(address, environment for its drivers, folder of its event logs) of a cluster of two workers with a core each."""
    assert not (why := without_spark()), why
    import pyspark

    spark = Path(pyspark.__file__).parent
    folder, events, conf = tmp_path / "cluster", tmp_path / "events", tmp_path / "conf"
    for place in (folder, events, conf):
        place.mkdir()
    (conf / "spark-defaults.conf").write_text(
        f"spark.eventLog.enabled true\nspark.eventLog.dir file://{events}\nspark.executor.memory 1g\n"
        "spark.eventLog.compress false\nspark.driver.host 127.0.0.1\nspark.driver.bindAddress 127.0.0.1\n")  # fmt: skip
    environ = {
        **os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONF_DIR": str(conf), "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": str(spark),
    }  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = ("--host", "127.0.0.1", "--webui-port", "0")
    running = [started(spark, folder, "Master", *common, "--port", port, environ=environ)]
    address = f"spark://127.0.0.1:{port}"
    try:
        for number in (1, 2):
            work = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work-{number}"))
            running.append(started(spark, folder, "Worker", *common, *work, address, environ=environ))
        until = time.monotonic() + 600
        while sum(file.read_text("utf-8", "replace").count("Registering worker") for file in folder.glob("*.log")) < 2:
            assert time.monotonic() < until, "the workers did not register"
            time.sleep(0.3)
        yield address, environ, events
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def test_a_sweep_on_two_workers_finds_what_one_machine_finds(
    master: tuple[str, dict[str, str], Path], tmp_path: Path
) -> None:
    address, environ, events = master
    world = tmp_path / "world"
    simulate(world, ("demo",), scale=1.0, seed=5)
    rows = pq.read_table(sorted((world / "exchanges").glob("*.parquet"))[0])
    logs = tmp_path / "logs"
    logs.mkdir()
    bad = rows.slice(0, 3).set_column(rows.schema.get_field_index("model"), "model", pa.nulls(3, pa.string()))
    bad = bad.set_column(0, bad.schema.names[0], pa.array(["bad-1", "bad-2", "bad-3"]))
    pq.write_table(pa.concat_tables([rows.slice(0, 2500), bad]), logs / "one.parquet", row_group_size=900)
    pq.write_table(rows.slice(2300, 2000), logs / "two.parquet", row_group_size=900)
    alone, spread = new_home(tmp_path / "alone"), new_home(tmp_path / "spread")
    accounts = str(world / "accounts.jsonl")
    found = pipeline.sweep(alone, [str(logs)], settings=Settings(), accounts=[accounts])
    assert found.campaigns.num_rows, "the slice is to hold something to find"

    command = [sys.executable, "-m", "stillwatch", "sweep", "--engine", address, str(logs), "--accounts", accounts,
               "--home", str(spread)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000, env=environ, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{found.campaigns.num_rows} " in done.stdout
    assert stored(spread) == stored(alone)
    for name in TABLES:
        one, many = (home / "findings" / f"{name}.parquet" for home in (alone, spread))
        assert many.read_bytes() == one.read_bytes(), name

    words = b"".join(file.read_bytes() for file in events.rglob("*") if file.is_file())
    assert re.search(rb"MapInArrow|mapInArrow|text_pass", words), "the event log tells of the pass"
    spellings = (KEY, KEY.hex().encode(), base64.b64encode(KEY)[:-2], repr(KEY).encode())
    assert not [spelling for spelling in spellings if spelling in words], "the key is in no event log"

"""A Spark session: one that is there, or one of ours; its times are UTC while we use it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stillwatch.errors import OutsideError, StillwatchError, UsageError

INSTALL = "pip install 'stillwatch[spark]'"
_ZONE = "spark.sql.session.timeZone"
_OURS = {
    _ZONE: "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16384",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.enabled": "false",
}


@contextmanager
def spark_session(engine: Any) -> Iterator[Any]:
    """A session for a master's address (`spark://HOST:PORT`, `local[2]`), stopped afterwards, or the one that is given.

    UsageError without pyspark or Java, OutsideError where Spark itself fails.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UsageError("--engine", "needs pyspark", INSTALL) from error
    ours = isinstance(engine, str)
    session = _open(SparkSession, engine) if ours else engine
    zone = session.conf.get(_ZONE)
    session.conf.set(_ZONE, "UTC")
    try:
        yield session
    except StillwatchError:
        raise
    except Exception as error:
        if not isinstance(error, PySparkException) and not type(error).__module__.startswith("py4j"):
            raise
        what = f"Spark failed ({type(error).__name__})"
        raise OutsideError("--engine", what, "the workers' and the driver's logs of Spark say why") from error
    finally:
        if ours:
            session.stop()
        else:
            session.conf.set(_ZONE, zone)


def _open(session: Any, master: str) -> Any:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = session.builder.master(master).appName("stillwatch")
    for name, value in _OURS.items():
        builder = builder.config(name, value)
    try:
        opened = builder.getOrCreate()
        # Spark's own default is 200, whatever the cluster: on two cores that is two hundred small tasks a query.
        opened.conf.set("spark.sql.shuffle.partitions", str(max(4, 4 * opened.sparkContext.defaultParallelism)))
        return opened
    except Exception as error:
        if "JAVA_GATEWAY_EXITED" in str(error) or isinstance(error, FileNotFoundError):
            hint = "install Java 17 (Debian: apt-get install openjdk-17-jre-headless)"
            raise UsageError("--engine", "Java was not found, or did not start", hint) from error
        what = f"no Spark session for {master!r} ({type(error).__name__})"
        raise OutsideError("--engine", what, "is the master's address right, and does it answer?") from error

"""Cost of the text pass as a ratio to the bare scan of the same files, and how many texts keep no fingerprint.

``python -m bench.text_pass [--rows N] [--json]``. Synthetic Parquet files in a temporary folder: *short* prompts (about
500 bytes) and *long* histories (10 to 20 messages, about 10 kB). CPU seconds are user and system, of this process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.patterns import load_rules
from stillwatch.records.rules import Rule
from stillwatch.records.tables import EXCHANGE
from stillwatch.sketch import compile_rules, sketch_batch

_SCHEMA = arrow_schema(EXCHANGE)
_START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
_KEY = b"a key of the benchmark only"


def _vocabulary(random_source: random.Random) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = [1 / (i + 2) for i in range(26)]
    return ["".join(random_source.choices(letters, weights, k=random_source.randint(2, 10))) for _ in range(20_000)]


class _Writer:
    """Prose of Zipf-like words, and templates with slots."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words = _vocabulary(self.random)
        self.templates = [self.prose(20) for _ in range(200)]

    def prose(self, count: int) -> str:
        size = len(self.words)
        picked = [self.words[int(size * self.random.random() ** 3)] for _ in range(count)]
        return " ".join(word + ("." if i % 12 == 11 else "") for i, word in enumerate(picked))

    def prompt(self, count: int) -> str:
        if self.random.random() < 0.2:
            return f"{self.random.choice(self.templates)} {self.random.randint(1, 9999)} {self.prose(max(count - 20, 2))}"  # noqa: E501
        return self.prose(count)


def _rules() -> list[Rule]:
    """A hundred rules: phrases, and phrases with gaps."""
    verbs = ("explain", "grade", "score", "rewrite", "imagine", "generate", "clean", "complete", "judge", "list")
    things = ("your reasoning", "the answer", "each step", "this trace", "the rubric", "new tasks", "the plan",
              "training data", "a variation", "the tool calls")  # fmt: skip
    pairs = [(verb, thing) for verb in verbs for thing in things]
    return [
        Rule(i + 1, f"bench-{i}", "grading", "", "en", rf"\b{v}\b.{{0,40}}\b{t}\b" if i % 5 == 0 else rf"\b{v} {t}\b", (), "")  # noqa: E501
        for i, (v, t) in enumerate(pairs)
    ]


def write_texts(folder: Path, kind: str, rows: int) -> list[Path]:
    """Parquet files of `rows` exchanges, *short* or *long*, as this module's first lines say."""
    writer = _Writer(7)
    files, size = [], min(rows, 8192 if kind == "long" else 65536)
    pool = [writer.prose(120) for _ in range(400)]
    systems = [writer.prose(60) for _ in range(50)]
    for first in range(0, rows, size):
        records: list[dict[str, Any]] = []
        for i in range(first, min(first + size, rows)):
            one: dict[str, Any] = {
                "exchange_id": f"x{i}", "started_at": _START + dt.timedelta(seconds=i), "account_id": f"a{i % 997}",
                "model": "m", "ip": f"10.{i % 7}.{i % 251}.{i % 253}", "user_agent": f"client/{i % 20}", "status": 200,
                "key_id": f"k{i % 1500}", "input_tokens": 100, "output_tokens": 300, "country": "US",
            }  # fmt: skip
            if kind == "short":
                one["prompt"] = writer.prompt(writer.random.randint(50, 110))
            else:
                turns = writer.random.randint(5, 9)
                talk = [{"role": "system", "content": writer.random.choice(systems)}]
                for _ in range(turns):
                    talk.append({"role": "user", "content": writer.prompt(60)})
                    talk.append({"role": "assistant", "content": "\n\n".join(writer.random.choices(pool, k=2))})
                one["messages"] = json.dumps([*talk, {"role": "user", "content": writer.prompt(60)}])
            records.append(one)
        path = folder / f"{kind}-{first}.parquet"
        pq.write_table(pa.Table.from_pylist(records, schema=_SCHEMA), path, compression="zstd", row_group_size=size)
        files.append(path)
    return files


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def measure(kind: str, rows: int, packs: str = "hundred phrases") -> dict[str, Any]:
    """Rows, text bytes, CPU seconds per million rows of scan and pass, and their ratio (best of three each)."""
    rules = compile_rules(load_rules() if packs == "shipped" else _rules())
    with tempfile.TemporaryDirectory() as name:
        files = write_texts(Path(name), kind, rows)
        columns = {"long": "select sum(strlen(messages))", "short": "select sum(strlen(prompt))"}
        scan_sql = columns[kind] + " from read_parquet(?)"
        link = duckdb.connect()
        link.execute("set threads to 1")
        scans, passes, fingerprints, size = [], [], 0, 0
        for turn in range(4):
            begun = _cpu_seconds()
            found = link.execute(scan_sql, [[str(f) for f in files]]).fetchone()
            scans.append(_cpu_seconds() - begun)
            size = int(found[0]) if found else 0
            begun = _cpu_seconds()
            fingerprints = 0
            for path in files:
                for batch in pq.ParquetFile(path).iter_batches(batch_size=65536, use_threads=False):
                    accounts = np.arange(batch.num_rows, dtype=np.int32) % 997
                    fingerprints += sketch_batch(batch, accounts, _KEY, rules).fingerprints.num_rows
            if turn:
                passes.append(_cpu_seconds() - begun)
    scan, cost = min(scans[1:]), min(passes)
    return {
        "set": kind, "rules": packs, "rows": rows, "bytes_per_row": round(size / rows),
        "scan_cpu_s_per_million": scan / rows * 1e6,
        "pass_cpu_s_per_million": cost / rows * 1e6, "ratio": cost / scan, "fingerprint_rows_per_row": fingerprints / rows,  # noqa: E501
    }  # fmt: skip


def blind_shares(texts: int = 2000) -> list[dict[str, Any]]:
    """For each length: share of prompts, and of pairs of one template (20 fixed words), without a (shared) fingerprint."""  # noqa: E501
    writer, rules, out = _Writer(11), compile_rules([]), []
    for words in (4, 6, 12, 24, 50, 100, 200, 400, 1000):
        fixed = [writer.prose(min(20, words - 2)) for _ in range(texts)]
        pairs = [f"{head} {writer.prose(max(words - 20, 2))}" for head in fixed for _ in range(2)]
        batch = pa.RecordBatch.from_pylist(
            [{"exchange_id": str(i), "prompt": text} for i, text in enumerate(pairs)], schema=_SCHEMA
        )
        done = sketch_batch(batch, np.arange(len(pairs), dtype=np.int32), _KEY, rules).fingerprints
        own: list[set[int]] = [set() for _ in pairs]
        for account, value in zip(done.column(0).to_pylist(), done.column(1).to_pylist(), strict=True):
            own[account].add(value)
        unseen = sum(not (own[2 * i] & own[2 * i + 1]) for i in range(texts)) / texts
        out.append({"words": words, "prompts_without": sum(not s for s in own) / len(own), "templates_without": unseen})
    return out


def main() -> None:
    """Print the figures, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = {"short": options.rows, "long": max(options.rows // 16, 1024)}
    sets = [measure(kind, rows, packs) for packs in ("hundred phrases", "shipped") for kind, rows in sizes.items()]
    blind = blind_shares()
    if options.json:
        print(json.dumps({"sets": sets, "blind": blind}))
        return
    for row in (*sets, *blind):
        print("  ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))  # noqa: E501


if __name__ == "__main__":
    main()

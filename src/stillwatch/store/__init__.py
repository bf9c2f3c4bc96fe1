"""Parquet and DuckDB: the only room that writes tables."""

from stillwatch.store.home import Store, open_store
from stillwatch.store.live_writing import LiveWriter
from stillwatch.store.locks import FINDINGS_LOCK, FINDINGS_WAIT, WRITE_WAIT, locked
from stillwatch.store.parts import add_names
from stillwatch.store.retention import compact, newest, retire
from stillwatch.store.writing import Chunk, Writer, expire_text

__all__ = [
    "FINDINGS_LOCK", "FINDINGS_WAIT", "WRITE_WAIT", "Chunk", "LiveWriter", "Store", "Writer", "add_names", "compact",
    "expire_text", "locked", "newest", "open_store", "retire",
]  # fmt: skip

"""Parquet and DuckDB: the only room that writes tables."""

from stillwatch.store.home import Store, open_store
from stillwatch.store.parts import add_names
from stillwatch.store.writing import Chunk, Writer

__all__ = ["Chunk", "Store", "Writer", "add_names", "open_store"]

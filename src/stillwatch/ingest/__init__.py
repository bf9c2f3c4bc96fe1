"""Logs of any known dialect become Arrow batches in the contract's columns; bad rows become defects."""

from stillwatch.ingest.dialects import Dialect, dialects
from stillwatch.ingest.field_map import read_field_map
from stillwatch.ingest.inputs import FileInput, Input
from stillwatch.ingest.reading import Taken, read_source, take_batch
from stillwatch.ingest.sources import Source, find_sources

__all__ = [
    "Dialect", "FileInput", "Input", "Source", "Taken", "dialects", "find_sources", "read_field_map", "read_source",
    "take_batch",
]  # fmt: skip

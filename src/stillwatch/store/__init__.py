"""Parquet and DuckDB: the only room that writes tables."""

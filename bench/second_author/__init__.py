"""Holdout worlds by a second author, written apart from the detector, and their scorer.

Nothing here imports `stillwatch`: logs go out as files in the contract's layout, findings come back as the
contract's Parquet files, and only those two meet. Counts and rates follow the public record (Anthropic,
February and September 2026; advisory AA26-251A), the sentences are this author's own.
"""

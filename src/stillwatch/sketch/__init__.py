"""The text pass, RecordBatch to RecordBatch: patterns, fingerprints and keyed hashes; text ends here."""

from stillwatch.sketch.characters import SEED_VERSION
from stillwatch.sketch.rule_scan import CompiledRules, compile_rules
from stillwatch.sketch.text_pass import sketch_batch

__all__ = ["SEED_VERSION", "CompiledRules", "compile_rules", "sketch_batch"]

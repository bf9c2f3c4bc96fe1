"""stillwatch: from a model provider's request logs to named distillation campaigns, with evidence for and against."""

__version__ = "0.1.0"

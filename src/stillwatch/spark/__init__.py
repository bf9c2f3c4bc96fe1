"""Spark as the engine of a sweep: the same text pass on its executors, the same expressions over the same parts."""
